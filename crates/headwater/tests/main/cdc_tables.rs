//! Tables of a database in SQL that are not taken as they are: filtered, read again, paused.

use crate::cdc::{open, start, table, wait_for};
use crate::shown::select;

#[test]
fn a_table_has_the_rows_and_columns_that_it_says() {
    let Some((_server, address, mut session)) = start() else {
        return;
    };
    let mut run = |sql: &str| drop(session.query(sql).unwrap());
    run("CREATE TABLE orders (id int PRIMARY KEY, n int, mail text, note text, secret text)");
    run("ALTER TABLE orders REPLICA IDENTITY FULL");
    run(
        "INSERT INTO orders SELECT n, n, 'm' || n || '@example.org', 'a long note', 's' FROM generate_series(1, 100) n",
    );
    let folder = tempfile::tempdir().unwrap();
    let hw = open(folder.path());
    let options = ", 'scan.filter' = 'n > 98', 'scan.columns.exclude' = 'secret', 'scan.columns.mask' = 'mail=5', \
                   'scan.columns.truncate' = 'note=6'";
    let orders = table(&address, "orders", "", options);
    hw.sql(&orders).unwrap();
    // Columns that are left out are not there to be asked for.
    hw.sql("SELECT secret FROM orders").unwrap_err();
    let all = "SELECT * FROM orders";
    assert_eq!(
        select(&hw, all),
        ["100 100 ***** a long", "99 99 ***** a long"]
    );
    let view = "CREATE MATERIALIZED VIEW chosen AS SELECT id, n, mail, note FROM orders;";
    hw.sql(view).unwrap();
    let chosen = "SELECT id, n, mail, note FROM chosen";
    wait_for(&hw, chosen, &["100 100 ***** a long", "99 99 ***** a long"]);
    // One comes to hold, one ceases to, one never did.
    run(
        "BEGIN; UPDATE orders SET n = 101 WHERE id = 1; UPDATE orders SET n = 0 WHERE id = 99; DELETE FROM orders WHERE id = 50; COMMIT",
    );
    wait_for(&hw, chosen, &["1 101 ***** a long", "100 100 ***** a long"]);
    hw.close().unwrap();
}

#[test]
fn a_table_without_kinds_of_changes_keeps_what_they_would_take() {
    let Some((_server, address, mut session)) = start() else {
        return;
    };
    let mut run = |sql: &str| drop(session.query(sql).unwrap());
    run(
        "CREATE TABLE orders (id int PRIMARY KEY, n int); INSERT INTO orders VALUES (1, 1), (2, 2)",
    );
    let folder = tempfile::tempdir().unwrap();
    let hw = open(folder.path());
    let skips = ", 'scan.skipped.operations' = 'd'";
    hw.sql(&table(&address, "orders", "", skips)).unwrap();
    let view = "CREATE MATERIALIZED VIEW kept AS SELECT id, n FROM orders;";
    hw.sql(view).unwrap();
    wait_for(&hw, "SELECT id, n FROM kept", &["1 1", "2 2"]);
    run("DELETE FROM orders WHERE id = 1; UPDATE orders SET n = 3 WHERE id = 2");
    wait_for(&hw, "SELECT id, n FROM kept", &["1 1", "2 3"]);
    hw.close().unwrap();
}

#[cfg(feature = "cli")]
#[test]
fn a_table_of_a_running_pipeline_is_read_again_and_paused_by_the_command_line() {
    use std::time::{Duration, Instant};

    use crate::binary::{headwater, run};
    let Some((_server, address, mut session)) = start() else {
        return;
    };
    let mut sql = |text: &str| drop(session.query(text).unwrap());
    sql("CREATE TABLE orders (id int PRIMARY KEY, n int)");
    sql("INSERT INTO orders SELECT n, n FROM generate_series(1, 100) n");
    let folder = tempfile::tempdir().unwrap();
    let (data, script) = (folder.path().join("data"), folder.path().join("sums.sql"));
    let (data, script) = (data.to_str().unwrap(), script.to_str().unwrap());
    let orders = table(&address, "orders", "", ", 'slot.name' = 'sums'");
    let view = "CREATE MATERIALIZED VIEW sums AS SELECT COUNT(*) AS c, SUM(n) AS s FROM orders;";
    std::fs::write(script, format!("{orders}\n{view}\n")).unwrap();
    let mut command = headwater(["run", script, "-s", data]);
    command.stdout(std::process::Stdio::null());
    command.stderr(std::process::Stdio::null());
    let mut child = command.spawn().unwrap();
    let ask = |arguments: &[&str]| {
        let mut command = headwater(["cdc"]);
        run(command.args(arguments).args(["--data", data]))
    };
    let until_status_has = |text: &str| {
        let until = Instant::now() + Duration::from_secs(60);
        loop {
            let status = ask(&["status", "-o", "jsonl"]).stdout;
            if status.contains(text) {
                break;
            }
            assert!(Instant::now() < until, "{text}: {status}");
        }
    };
    until_status_has(r#""rows_read":100"#);
    assert_eq!(ask(&["pause", "sums"]).code, Some(0));
    until_status_has(r#""backfill_paused":true"#);
    let again = ["snapshot", "sums", "public.orders", "--where", "id > 90"];
    let ended = ask(&again);
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    until_status_has(r#""backfill_percent":0.0"#);
    assert_eq!(ask(&["resume", "sums"]).code, Some(0));
    until_status_has(r#""backfill_percent":100.0"#);
    until_status_has(r#""rows_read":10,"#);
    child.kill().unwrap();
    child.wait().unwrap();
}
