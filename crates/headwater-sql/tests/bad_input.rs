//! What a person sees who wrote something wrong.

use crate::support::{plan, session};

const TABLES: &str = "
    CREATE TABLE bids (auction BIGINT, price BIGINT, name STRING, ts TIMESTAMP(3), place ROW<city STRING>,
        WATERMARK FOR ts AS ts - INTERVAL '5' SECOND) WITH ('connector' = 'nexmark');
    CREATE VIEW v AS SELECT auction FROM bids;
    CREATE TABLE sink (auction BIGINT NOT NULL, price INT) WITH ('connector' = 'blackhole');";

fn check(sql: &str) -> String {
    plan(&mut session(TABLES), sql)
}

/// All errors, one after the other.
fn errors(statements: &[&str]) -> String {
    let errors: Vec<String> = statements.iter().map(|s| check(s)).collect();
    errors.join("\n\n")
}

#[test]
fn unknown_names_in_queries() {
    insta::assert_snapshot!(errors(&[
        "SELECT * FROM bidz",
        "SELECT auctoin FROM bids",
        "SELECT b.prize FROM bids AS b",
        "SELECT x.price FROM bids AS b",
        "SELECT place.town FROM bids",
        "SELECT cuont(*) FROM bids",
    ]), @r"
    error: table 'bidz' not found
     --> line 1, column 15
    1 | SELECT * FROM bidz
      |               ^^^^
    hint: did you mean 'bids'?

    error: column 'auctoin' not found
     --> line 1, column 8
    1 | SELECT auctoin FROM bids
      |        ^^^^^^^
    hint: did you mean 'auction'?

    error: column 'prize' not found
     --> line 1, column 8
    1 | SELECT b.prize FROM bids AS b
      |        ^^^^^^^
    hint: did you mean 'price'?

    error: column 'price' not found in 'x'
     --> line 1, column 8
    1 | SELECT x.price FROM bids AS b
      |        ^^^^^^^
    hint: did you mean 'b.price'?

    error: field 'town' not found in 'place'
     --> line 1, column 14
    1 | SELECT place.town FROM bids
      |              ^^^^

    error: unknown function 'cuont'
     --> line 1, column 8
    1 | SELECT cuont(*) FROM bids
      |        ^^^^^
    hint: did you mean 'count'?
    ");
}

#[test]
fn unknown_names_in_other_statements() {
    insta::assert_snapshot!(errors(&[
        "INSERT INTO snik SELECT * FROM bids",
        "INSERT INTO sink (acution) SELECT auction FROM bids",
        "DROP TABLE bidz",
        "DESCRIBE bidz",
    ]), @r"
    error: table 'snik' not found
     --> line 1, column 13
    1 | INSERT INTO snik SELECT * FROM bids
      |             ^^^^
    hint: did you mean 'sink'?

    error: column 'acution' not found in 'sink'
     --> line 1, column 19
    1 | INSERT INTO sink (acution) SELECT auction FROM bids
      |                   ^^^^^^^
    hint: did you mean 'auction'?

    error: table 'bidz' not found
     --> line 1, column 12
    1 | DROP TABLE bidz
      |            ^^^^
    hint: did you mean 'bids'?

    error: table 'bidz' not found
     --> line 1, column 10
    1 | DESCRIBE bidz
      |          ^^^^
    hint: did you mean 'bids'?
    ");
}

#[test]
fn queries_that_do_not_parse() {
    insta::assert_snapshot!(errors(&[
        "SELEC 1",
        "SELECT 1 +",
        "SELECT (1 FROM bids",
        "SELECT 'open",
        "SELECT 1 EMIT SOMETIMES",
    ]), @r"
    error: 'SELEC' does not begin a statement
     --> line 1, column 1
    1 | SELEC 1
      | ^^^^^
    hint: did you mean 'SELECT'?

    error: expected an expression, found the end of the statement
     --> line 1, column 11
    1 | SELECT 1 +
      |           ^

    error: expected ), found 'FROM'
     --> line 1, column 11
    1 | SELECT (1 FROM bids
      |           ^^^^

    error: unterminated string literal
     --> line 1, column 8
    1 | SELECT 'open
      |        ^

    error: EMIT says nothing that is known
     --> line 1, column 10
    1 | SELECT 1 EMIT SOMETIMES
      |          ^^^^
    hint: write EMIT ON WINDOW CLOSE, EMIT CHANGES or EMIT FINAL at the end of the query
    ");
}

#[test]
fn tables_that_do_not_parse() {
    insta::assert_snapshot!(errors(&[
        "CREATE TABEL t (a INT)",
        "CREATE TABLE t (a INT b INT)",
        "CREATE TABLE t (a INTT)",
        "CREATE TABLE t (a ROW<b INT)",
        "CREATE TABLE t (a INT) WITH ('connector' 'print')",
        "CREATE TABLE t (a INT) WIHT ('connector' = 'print')",
    ]), @r"
    error: expected TABLE, SOURCE, SINK, VIEW or MATERIALIZED VIEW, found 'TABEL'
     --> line 1, column 8
    1 | CREATE TABEL t (a INT)
      |        ^^^^^

    error: expected ',' or ')', found 'b'
     --> line 1, column 23
    1 | CREATE TABLE t (a INT b INT)
      |                       ^

    error: unknown type 'INTT'
     --> line 1, column 19
    1 | CREATE TABLE t (a INTT)
      |                   ^^^^
    hint: did you mean 'INT'?

    error: expected ',', found ')'
     --> line 1, column 28
    1 | CREATE TABLE t (a ROW<b INT)
      |                            ^

    error: expected '=' after option 'connector', found 'print'
     --> line 1, column 42
    1 | CREATE TABLE t (a INT) WITH ('connector' 'print')
      |                                          ^^^^^^^

    error: expected WITH, COMMENT, PARTITIONED BY, FORMAT, LIKE, AS or the end of the statement, found 'WIHT'
     --> line 1, column 24
    1 | CREATE TABLE t (a INT) WIHT ('connector' = 'print')
      |                        ^^^^
    ");
}

#[test]
fn other_statements_that_do_not_parse() {
    insta::assert_snapshot!(errors(&[
        "INSERT sink SELECT 1",
        "SHOW TABELS",
        "EXECUTE STATEMENT SET BEGIN SELECT 1; END",
    ]), @r"
    error: expected INTO, found 'sink'
     --> line 1, column 8
    1 | INSERT sink SELECT 1
      |        ^^^^

    error: expected TABLES, VIEWS, MATERIALIZED VIEWS, JOBS, TOPICS, FUNCTIONS, CONNECTORS, FORMATS, COLUMNS or CREATE, found 'TABELS'
     --> line 1, column 6
    1 | SHOW TABELS
      |      ^^^^^^

    error: expected INSERT, found 'SELECT'
     --> line 1, column 29
    1 | EXECUTE STATEMENT SET BEGIN SELECT 1; END
      |                             ^^^^^^
    ");
}

#[test]
fn tables_that_mean_nothing() {
    insta::assert_snapshot!(errors(&[
        "CREATE TABLE bids (a INT)",
        "CREATE TABLE t (a INT, a BIGINT)",
        "CREATE TABLE t (a INT, WATERMARK FOR a AS a)",
        "CREATE TABLE t (a INT, PRIMARY KEY (b) NOT ENFORCED)",
        "CREATE TABLE t (a DECIMAL(50, 2))",
        "CREATE TABLE t WITH ('connector' = 'print')",
    ]), @r"
    error: 'bids' exists already
     --> line 1, column 14
    1 | CREATE TABLE bids (a INT)
      |              ^^^^
    hint: use CREATE OR REPLACE, or IF NOT EXISTS

    error: column 'a' is declared twice
     --> line 1, column 24
    1 | CREATE TABLE t (a INT, a BIGINT)
      |                        ^

    error: the event-time column 'a' has type INT, not TIMESTAMP
     --> line 1, column 38
    1 | CREATE TABLE t (a INT, WATERMARK FOR a AS a)
      |                                      ^
    hint: add a computed column that is a TIMESTAMP

    error: column 'b' not found
     --> line 1, column 37
    1 | CREATE TABLE t (a INT, PRIMARY KEY (b) NOT ENFORCED)
      |                                     ^
    hint: did you mean 'a'?

    error: DECIMAL(50, 2) does not exist: precision is 1 to 38, scale 0 to the precision
     --> line 1, column 26
    1 | CREATE TABLE t (a DECIMAL(50, 2))
      |                          ^

    error: table 't' has no columns
     --> line 1, column 14
    1 | CREATE TABLE t WITH ('connector' = 'print')
      |              ^
    hint: declare them in parentheses, or add LIKE other or AS query
    ");
}

#[test]
fn inserts_that_mean_nothing() {
    insta::assert_snapshot!(errors(&[
        "INSERT INTO sink SELECT auction FROM bids",
        "INSERT INTO sink SELECT auction, name FROM bids",
        "INSERT INTO sink SELECT auction, price FROM bids",
        "INSERT INTO sink (price) VALUES (1)",
        "INSERT INTO v SELECT 1",
        "INSERT INTO sink SELECT auction, CAST(random() AS INT) FROM bids",
    ]), @r"
    error: the query has 1 columns, 'sink' takes 2
     --> line 1, column 18
    1 | INSERT INTO sink SELECT auction FROM bids
      |                  ^^^^^^
    hint: the query gives (auction BIGINT), the table takes (auction BIGINT, price INT)

    error: column 'price' of 'sink' has type INT, the query's 'name' has type STRING
     --> line 1, column 18
    1 | INSERT INTO sink SELECT auction, name FROM bids
      |                  ^^^^^^
    hint: write CAST(name AS INT)

    error: column 'price' of 'sink' has type INT, the query's 'price' has type BIGINT
     --> line 1, column 18
    1 | INSERT INTO sink SELECT auction, price FROM bids
      |                  ^^^^^^
    hint: write CAST(price AS INT)

    error: column 'auction' of 'sink' is NOT NULL and not among the columns of the INSERT
     --> line 1, column 13
    1 | INSERT INTO sink (price) VALUES (1)
      |             ^^^^

    error: 'v' is a view and cannot be inserted into
     --> line 1, column 13
    1 | INSERT INTO v SELECT 1
      |             ^

    error: RANDOM() would give another result when an epoch is run again after a restart
     --> line 1, column 18
    1 | INSERT INTO sink SELECT auction, CAST(random() AS INT) FROM bids
      |                  ^^^^^^
    hint: compute the value where the rows are produced
    ");
}

#[test]
fn queries_that_mean_nothing() {
    insta::assert_snapshot!(errors(&[
        "SELECT auction, count(*) FROM bids",
        "SELECT auction + name FROM bids WHERE price",
        "DROP TABLE v",
    ]), @r"
    error: column 'bids.auction' is neither grouped by nor aggregated
     --> line 1, column 8
    1 | SELECT auction, count(*) FROM bids
      |        ^^^^^^^
    hint: add bids.auction to GROUP BY, or aggregate it: MAX(bids.auction)

    error: cannot create filter with non-boolean predicate 'bids.price' returning Int64
     --> line 1, column 1
    1 | SELECT auction + name FROM bids WHERE price
      | ^^^^^^

    error: 'v' is a view, not a table
     --> line 1, column 12
    1 | DROP TABLE v
      |            ^
    hint: use DROP VIEW
    ");
}

#[test]
fn windows_that_mean_nothing() {
    insta::assert_snapshot!(errors(&[
        "SELECT * FROM TUMBLE(TABLE bids, DESCRIPTOR(ts))",
        "SELECT * FROM TUMBLE(TABLE bids, DESCRIPTOR(price), INTERVAL '1' MINUTE)",
        "SELECT * FROM TUMBLE(TABLE bids, DESCRIPTOR(tz), INTERVAL '1' MINUTE)",
        "SELECT * FROM TUMBLE(TABLE bids, DESCRIPTOR(ts), INTERVAL '1' MONTH)",
        "SELECT * FROM HOP(TABLE bids, DESCRIPTOR(ts), INTERVAL '7' SECOND, INTERVAL '10' SECOND)",
        "SELECT * FROM TABLE(TUMBEL(TABLE bids, DESCRIPTOR(ts), INTERVAL '1' MINUTE))",
        "SELECT * FROM bids FOR SYSTEM_TIME AS OF ts",
    ]), @r"
    error: TUMBLE: a length is missing
     --> line 1, column 15
    1 | SELECT * FROM TUMBLE(TABLE bids, DESCRIPTOR(ts))
      |               ^^^^^^
    hint: write TUMBLE(TABLE t, DESCRIPTOR(ts), INTERVAL '1' MINUTE)

    error: window time column 'price' has type Int64, not TIMESTAMP
     --> line 1, column 45
    1 | SELECT * FROM TUMBLE(TABLE bids, DESCRIPTOR(price), INTERVAL '1' MINUTE)
      |                                             ^^^^^

    error: column 'tz' not found
     --> line 1, column 45
    1 | SELECT * FROM TUMBLE(TABLE bids, DESCRIPTOR(tz), INTERVAL '1' MINUTE)
      |                                             ^^
    hint: did you mean 'ts'?

    error: months and years have no fixed length, so no window can have it
     --> line 1, column 59
    1 | SELECT * FROM TUMBLE(TABLE bids, DESCRIPTOR(ts), INTERVAL '1' MONTH)
      |                                                           ^^^
    hint: write INTERVAL '5' MINUTE

    error: HOP: the size must be a multiple of the slide
     --> line 1, column 15
    1 | SELECT * FROM HOP(TABLE bids, DESCRIPTOR(ts), INTERVAL '7' SECOND, INTERVAL '10' SECOND)
      |               ^^^
    hint: write HOP(TABLE t, DESCRIPTOR(ts), slide, size)

    error: unknown table function 'TUMBEL'
     --> line 1, column 21
    1 | SELECT * FROM TABLE(TUMBEL(TABLE bids, DESCRIPTOR(ts), INTERVAL '1' MINUTE))
      |                     ^^^^^^
    hint: did you mean 'TUMBLE'?

    error: a temporal join is not supported yet
     --> line 1, column 42
    1 | SELECT * FROM bids FOR SYSTEM_TIME AS OF ts
      |                                          ^^
    hint: FOR SYSTEM_TIME AS OF takes a time that is the same for all rows
    ");
}

#[test]
fn options_that_nobody_knows() {
    insta::assert_snapshot!(errors(&[
        "CREATE TABLE t (a INT) WITH ('connector' = 'nexmrk')",
        "CREATE TABLE t (a INT) WITH (\n  'connector' = 'nexmark',\n  'events.nun' = '1'\n)",
        "CREATE TABLE t (a INT) WITH ('connector' = 'filesystem', 'path' = 'x', 'format' = 'jsn')",
        "CREATE TABLE t (a INT) WITH ('connector' = 'filesystem', 'format' = 'json')",
        "CREATE TABLE t (a INT) WITH ('format' = 'json', 'format' = 'csv')",
        "CREATE TABLE t (a INT, ts TIMESTAMP(3), WATERMARK FOR ts AS ts) WITH ('allowed-lateness' = 'soon')",
    ]), @r"
    error: unknown connector 'nexmrk'
     --> line 1, column 30
    1 | CREATE TABLE t (a INT) WITH ('connector' = 'nexmrk')
      |                              ^^^^^^^^^^^
    hint: did you mean 'nexmark'?

    error: unknown option 'events.nun'
     --> line 3, column 3
    3 |   'events.nun' = '1'
      |   ^^^^^^^^^^^^
    hint: did you mean 'events.num'?

    error: unknown format 'jsn'
     --> line 1, column 72
    1 | CREATE TABLE t (a INT) WITH ('connector' = 'filesystem', 'path' = 'x', 'format' = 'jsn')
      |                                                                        ^^^^^^^^
    hint: did you mean 'json'?

    error: option 'path' is missing
     --> line 1, column 14
    1 | CREATE TABLE t (a INT) WITH ('connector' = 'filesystem', 'format' = 'json')
      |              ^

    error: option 'format' is given twice
     --> line 1, column 49
    1 | CREATE TABLE t (a INT) WITH ('format' = 'json', 'format' = 'csv')
      |                                                 ^^^^^^^^

    error: option 'allowed-lateness' is not a duration: 'soon'
     --> line 1, column 71
    1 | CREATE TABLE t (a INT, ts TIMESTAMP(3), WATERMARK FOR ts AS ts) WITH ('allowed-lateness' = 'soon')
      |                                                                       ^^^^^^^^^^^^^^^^^^
    hint: write a number and a unit: 500ms, 5s, 1min, 2h, 1d
    ");
}
