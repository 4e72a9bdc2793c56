//! Tables of a MariaDB server keep the contract of sources: what a capture has taken over can be left and gone on with anywhere.

use headwater_connect::CdcConnector;
use headwater_flow::connector::{Connector, SourceRequest, WAITS};
use headwater_log::Log;

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
