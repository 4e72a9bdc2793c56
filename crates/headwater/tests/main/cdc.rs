//! Tables of a database in SQL: views that follow it, and queries of what it has now.

use std::path::Path;
use std::time::{Duration, Instant};

use headwater::{Headwater, Options};
use headwater_cdc::postgres::{Address, Session};

use crate::server::Server;
use crate::shown::select;

const PATIENCE: Duration = Duration::from_secs(60);

/// A server that replicates, and a session of its database.
pub(crate) fn start() -> Option<(Server, Address, Session)> {
    let server = Server::start(&["wal_level = logical", "fsync = off"])?;
    let address: Address = server.url("postgres").parse().unwrap();
    let session = Session::connect(&address).unwrap();
    Some((server, address, session))
}

pub(crate) fn open(dir: &Path) -> Headwater {
    let options = Options {
        repeats: true,
        threads: 2,
        ..Options::default()
    };
    Headwater::open_with(dir, options).unwrap()
}

/// The statement that makes a table of a database known, with its columns or without.
pub(crate) fn table(address: &Address, name: &str, columns: &str, more: &str) -> String {
    let Address {
        port,
        user,
        password,
        database,
        ..
    } = address;
    format!(
        "CREATE TABLE {name} {columns} WITH ('connector' = 'postgres-cdc', 'hostname' = '127.0.0.1', 'port' = '{port}', \
         'username' = '{user}', 'password' = '{password}', 'database-name' = '{database}', 'table-name' = 'orders'{more});"
    )
}

/// Waits until a query gives these rows; gives how long that took.
pub(crate) fn wait_for(hw: &Headwater, query: &str, want: &[&str]) -> Duration {
    let started = Instant::now();
    loop {
        let got = select(hw, query);
        if got == want {
            return started.elapsed();
        }
        assert!(
            started.elapsed() < PATIENCE,
            "{query}: {got:?} and not {want:?}"
        );
        std::thread::park_timeout(Duration::from_millis(1));
    }
}

#[test]
#[expect(clippy::print_stderr, reason = "to say how quick it is")]
fn a_view_follows_a_database_over_restarts() {
    let Some((_server, address, mut session)) = start() else {
        return;
    };
    let mut run = |sql: &str| drop(session.query(sql).unwrap());
    run(
        "CREATE TABLE orders (id bigint PRIMARY KEY, amount numeric(10,2) NOT NULL, status text, at timestamptz, tags int[])",
    );
    run(
        "INSERT INTO orders SELECT n, n / 2.0, CASE n % 2 WHEN 0 THEN 'paid' ELSE 'open' END, '2026-11-26 01:02:03.5+01', ARRAY[n] \
         FROM generate_series(1, 1000) n",
    );
    let folder = tempfile::tempdir().unwrap();
    let hw = open(folder.path());
    // The columns are those of the database.
    let orders = table(&address, "orders", "", "");
    hw.sql(&orders).unwrap();
    let view = "CREATE MATERIALIZED VIEW revenue AS SELECT status, COUNT(*) AS c, SUM(amount) AS s FROM orders GROUP BY status;";
    hw.sql(view).unwrap();
    let revenue = "SELECT status, c, s FROM revenue";
    wait_for(&hw, revenue, &["open 500 125000.00", "paid 500 125250.00"]);
    run(
        "BEGIN; UPDATE orders SET status = 'paid' WHERE id = 1; DELETE FROM orders WHERE id = 2; UPDATE orders SET id = 5000 WHERE id = 3; COMMIT",
    );
    wait_for(&hw, revenue, &["open 499 124999.50", "paid 500 125249.50"]);
    run("DELETE FROM orders WHERE status = 'open'");
    wait_for(&hw, revenue, &["paid 500 125249.50"]);
    // A query of the table itself is of what the database has now.
    run(
        "INSERT INTO orders VALUES (0, 1.25, NULL, 'infinity', NULL), (-1, 2.50, 'new', '2026-01-01', '{1,NULL}')",
    );
    let newest = "SELECT id, amount, status, `at`, tags FROM orders WHERE id < 1";
    assert_eq!(
        select(&hw, newest),
        ["-1 2.50 new 2026-01-01T00:00:00Z [1, NULL]"]
    );
    hw.close().unwrap();
    drop(hw);

    // What happens while nobody looks is taken over when somebody does; the statements may be run again.
    run("TRUNCATE orders; INSERT INTO orders VALUES (7, 7.70, 'late', NULL, NULL)");
    let hw = open(folder.path());
    hw.sql(&orders).unwrap();
    hw.resume().unwrap();
    wait_for(&hw, revenue, &["late 1 7.70"]);
    let mut slowest = Duration::ZERO;
    for n in 0..50 {
        run(&format!("UPDATE orders SET amount = {n} WHERE id = 7"));
        slowest = slowest.max(wait_for(&hw, revenue, &[&format!("late 1 {n}.00")]));
    }
    eprintln!("the slowest change of fifty was in the view after {slowest:?}");
    assert!(slowest < Duration::from_secs(5), "{slowest:?}");
    hw.close().unwrap();
}

