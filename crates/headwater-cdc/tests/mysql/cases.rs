//! The types of columns and their extreme values, as they stand in statements.

/// How a value is asked for so that nothing is lost on the way.
pub(super) const TEXT: &str = "v";
pub(super) const BYTES: &str = "HEX(v)";
pub(super) const NUMBER: &str = "v + 0";
pub(super) const FLOAT: &str = "CAST(v AS DOUBLE)";

pub(super) struct Case {
    pub(super) kind: &'static str,
    pub(super) asked: &'static str,
    pub(super) values: &'static [&'static str],
}

const fn case(kind: &'static str, asked: &'static str, values: &'static [&'static str]) -> Case {
    Case {
        kind,
        asked,
        values,
    }
}

/// What both servers have.
pub(super) const CASES: &[Case] = &[
    case("TINYINT", TEXT, &["-128", "-1", "0", "127"]),
    case("TINYINT UNSIGNED", TEXT, &["0", "128", "255"]),
    case("BOOLEAN", TEXT, &["true", "false"]),
    case("SMALLINT", TEXT, &["-32768", "32767"]),
    case("SMALLINT UNSIGNED", TEXT, &["65535"]),
    case("MEDIUMINT", TEXT, &["-8388608", "-1", "8388607"]),
    case("MEDIUMINT UNSIGNED", TEXT, &["16777215"]),
    case("INT", TEXT, &["-2147483648", "2147483647"]),
    case("INT UNSIGNED", TEXT, &["4294967295"]),
    case(
        "BIGINT",
        TEXT,
        &["-9223372036854775808", "9223372036854775807"],
    ),
    case("BIGINT UNSIGNED", TEXT, &["0", "18446744073709551615"]),
    case(
        "DECIMAL(65,30)",
        TEXT,
        &[
            "99999999999999999999999999999999999.999999999999999999999999999999",
            "-99999999999999999999999999999999999.999999999999999999999999999999",
            "0",
            "-0.000000000000000000000000000001",
            "1234567890123.45",
        ],
    ),
    case("DECIMAL(10,0)", TEXT, &["-1", "0", "9999999999"]),
    case("DECIMAL(9,9)", TEXT, &["0.123456789", "-0.999999999", "0"]),
    case("DECIMAL(18,9) UNSIGNED", TEXT, &["999999999.000000001"]),
    case("DECIMAL(1,0)", TEXT, &["-9", "0"]),
    case(
        "FLOAT",
        FLOAT,
        &["0.1", "-3.4028234e38", "1.17549e-38", "16777217", "0"],
    ),
    case("FLOAT UNSIGNED", FLOAT, &["1.5"]),
    case(
        "DOUBLE",
        FLOAT,
        &["0.1", "-1.7976931348623157e308", "2.2250738585072014e-308"],
    ),
    case("BIT(1)", NUMBER, &["b'0'", "b'1'"]),
    case("BIT(9)", NUMBER, &["b'100000001'"]),
    case("BIT(64)", NUMBER, &["18446744073709551615", "1"]),
    case("YEAR", TEXT, &["0", "1901", "2155", "2026"]),
    case(
        "DATE",
        TEXT,
        &[
            "'0000-00-00'",
            "'2026-00-00'",
            "'1000-01-01'",
            "'9999-12-31'",
            "'2024-02-29'",
        ],
    ),
    case(
        "DATETIME",
        TEXT,
        &[
            "'0000-00-00'",
            "'1000-01-01 00:00:00'",
            "'9999-12-31 23:59:59'",
        ],
    ),
    case("DATETIME(1)", TEXT, &["'2026-11-26 01:02:03.9'"]),
    case("DATETIME(3)", TEXT, &["'2026-11-26 01:02:03.045'"]),
    case(
        "DATETIME(6)",
        TEXT,
        &[
            "'9999-12-31 23:59:59.999999'",
            "'2026-11-00 00:00:00.000001'",
        ],
    ),
    case(
        "TIMESTAMP NULL",
        TEXT,
        &["0", "'1970-01-01 00:00:01'", "'2038-01-19 03:14:07'"],
    ),
    case("TIMESTAMP(2) NULL", TEXT, &["'2026-11-26 01:02:03.99'"]),
    case(
        "TIMESTAMP(6) NULL",
        TEXT,
        &[
            "'2038-01-19 03:14:07.999999'",
            "0",
            "'2024-02-29 23:59:59.000001'",
        ],
    ),
    case(
        "TIME",
        TEXT,
        &["'-838:59:59'", "'838:59:59'", "'00:00:00'", "'-00:00:01'"],
    ),
    case(
        "TIME(1)",
        TEXT,
        &["'-00:00:00.1'", "'-01:59:59.9'", "'-00:00:01.0'"],
    ),
    case("TIME(2)", TEXT, &["'-00:00:00.10'", "'12:34:56.78'"]),
    case("TIME(4)", TEXT, &["'-838:59:58.9999'", "'-00:00:00.0001'"]),
    case(
        "TIME(6)",
        TEXT,
        &[
            "'-838:59:59.999999'",
            "'838:59:59.999999'",
            "'-00:00:00.000001'",
            "'-00:01:00.000000'",
        ],
    ),
    case("CHAR(10)", TEXT, &["''", "'ä😀'", "'a  '", "'0123456789'"]),
    case(
        "CHAR(255) CHARACTER SET utf8mb4",
        TEXT,
        &["repeat('😀', 255)", "'x'"],
    ),
    case("VARCHAR(10)", TEXT, &["''", "'😀 '"]),
    case(
        "VARCHAR(64) CHARACTER SET latin1",
        TEXT,
        &["'äöü€'", "''", "CONVERT(x'8081ff' USING latin1)"],
    ),
    case(
        "VARCHAR(300) CHARACTER SET utf8mb3",
        TEXT,
        &["repeat('ä', 300)"],
    ),
    case("VARCHAR(9) CHARACTER SET cp1251", TEXT, &["'Привет'"]),
    case("VARCHAR(9) CHARACTER SET koi8r", TEXT, &["'Привет'"]),
    case("VARCHAR(9) CHARACTER SET swe7", TEXT, &["'åäö'", "'abc'"]),
    case("VARCHAR(9) CHARACTER SET ucs2", TEXT, &["'aä€'"]),
    case("VARCHAR(9) CHARACTER SET utf16", TEXT, &["'aä😀'"]),
    case("VARCHAR(9) CHARACTER SET utf16le", TEXT, &["'aä😀'"]),
    case("VARCHAR(9) CHARACTER SET utf32", TEXT, &["'aä😀'"]),
    case("CHAR(9) CHARACTER SET ascii", TEXT, &["'abc'"]),
    case(
        "BINARY(16)",
        BYTES,
        &["x'00'", "x'0000000000000000000000000000ff00'", "''"],
    ),
    case("BINARY(3)", BYTES, &["x'010000'", "x'ffffff'"]),
    case(
        "VARBINARY(300)",
        BYTES,
        &["x'00ff00'", "''", "repeat(x'00', 300)"],
    ),
    case("TINYTEXT", TEXT, &["repeat('x', 255)"]),
    case(
        "TEXT CHARACTER SET latin1",
        TEXT,
        &["repeat('é', 65535)", "''"],
    ),
    case("MEDIUMTEXT", TEXT, &["repeat('ä', 100000)"]),
    case("LONGTEXT", TEXT, &["repeat('x', 17000000)", "'a\\0b'"]),
    case("TINYBLOB", BYTES, &["x'00'", "''"]),
    case("BLOB", BYTES, &["x'00ff'"]),
    case("MEDIUMBLOB", BYTES, &["repeat(x'01', 70000)"]),
    case("LONGBLOB", BYTES, &["x'deadbeef'"]),
    case(
        "ENUM('a','ü','c d')",
        TEXT,
        &["'a'", "'ü'", "3", "'unknown'"],
    ),
    case("ENUM('ж','b') CHARACTER SET cp1251", TEXT, &["'ж'", "'b'"]),
    case("SET('x','ü','z')", TEXT, &["''", "'x'", "'z,x,ü'"]),
    case(
        "SET('1','2','3','4','5','6','7','8','9') CHARACTER SET latin1",
        TEXT,
        &["'9,1'"],
    ),
    case(
        "POINT",
        BYTES,
        &["POINT(1, 2)", "ST_GeomFromText('POINT(1 2)', 4326)"],
    ),
    case(
        "GEOMETRY",
        BYTES,
        &["ST_GeomFromText('POLYGON((0 0,1 0,1 1,0 0))')"],
    ),
];

