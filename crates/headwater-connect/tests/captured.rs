//! Tables of a MariaDB server keep the contract of sources: what a capture has taken over can be left and gone on with anywhere.

use headwater_connect::CdcConnector;
use headwater_flow::connector::{Connector, SourceRequest, WAITS};
use headwater_log::{Log, Offset, TopicPartition};

use crate::contract::{End, check_source, log, source_request};
use crate::mariadb_server::Server;
use crate::support::options;

#[test]
fn captured_tables_keep_the_contract_of_sources() {
    let Some(server) = Server::start(&[]) else {
        return;
    };
    let mut session = server.session("shop");
    let mut run = |statements: &[&str]| {
        for sql in statements {
            session.execute(sql).unwrap();
        }
    };
    run(&[
        "CREATE TABLE t (id INT PRIMARY KEY, n BIGINT UNSIGNED, amount DECIMAL(10,2), name VARCHAR(20), at DATETIME(3), data BLOB)",
        "INSERT INTO t SELECT seq, seq * 1000, seq / 4, REPEAT('x', seq % 17), '2026-01-01 00:00:00.5', x'00ff' FROM seq_1_to_500",
    ]);
    let (log, connector) = (log(), CdcConnector::mysql(|_| None));
    let address = server.address();
    let port = address.port.to_string();
    let pairs = [
        ("hostname", "127.0.0.1"),
        ("port", &port),
        ("username", &address.user),
        ("password", &address.password),
        ("database-name", "shop"),
        ("table-name", "t"),
        ("scan.incremental.snapshot.chunk.size", "64"),
        ("scan.bounded.mode", "latest-offset"),
        (WAITS, "true"),
    ];
    let described = connector.describe(&options(&pairs)).unwrap();
    let (schema, key) = described.unwrap();
    assert_eq!(key, ["id"]);
    let request = |log: &Log| SourceRequest {
        primary_key: key.clone(),
        ..source_request(log, "t", &schema, &pairs)
    };
    // What is there at first is in the topic, then what is done to it.
    drop(connector.source(request(&log)).unwrap());
    run(&[
        "UPDATE t SET name = 'new', amount = NULL WHERE id % 3 = 0",
        "UPDATE t SET id = id + 1000 WHERE id > 450",
        "DELETE FROM t WHERE id <= 100",
        "BEGIN",
        "INSERT INTO t (id, n) VALUES (-1, 18446744073709551615), (-2, 0)",
        "DELETE FROM t WHERE id = -2",
        "COMMIT",
    ]);
    // The capture goes on as long as one reads.
    let _first = connector.source(request(&log)).unwrap();
    let all = check_source(|| connector.source(request(&log)).unwrap());
    assert_eq!((all.end, all.rejects.len()), (End::Stopped, 0));
    assert!(all.rows.len() > 700, "{} rows", all.rows.len());
}

/// The values that are in a topic.
fn values(log: &Log, topic: &str) -> Vec<String> {
    let of = TopicPartition::new(topic, 0);
    let mut values = Vec::new();
    for batch in log.fetch(&of, Offset(0), 1 << 20).unwrap().batches {
        let text = |value: &[u8]| String::from_utf8(value.to_vec()).unwrap();
        batch
            .for_each(|record| values.extend(record.value.map(text)))
            .unwrap();
    }
    values
}

#[test]
fn a_table_says_which_rows_and_columns_it_has() {
    let Some(server) = Server::start(&[]) else {
        return;
    };
    let mut session = server.session("shop");
    for sql in [
        "CREATE TABLE users (id INT PRIMARY KEY, age INT, mail VARCHAR(50), password VARCHAR(50))",
        "INSERT INTO users VALUES (1, 17, 'a', 'secret'), (2, 18, 'b', 'secret'), (3, NULL, 'c', 'secret')",
    ] {
        session.execute(sql).unwrap();
    }
    let (log, connector) = (log(), CdcConnector::mysql(|_| None));
    let address = server.address();
    let port = address.port.to_string();
    let pairs = [
        ("hostname", "127.0.0.1"),
        ("port", &port),
        ("username", &address.user),
        ("password", &address.password),
        ("database-name", "shop"),
        ("table-name", "users"),
        ("scan.bounded.mode", "latest-offset"),
        ("scan.filter", "age >= 18"),
        ("scan.columns.exclude", "password"),
        ("scan.columns.mask", "mail=3"),
        ("scan.skipped.operations", "d"),
        (WAITS, "true"),
    ];
    let described = connector.describe(&options(&pairs)).unwrap();
    let (schema, key) = described.unwrap();
    let names: Vec<&str> = schema.fields().iter().map(|f| f.name().as_str()).collect();
    assert_eq!(names, ["id", "age", "mail"]);
    let request = || SourceRequest {
        primary_key: key.clone(),
        ..source_request(&log, "users", &schema, &pairs)
    };
    let row = |id: u32, age: u32| format!("{{\"id\":{id},\"age\":{age},\"mail\":\"***\"}}");
    drop(connector.source(request()).unwrap());
    assert_eq!(values(&log, "shop.users"), [row(2, 18)]);
    // One comes, one goes, which is skipped.
    session
        .execute("UPDATE users SET age = 35 - age WHERE id < 3")
        .unwrap();
    drop(connector.source(request()).unwrap());
    assert_eq!(values(&log, "shop.users"), [row(2, 18), row(1, 18)]);
}
