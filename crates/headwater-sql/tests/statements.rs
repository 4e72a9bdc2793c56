//! Statements of every kind.

use crate::support::{plan, session};

const TABLES: &str = "
    CREATE TABLE bids (
        auction BIGINT NOT NULL,
        price DECIMAL(10, 2) COMMENT 'in euros',
        tags ARRAY<STRING>,
        attrs MAP<STRING, ROW<a INT, b ARRAY<DOUBLE>>>,
        place ROW<city STRING, zip INT>,
        ts TIMESTAMP(3),
        part INT METADATA FROM 'partition' VIRTUAL,
        cents AS CAST(price * 100 AS BIGINT),
        pt AS PROCTIME(),
        WATERMARK FOR ts AS ts - INTERVAL '5' SECOND,
        CONSTRAINT pk PRIMARY KEY (auction) NOT ENFORCED
    ) COMMENT 'bids' WITH (topic = 'raw-bids', scan.startup.mode = 'earliest-offset', 'format' = 'json');
    CREATE TABLE sink (auction BIGINT, total DECIMAL(20, 2)) WITH ('connector' = 'blackhole');";

fn check(sql: &str) -> String {
    plan(&mut session(TABLES), sql)
}

#[test]
fn describe_shows_every_kind_of_column() {
    insta::assert_snapshot!(check("DESCRIBE bids"), @r#"
    name | type | null | extra
    auction | BIGINT | NO | PRIMARY KEY
    price | DECIMAL(10, 2) | YES | 
    tags | ARRAY<STRING> | YES | 
    attrs | MAP<STRING, ROW<a INT, b ARRAY<DOUBLE>>> | YES | 
    place | ROW<city STRING, zip INT> | YES | 
    ts | TIMESTAMP(3) | YES | WATERMARK AS ts - INTERVAL '5' SECOND
    part | INT | YES | METADATA FROM 'partition'
    cents | BIGINT | YES | AS CAST(price * CAST(100 AS DECIMAL(20, 0)) AS BIGINT)
    pt | TIMESTAMP_LTZ(3) | YES | AS proctime()
    "#);
}

#[test]
fn insert_casts_what_cannot_be_misread() {
    insta::assert_snapshot!(check("INSERT INTO sink SELECT auction, price FROM bids"), @r"
    Projection: bids.auction AS auction, CAST(bids.price AS Decimal128(20, 2)) AS total
      TableScan: bids projection=[auction, price]
    ");
}

#[test]
fn insert_fills_columns_that_are_not_named_with_null() {
    insta::assert_snapshot!(check("INSERT INTO sink (total) SELECT price FROM bids"), @r"
    Projection: Int64(NULL) AS auction, CAST(bids.price AS Decimal128(20, 2)) AS total
      TableScan: bids projection=[price]
    ");
}

#[test]
fn nested_fields_are_named_after_the_field() {
    insta::assert_snapshot!(check("SELECT place.city, bids.place.zip FROM bids EMIT CHANGES"), @r#"
    Projection: get_field(bids.place, Utf8("city")) AS city, get_field(bids.place, Utf8("zip")) AS zip
      TableScan: bids projection=[place]
    "#);
}

#[test]
fn a_statement_set_is_one_pipeline() {
    let sql = "EXECUTE STATEMENT SET BEGIN
        INSERT INTO sink SELECT auction, price FROM bids;
        INSERT INTO sink SELECT auction, price * 2 FROM bids;
    END;";
    assert_eq!(check(sql).matches("TableScan").count(), 2);
}

#[test]
fn a_sink_inserts_from_a_view() {
    let sql = "CREATE VIEW v AS SELECT auction FROM bids;
        CREATE SINK s FROM v WITH (connector = 'print')";
    insta::assert_snapshot!(check(sql), @r"
    Projection: v.auction AS auction
      SubqueryAlias: v
        TableScan: bids projection=[auction]
    ");
}

#[test]
fn a_table_may_be_made_of_a_query() {
    let sql =
        "CREATE TABLE copy WITH ('connector' = 'blackhole') AS SELECT auction, price FROM bids";
    insta::assert_snapshot!(check(sql), @r"
    Projection: bids.auction AS auction, bids.price AS price
      TableScan: bids projection=[auction, price]
    ");
}

#[test]
fn like_copies_a_definition() {
    let sql = "CREATE TABLE other (extra STRING) WITH ('topic' = 'o')
        LIKE bids (EXCLUDING WATERMARKS EXCLUDING GENERATED); DESCRIBE other";
    insta::assert_snapshot!(check(sql), @r"
    name | type | null | extra
    auction | BIGINT | NO | PRIMARY KEY
    price | DECIMAL(10, 2) | YES | 
    tags | ARRAY<STRING> | YES | 
    attrs | MAP<STRING, ROW<a INT, b ARRAY<DOUBLE>>> | YES | 
    place | ROW<city STRING, zip INT> | YES | 
    ts | TIMESTAMP(3) | YES | 
    part | INT | YES | METADATA FROM 'partition'
    extra | STRING | YES |
    ");
}

#[test]
fn values_are_inserted_once() {
    let sql = "INSERT INTO sink VALUES (1, 2.5), (2, NULL)";
    insta::assert_snapshot!(check(sql), @r"
    Projection: CAST(column1 AS Int64) AS auction, CAST(column2 AS Decimal128(20, 2)) AS total
      Values: (Int32(1) AS Int64(1), Decimal128(2.5,2,1)), (Int32(2) AS Int64(2), Decimal128(NULL,2,1))
    ");
}

#[test]
fn filters_stay_above_windows() {
    let sql = "INSERT INTO sink SELECT auction, sum(price)
        FROM SESSION(TABLE bids PARTITION BY auction, DESCRIPTOR(ts), INTERVAL '1' MINUTE)
        WHERE price > 1 GROUP BY auction, window_start, window_end EMIT ON WINDOW CLOSE";
    insta::assert_snapshot!(check(sql), @r#"
    Projection: bids.auction AS auction, sum(bids.price) AS total
      Aggregate: groupBy=[[bids.auction, bids.window_start, bids.window_end]], aggr=[[sum(bids.price)]]
        Filter: bids.price > Decimal128(1.00,10,2)
          Projection: bids.auction, bids.price, bids.window_start, bids.window_end
            Window: SESSION(GAP 1 min) on bids.ts by bids.auction
              TableScan: bids projection=[auction, price, ts]
    "#);
}

#[test]
fn now_is_not_folded() {
    let sql = "INSERT INTO sink SELECT auction, price FROM bids WHERE ts < now()";
    assert!(check(sql).contains("now()"), "{}", check(sql));
}

#[test]
fn settings_are_kept_and_shown() {
    let sql = "SET 'pipeline.name' = 'p'; SET 'table.local-time-zone' = 'UTC'; RESET 'table.local-time-zone'; SET";
    insta::assert_snapshot!(check(sql), @r"
    key | value
    pipeline.name | p
    ");
}

#[test]
fn comments_and_semicolons_in_texts_are_no_ends() {
    let sql = "-- a; b\nSELECT ';' /* ; */ AS x;\n;; SHOW CONNECTORS;";
    assert!(check(sql).contains("blackhole"), "{}", check(sql));
}