#[test]
fn a_table_that_ends_has_what_was_committed_before() {
    let Some((_server, address, mut session)) = start() else {
        return;
    };
    let mut run = |sql: &str| drop(session.query(sql).unwrap());
    run(
        "CREATE TABLE orders (id int PRIMARY KEY, n int); INSERT INTO orders SELECT n, n FROM generate_series(1, 100) n",
    );
    let folder = tempfile::tempdir().unwrap();
    let bounded = table(
        &address,
        "orders",
        "(id INT, n BIGINT, PRIMARY KEY (id) NOT ENFORCED)",
        ", 'scan.bounded.mode' = 'latest-offset', 'slot.name' = 'ends'",
    );
    let script = format!(
        "{bounded} CREATE TABLE sums (k INT, s BIGINT, PRIMARY KEY (k) NOT ENFORCED);
         INSERT INTO sums SELECT id % 2, SUM(n) FROM orders GROUP BY id % 2;"
    );
    for (change, want) in [
        ("SELECT 1", ["0 2550", "1 2500"]),
        (
            "UPDATE orders SET n = n + 1; DELETE FROM orders WHERE id > 98",
            ["0 2499", "1 2450"],
        ),
    ] {
        run(change);
        let hw = open(folder.path());
        hw.sql(&script).unwrap();
        wait_for(&hw, "SELECT k, s FROM sums", &want);
        hw.close().unwrap();
    }
}

#[test]
fn what_is_wrong_is_said_and_no_password() {
    let Some((_server, address, mut session)) = start() else {
        return;
    };
    session
        .query("CREATE TABLE orders (id int PRIMARY KEY)")
        .unwrap();
    let folder = tempfile::tempdir().unwrap();
    let hw = open(folder.path());
    let fails = |sql: &str, says: &str| {
        let error = hw.sql(sql).unwrap_err();
        let text = format!("{} {:?} {error:?}", error.message(), error.hint());
        assert!(text.contains(says), "{text}");
        assert!(!text.contains(&address.password), "{text}");
    };
    fails(
        &table(&address, "t", "", ", 'schema-name' = 'none'"),
        "table 'none.orders' does not exist",
    );
    fails(&table(&address, "t", "", ", 'slot.nam' = 'x'"), "slot.name");
    let wrong = Address {
        password: "hunter2".to_owned(),
        ..address.clone()
    };
    fails(
        &table(&wrong, "t", "", ""),
        "password authentication failed",
    );
    fails(
        &table(
            &Address {
                password: "${env:HEADWATER_TEST_UNSET}".to_owned(),
                ..address.clone()
            },
            "t",
            "",
            "",
        ),
        "HEADWATER_TEST_UNSET",
    );
    hw.sql(&table(&address, "keyless", "(id INT)", "")).unwrap();
    fails(
        "CREATE MATERIALIZED VIEW v AS SELECT COUNT(*) AS c FROM keyless;",
        "has no primary key",
    );
    hw.close().unwrap();
}

