//! Tables of a MariaDB server in SQL and by the command line.

use headwater::Headwater;
use headwater_cdc::mysql::{Address, Session};

use crate::cdc::{open, wait_for};
use crate::mariadb_server::Server;
use crate::shown::select;

/// A server, and a session of its database `shop`.
fn start() -> Option<(Server, Address, Session)> {
    let server = Server::start(&[])?;
    let session = server.session("shop");
    let address = Address {
        database: "shop".to_owned(),
        ..server.address()
    };
    Some((server, address, session))
}

/// The statement that makes a table of the server known, with its columns or without.
fn table(address: &Address, name: &str, columns: &str, more: &str) -> String {
    let Address {
        port,
        user,
        password,
        database,
        ..
    } = address;
    format!(
        "CREATE TABLE {name} {columns} WITH ('connector' = 'mysql-cdc', 'hostname' = '127.0.0.1', 'port' = '{port}', \
         'username' = '{user}', 'password' = '{password}', 'database-name' = '{database}', 'table-name' = 'orders'{more});"
    )
}

fn run(session: &mut Session, statements: &[&str]) {
    for sql in statements {
        session.execute(sql).unwrap();
    }
}

#[test]
fn a_view_follows_a_server_over_restarts() {
    let Some((server, address, mut session)) = start() else {
        return;
    };
    run(
        &mut session,
        &[
            "CREATE TABLE orders (id BIGINT UNSIGNED PRIMARY KEY, amount DECIMAL(10,2) NOT NULL, status VARCHAR(9), at TIMESTAMP(3) NULL)",
            "INSERT INTO orders SELECT seq, seq / 2.0, IF(seq % 2 = 0, 'paid', 'open'), '2026-11-26 01:02:03.5' FROM seq_1_to_1000",
        ],
    );
    let folder = tempfile::tempdir().unwrap();
    let hw = open(folder.path());
    // The columns are those of the server.
    let orders = table(&address, "orders", "", "");
    hw.sql(&orders).unwrap();
    let view = "CREATE MATERIALIZED VIEW revenue AS SELECT status, COUNT(*) AS c, SUM(amount) AS s FROM orders GROUP BY status;";
    hw.sql(view).unwrap();
    let revenue = "SELECT status, c, s FROM revenue";
    wait_for(&hw, revenue, &["open 500 125000.00", "paid 500 125250.00"]);
    run(
        &mut session,
        &[
            "BEGIN",
            "UPDATE orders SET status = 'paid' WHERE id = 1",
            "DELETE FROM orders WHERE id = 2",
            "UPDATE orders SET id = 18446744073709551615 WHERE id = 3",
            "SAVEPOINT s",
            "DELETE FROM orders",
            "ROLLBACK TO s",
            "COMMIT",
        ],
    );
    wait_for(&hw, revenue, &["open 499 124999.50", "paid 500 125249.50"]);
    // A query of the table itself is of what the server has now.
    let newest = "SELECT id, amount, status, `at` FROM orders WHERE amount = 1.50";
    let want = ["18446744073709551615 1.50 open 2026-11-26T01:02:03.500Z"];
    assert_eq!(select(&hw, newest), want);
    hw.close().unwrap();
    drop(hw);

    // What happens while nobody looks, and the server falls, is taken over when somebody does.
    run(
        &mut session,
        &[
            "TRUNCATE orders",
            "INSERT INTO orders VALUES (7, 7.70, 'late', NULL)",
        ],
    );
    server.crash();
    server.resume();
    let hw = open(folder.path());
    hw.sql(&orders).unwrap();
    hw.resume().unwrap();
    wait_for(&hw, revenue, &["late 1 7.70"]);
    hw.close().unwrap();
}

#[test]
fn a_table_that_ends_has_what_was_committed_before() {
    let Some((_server, address, mut session)) = start() else {
        return;
    };
    run(
        &mut session,
        &[
            "CREATE TABLE orders (id INT PRIMARY KEY, n INT)",
            "INSERT INTO orders SELECT seq, seq FROM seq_1_to_100",
        ],
    );
    let folder = tempfile::tempdir().unwrap();
    let bounded = table(
        &address,
        "orders",
        "(id INT, n BIGINT, PRIMARY KEY (id) NOT ENFORCED)",
        ", 'scan.bounded.mode' = 'latest-offset', 'capture.name' = 'ends', 'server-id' = '5400-5401'",
    );
    let script = format!(
        "{bounded} CREATE TABLE sums (k INT, s BIGINT, PRIMARY KEY (k) NOT ENFORCED);
         INSERT INTO sums SELECT id % 2, SUM(n) FROM orders GROUP BY id % 2;"
    );
    let changes: [&[&str]; 2] = [
        &[],
        &[
            "UPDATE orders SET n = n + 1",
            "DELETE FROM orders WHERE id > 98",
        ],
    ];
    for (change, want) in changes
        .iter()
        .zip([["0 2550", "1 2500"], ["0 2499", "1 2450"]])
    {
        run(&mut session, change);
        let hw = open(folder.path());
        hw.sql(&script).unwrap();
        wait_for(&hw, "SELECT k, s FROM sums", &want);
        hw.close().unwrap();
    }
}

