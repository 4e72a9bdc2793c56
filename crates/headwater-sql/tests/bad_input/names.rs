//! Names that nobody knows: the nearest known one is the hint.

use super::errors;

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
