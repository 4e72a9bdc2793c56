//! Statements that do not parse.

use super::errors;

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

    error: expected ')', found 'FROM'
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