/// What is said of a statement, which shows no password but the name of one.
fn failure(hw: &Headwater, address: &Address, sql: &str) -> String {
    let error = hw.sql(sql).unwrap_err();
    let text = format!("{} {:?} {error:?}", error.message(), error.hint());
    let is_named = address.password.starts_with("${env:");
    assert!(is_named || !text.contains(&address.password), "{text}");
    text
}

#[test]
fn what_is_wrong_is_said_and_no_password() {
    let Some((_server, address, mut session)) = start() else {
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let hw = open(folder.path());
    let says = |address: &Address, more: &str, what: &str| {
        let text = failure(&hw, address, &table(address, "t", "", more));
        assert!(text.contains(what), "{text}");
    };
    says(&address, "", "there is no table 'shop.orders'");
    run(&mut session, &["CREATE TABLE orders (id INT)"]);
    says(&address, "", "no primary key");
    says(&address, ", 'server-idd' = '5'", "server-id");
    let wrong = |password: &str| Address {
        password: password.to_owned(),
        ..address.clone()
    };
    says(&wrong("hunter2"), "", "Access denied");
    says(
        &wrong("${env:HEADWATER_TEST_UNSET}"),
        "",
        "HEADWATER_TEST_UNSET",
    );
    hw.close().unwrap();
}

#[cfg(feature = "cli")]
#[test]
fn the_command_line_takes_an_outbox_over_and_says_how_far_it_is() {
    use crate::binary::{headwater, run as run_command};
    use headwater_cdc::mysql::TableName;
    let Some((_server, address, mut session)) = start() else {
        return;
    };
    let table = headwater_cdc::outbox::create_mysql_table(&TableName::new("shop", "outbox"));
    let event = |topic: &str, key: &str| {
        format!(
            "INSERT INTO outbox (aggregatetype, aggregateid, type, payload) VALUES ('{topic}', '{key}', 'E', '1')"
        )
    };
    run(&mut session, &[&table]);
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let data = data.to_str().unwrap();
    let Address { user, port, .. } = &address;
    let url = format!("mysql://{user}:${{env:SHOP_PASSWORD}}@127.0.0.1:{port}/shop");
    for (name, more) in [("logged", ""), ("emptied", "ask = true\n")] {
        run(
            &mut session,
            &[
                "DELETE FROM outbox",
                &event(name, "1"),
                &event("no topic!", "2"),
            ],
        );
        let config = folder.path().join(format!("{name}.toml"));
        let config = config.to_str().unwrap();
        let text = format!("url = '{url}'\noutbox = 'outbox'\nname = '{name}'\n{more}");
        std::fs::write(config, text).unwrap();
        let mut command = headwater(["cdc", "run", "-c", config, "--once", "--data", data]);
        let ended = run_command(command.env("SHOP_PASSWORD", &address.password));
        assert_eq!(ended.code, Some(0), "{}", ended.stderr);
        assert!(
            ended.stderr.contains("1 events were published"),
            "{}",
            ended.stderr
        );
    }
    let ended = run_command(&mut headwater([
        "cdc", "status", "-o", "jsonl", "--data", data,
    ]));
    for name in ["logged", "emptied"] {
        let want = format!(r#""capture":"{name}","database":"shop","table":"outbox""#);
        let line = ended.stdout.lines().find(|line| line.contains(&want));
        assert!(
            line.unwrap().contains(r#""parked_keys":1"#),
            "{}",
            ended.stdout
        );
    }
}

#[cfg(feature = "cli")]
#[test]
fn the_command_line_captures_checks_and_says_how_far_it_is() {
    use crate::binary::{headwater, run as run_command};
    let Some((_server, address, mut session)) = start() else {
        return;
    };
    run(
        &mut session,
        &[
            "CREATE TABLE orders (id INT PRIMARY KEY, n INT)",
            "INSERT INTO orders SELECT seq, seq FROM seq_1_to_100",
            "CREATE TABLE keyless (n INT)",
        ],
    );
    let folder = tempfile::tempdir().unwrap();
    let (data, config) = (folder.path().join("data"), folder.path().join("shop.toml"));
    let (data, config) = (data.to_str().unwrap(), config.to_str().unwrap());
    let Address { user, port, .. } = &address;
    let url = format!("mariadb://{user}:${{env:SHOP_PASSWORD}}@127.0.0.1:{port}/shop");
    std::fs::write(config, format!("url = '{url}'\ntables = ['orders']\n")).unwrap();
    let capture = || {
        let mut command = headwater(["cdc", "run", "-c", config, "--once", "--data", data]);
        command.env("SHOP_PASSWORD", &address.password);
        let ended = run_command(&mut command);
        assert_eq!(ended.code, Some(0), "{}", ended.stderr);
        ended.stderr
    };
    let said = capture();
    assert!(
        said.contains("shop.orders is in topic 'shop.orders'"),
        "{said}"
    );
    run(&mut session, &["DELETE FROM orders WHERE id <= 10"]);
    let said = capture();
    assert!(said.contains("1 transactions with 10 changes"), "{said}");
    let ended = run_command(&mut headwater([
        "cdc", "status", "-o", "jsonl", "--data", data,
    ]));
    let want =
        r#""capture":"headwater","database":"","table":"shop.orders","backfill_percent":100.0"#;
    assert!(ended.stdout.contains(want), "{}", ended.stdout);
    let select = "CREATE TABLE o (id INT, n INT, PRIMARY KEY (id) NOT ENFORCED) WITH ('topic' = 'shop.orders'); SELECT COUNT(*) AS c, SUM(n) AS s FROM o";
    let ended = run_command(&mut headwater([
        "sql", "-c", select, "-o", "csv", "--data", data,
    ]));
    assert!(ended.stdout.contains("90,4995"), "{ended:?}");

    // One table is well, of all one lacks a key.
    let check = |tables: &[&str]| {
        let mut command = headwater(["cdc", "check", &url, "-o", "csv"]);
        run_command(command.args(tables).env("SHOP_PASSWORD", &address.password))
    };
    let ended = check(&["orders"]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let ended = check(&[]);
    assert_eq!(ended.code, Some(1), "{ended:?}");
    assert!(
        ended.stdout.contains("`shop`.`keyless` ADD PRIMARY KEY"),
        "{ended:?}"
    );
    assert!(
        !format!("{ended:?}").contains(&address.password),
        "{ended:?}"
    );
}

#[cfg(feature = "cli")]
#[test]
fn the_command_line_writes_events_of_debezium_and_warns_of_what_no_log_shows() {
    use crate::binary::{headwater, run as run_command};
    let Some((_server, address, mut session)) = start() else {
        return;
    };
    run(
        &mut session,
        &[
            "CREATE TABLE orders (id INT PRIMARY KEY, amount DECIMAL(9,2))",
            "CREATE TABLE parts (id INT PRIMARY KEY, o INT, FOREIGN KEY (o) REFERENCES orders (id) ON DELETE CASCADE)",
            "INSERT INTO orders SELECT seq, seq FROM seq_1_to_100",
        ],
    );
    let folder = tempfile::tempdir().unwrap();
    let (data, config) = (folder.path().join("data"), folder.path().join("shop.toml"));
    let (data, config) = (data.to_str().unwrap(), config.to_str().unwrap());
    let Address { user, port, .. } = &address;
    let url = format!("mariadb://{user}:${{env:SHOP_PASSWORD}}@127.0.0.1:{port}/shop");
    let text = format!(
        "url = '{url}'\ntables = ['orders', 'parts']\nformat = 'debezium-json'\ntopic-prefix = 'events'\n\
         [debezium]\ndecimals = 'string'\n"
    );
    std::fs::write(config, text).unwrap();
    for sql in [
        "DELETE FROM orders WHERE id > 90",
        "UPDATE orders SET amount = 1.5 WHERE id = 1",
    ] {
        let mut command = headwater(["cdc", "run", "-c", config, "--once", "--data", data]);
        let ended = run_command(command.env("SHOP_PASSWORD", &address.password));
        assert_eq!(ended.code, Some(0), "{}", ended.stderr);
        assert!(
            ended.stderr.contains("warning: rows of 'shop.parts'"),
            "{}",
            ended.stderr
        );
        assert!(
            ended.stderr.contains("DROP FOREIGN KEY"),
            "{}",
            ended.stderr
        );
        run(&mut session, &[sql]);
    }
    let select = "CREATE TABLE o (id INT, amount DECIMAL(9, 2), PRIMARY KEY (id) NOT ENFORCED) \
                  WITH ('topic' = 'events.shop.orders', 'format' = 'debezium-json'); \
                  SELECT COUNT(*) AS c, SUM(amount) AS s FROM o";
    let mut command = headwater(["cdc", "run", "-c", config, "--once", "--data", data]);
    let ended = run_command(command.env("SHOP_PASSWORD", &address.password));
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    let ended = run_command(&mut headwater([
        "sql", "-c", select, "-o", "csv", "--data", data,
    ]));
    assert!(ended.stdout.contains("90,4095.50"), "{ended:?}");
}