pub(super) const OF_MARIADB: &[Case] = &[
    case(
        "VARCHAR(200) COMPRESSED",
        TEXT,
        &["repeat('ab', 100)", "'a'", "''"],
    ),
    case("VARBINARY(200) COMPRESSED", BYTES, &["repeat(x'00', 200)"]),
    case("TEXT COMPRESSED", TEXT, &["repeat('ä', 1000)", "'a'"]),
    case("BLOB COMPRESSED", BYTES, &["repeat(x'01', 1000)"]),
    case("JSON", TEXT, &["'{\"a\": [1, null, 1.50, \"ä\"]}'", "'[]'"]),
    case(
        "UUID",
        TEXT,
        &[
            "'00112233-4455-6677-8899-aabbccddee00'",
            "'123e4567-e89b-12d3-a456-426655440000'",
        ],
    ),
    case(
        "INET6",
        TEXT,
        &[
            "'::'",
            "'::1'",
            "'2001:db8::ff00:42:8329'",
            "'::ffff:192.0.2.1'",
            "'::192.0.2.1'",
            "'1::'",
            "'1:0:0:2::3'",
        ],
    ),
    case("INET4", TEXT, &["'192.0.2.1'", "'0.0.0.0'"]),
];

pub(super) const OF_MYSQL: &[Case] = &[
    case("VARCHAR(9) COLLATE utf8mb4_0900_ai_ci", TEXT, &["'ä😀'"]),
    case(
        "CHAR(9) COLLATE utf8mb4_ja_0900_as_cs",
        TEXT,
        &["'日本'", "''"],
    ),
    case(
        "ENUM('ж','b') CHARACTER SET cp1251 COLLATE cp1251_bin",
        TEXT,
        &["'ж'"],
    ),
    case("ENUM('ä','ö') CHARACTER SET utf16", TEXT, &["'ö'"]),
    case("VARCHAR(9) CHARACTER SET armscii8", TEXT, &["'ab'"]),
    case(
        "POINT SRID 4326",
        BYTES,
        &["ST_GeomFromText('POINT(1 2)', 4326)"],
    ),
    case(
        "GEOMETRYCOLLECTION",
        BYTES,
        &["ST_GeomFromText('GEOMETRYCOLLECTION(POINT(1 1),LINESTRING(0 0,1 1))')"],
    ),
    case(
        "MULTIPOLYGON",
        BYTES,
        &["ST_GeomFromText('MULTIPOLYGON(((0 0,1 0,1 1,0 0)))', 3857)"],
    ),
    case(
        "JSON",
        TEXT,
        &[
            "'{\"a\": [1, null, 1.50, \"ä\"]}'",
            "'[]'",
            "'{}'",
            "'null'",
            "'true'",
            "'[false, [], {}]'",
            "'\"\"'",
            r#"'["a\\\\b\\u0001\\n\\t\\"\\/\\u007f😀"]'"#,
            "'{\"\": 1, \"bb\": 2, \"a\": 3, \"ä\": 4}'",
        ],
    ),
    case(
        "JSON",
        TEXT,
        &[
            "'[0, -1, 32767, 32768, -32768, -32769, 65535, 65536]'",
            "'[2147483647, 2147483648, -2147483648, -2147483649, 4294967295, 4294967296]'",
            "'[9223372036854775807, -9223372036854775808, 18446744073709551615, 18446744073709551616]'",
            "'18446744073709551615'",
            "'-5'",
            "'70000'",
            "'1.5'",
            "'[1.0, -0.0, 0.1, 1e100, 1e15, 1e16, 1e17, 1e20, 123456789012345680000, 1e-4, 1e-5, 1e-7, 1e-15, 1e-16, 1.5e-15, 0.00012, 3.14159265358979]'",
            "'[1.7976931348623157e308, 2.2250738585072014e-308, 5e-324, 100000.5, 12345678901234567.5, -1e21, 1e14, 999999999999999.9, 1234567890123456.8]'",
        ],
    ),
    case(
        "JSON",
        TEXT,
        &[
            "CONCAT('{\"a\": \"', REPEAT('x', 70000), '\", \"b\": [1, 100000, -5, null, 1.5, \"c\"]}')",
            "CONCAT('[', REPEAT('1, ', 30000), '70000, true]')",
            "CONCAT(REPEAT('[', 99), '1', REPEAT(']', 99))",
            "CONCAT('[\"', REPEAT('x', 127), '\", \"', REPEAT('y', 128), '\", \"', REPEAT('z', 16384), '\"]')",
        ],
    ),
    case(
        "JSON",
        TEXT,
        &[
            "JSON_ARRAY(CAST('1.50' AS DECIMAL(5,2)), CAST('-0.001' AS DECIMAL(30,3)), CAST('99999' AS DECIMAL(65,0)))",
            "JSON_ARRAY(CAST('2026-01-02' AS DATE), CAST('0000-00-00' AS DATE), CAST('9999-12-31' AS DATE))",
            "JSON_ARRAY(CAST('2026-01-02 03:04:05.678901' AS DATETIME(6)), CAST('2026-01-02 03:04:05' AS DATETIME))",
            "JSON_ARRAY(TIMESTAMP('2026-01-02 03:04:05'), CAST('-12:34:56.5' AS TIME(1)), CAST('838:59:59' AS TIME))",
            "JSON_ARRAY(x'00ff', b'101', CAST('ab' AS BINARY(3)), CAST(REPEAT(x'01', 300) AS BINARY))",
            "JSON_OBJECT('g', ST_GeomFromText('POINT(1 2)'), 'y', CAST(2026 AS YEAR), 'f', CAST(1.5 AS FLOAT))",
            "JSON_ARRAY(ST_AsGeoJSON(ST_GeomFromText('POINT(1 2)')), CAST(1 AS UNSIGNED), CAST(-1 AS SIGNED))",
        ],
    ),
];