#[cfg(feature = "cli")]
#[test]
fn the_command_line_captures_and_says_how_far_it_is() {
    use crate::binary::{headwater, run};
    let Some((_server, address, mut session)) = start() else {
        return;
    };
    let mut sql = |text: &str| drop(session.query(text).unwrap());
    sql(
        "CREATE TABLE orders (id int PRIMARY KEY, n int); INSERT INTO orders SELECT n, n FROM generate_series(1, 100) n",
    );
    let folder = tempfile::tempdir().unwrap();
    let (data, config) = (folder.path().join("data"), folder.path().join("shop.toml"));
    let (data, config) = (data.to_str().unwrap(), config.to_str().unwrap());
    std::fs::write(config, shop(&address)).unwrap();
    let capture = || {
        let mut command = headwater(["cdc", "run", "-c", config, "--once", "--data", data]);
        command.env("SHOP_PASSWORD", &address.password);
        let ended = run(&mut command);
        assert_eq!(ended.code, Some(0), "{}", ended.stderr);
        ended.stderr
    };
    assert!(capture().contains("public.orders is in topic 'shop.public.orders'"));
    sql("DELETE FROM orders WHERE id <= 10");
    assert!(capture().contains("1 transactions with 10 changes"));
    let ended = run(&mut headwater([
        "cdc", "status", "-o", "jsonl", "--data", data,
    ]));
    assert!(ended.stdout.contains(r#""capture":"headwater","database":"postgres","table":"public.orders","backfill_percent":100.0"#), "{}", ended.stdout);
    let select = "CREATE TABLE o (id INT, n INT, PRIMARY KEY (id) NOT ENFORCED) WITH ('topic' = 'shop.public.orders'); SELECT COUNT(*) AS c, SUM(n) AS s FROM o";
    let ended = run(&mut headwater([
        "sql", "-c", select, "-o", "csv", "--data", data,
    ]));
    assert!(ended.stdout.contains("90,4995"), "{ended:?}");
}

#[cfg(feature = "cli")]
#[test]
fn a_running_capture_reads_tables_again_and_is_paused_by_the_command_line() {
    use crate::binary::{headwater, run};
    let Some((_server, address, mut session)) = start() else {
        return;
    };
    let mut sql = |text: &str| drop(session.query(text).unwrap());
    sql("CREATE TABLE orders (id int PRIMARY KEY, n int)");
    sql("INSERT INTO orders SELECT n, n FROM generate_series(1, 100) n");
    let folder = tempfile::tempdir().unwrap();
    let (data, config) = (folder.path().join("data"), folder.path().join("shop.toml"));
    let (data, config) = (data.to_str().unwrap(), config.to_str().unwrap());
    std::fs::write(config, shop(&address) + "backfill = false\n").unwrap();
    let mut command = headwater(["cdc", "run", "-c", config, "--data", data]);
    command.env("SHOP_PASSWORD", &address.password);
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
                return status;
            }
            assert!(Instant::now() < until, "{text}: {status}");
        }
    };
    until_status_has(r#""running":true,"backfill_paused":false"#);
    let ended = ask(&[
        "snapshot",
        "headwater",
        "public.orders",
        "--where",
        "id > 90",
    ]);
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    let status = until_status_has(r#""rows_read":10"#);
    assert!(
        status.contains(r#""lag_ms":"#) && status.contains(r#""held_bytes":"#),
        "{status}"
    );
    assert_eq!(ask(&["pause", "headwater"]).code, Some(0));
    until_status_has(r#""backfill_paused":true"#);
    assert_eq!(
        ask(&["snapshot", "headwater", "public.orders"]).code,
        Some(0)
    );
    until_status_has(r#""backfill_percent":0.0"#);
    assert_eq!(ask(&["resume", "headwater"]).code, Some(0));
    until_status_has(r#""rows_read":100"#);
    for (wrong, why) in [
        (
            ["snapshot", "headwater", "public.others"],
            "is not captured",
        ),
        (["snapshot", "another", "public.orders"], "does not run"),
    ] {
        let ended = ask(&wrong);
        assert_eq!(ended.code, Some(1), "{}", ended.stderr);
        assert!(ended.stderr.contains(why), "{}", ended.stderr);
    }
    child.kill().unwrap();
    child.wait().unwrap();
}

/// The database's address.
#[cfg(feature = "cli")]
fn url(address: &Address, password: &str) -> String {
    let Address { user, port, .. } = address;
    format!("postgres://{user}:{password}@127.0.0.1:{port}/postgres")
}

/// What captures `orders`.
#[cfg(feature = "cli")]
fn shop(address: &Address) -> String {
    let url = url(address, "${env:SHOP_PASSWORD}");
    format!("url = '{url}'\ntables = ['orders']\ntopic-prefix = 'shop'\n")
}

#[cfg(feature = "cli")]
#[test]
fn a_server_is_checked_and_its_slot_dropped_by_the_command_line() {
    use crate::binary::{headwater, run};
    let Some((_server, address, mut session)) = start() else {
        return;
    };
    let tables = "CREATE TABLE orders (id int PRIMARY KEY, n int); CREATE TABLE keyless (n int)";
    session.query(tables).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let (data, config) = (folder.path().join("data"), folder.path().join("shop.toml"));
    let (data, config) = (data.to_str().unwrap(), config.to_str().unwrap());
    std::fs::write(config, shop(&address)).unwrap();
    let url = url(&address, &address.password);
    let mut command = headwater(["cdc", "run", "-c", config, "--once", "--data", data]);
    let ended = run(command.env("SHOP_PASSWORD", &address.password));
    assert_eq!(ended.code, Some(0), "{ended:?}");

    // Without the variable nothing is started, and what a server lacks is listed.
    let ended = run(
        headwater(["cdc", "run", "-c", config, "--once", "--data", data])
            .env_remove("SHOP_PASSWORD"),
    );
    assert_eq!(ended.code, Some(78), "{ended:?}");
    let ended = run(&mut headwater(["cdc", "check", &url, "orders"]));
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let ended = run(&mut headwater([
        "cdc", "check", &url, "keyless", "-o", "csv",
    ]));
    assert_eq!(ended.code, Some(1), "{ended:?}");
    assert!(ended.stdout.contains("ADD PRIMARY KEY"), "{ended:?}");
    assert!(
        !format!("{ended:?}").contains(&address.password),
        "{ended:?}"
    );
    let ended = run(&mut headwater(["cdc", "slot", "drop", &url, "headwater"]));
    assert_eq!(ended.code, Some(0), "{ended:?}");
}
