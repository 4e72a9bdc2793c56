//! Statements that parse and mean nothing.

use super::errors;

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

    error: the condition 'bids.price' has type BIGINT, not BOOLEAN
     --> line 1, column 39
    1 | SELECT auction + name FROM bids WHERE price
      |                                       ^^^^^
    hint: compare it with something

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

    error: window time column 'price' has type BIGINT, not TIMESTAMP
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
