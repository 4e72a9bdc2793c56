//! What cannot be followed: it is said, with what mends it.

use headwater_cdc::mysql::{Message, Position, Replica, Session};
use headwater_cdc::{Error, ErrorKind};

use super::following::{purge, read_to_end};
use super::server::{Product, Server};
use super::transactions::run;

/// What is said of a position that cannot be read from.
fn read(server: &Server, session: &mut Session, from: &Position) -> Error {
    let read = |mut replica| read_to_end(&mut replica, session, |_| {});
    let replica = Replica::connect(&server.address(), 77, from);
    replica.and_then(read).unwrap_err()
}

#[test]
fn what_cannot_be_followed_is_refused_with_what_to_do() {
    for server in Server::each(&[]) {
        let mut session = server.session("shop");
        run(
            &mut session,
            &["CREATE TABLE t (id INT PRIMARY KEY, a INT, b INT)"],
        );
        let refused = |session: &mut Session, statements: &[&str], hint: &str| {
            let start = Position::current(session).unwrap();
            run(session, statements);
            let mut replica = Replica::connect(&server.address(), 77, &start).unwrap();
            let mut failed = None;
            let read = read_to_end(&mut replica, session, |message| {
                if let Message::Rows(rows) = message {
                    failed = rows.changes().err().or(failed.take());
                }
            });
            let error = failed.or(read.err()).expect("an error");
            assert_eq!(error.kind(), ErrorKind::Unsupported, "{error}");
            assert!(error.hint().unwrap().contains(hint), "{error}");
        };
        let row = "INSERT INTO t VALUES (1, 2, 3) ON DUPLICATE KEY UPDATE b = b + 1";
        run(&mut session, &[row]);
        refused(
            &mut session,
            &["SET binlog_row_image = 'MINIMAL'", row],
            "binlog_row_image = 'FULL'",
        );
        run(
            &mut session,
            &[
                "SET binlog_row_image = 'FULL'",
                "SET GLOBAL binlog_row_metadata = 'MINIMAL'",
            ],
        );
        refused(
            &mut session,
            &["FLUSH TABLES", row],
            "binlog_row_metadata = 'FULL'",
        );
        run(&mut session, &["SET GLOBAL binlog_row_metadata = 'FULL'"]);
        refused(
            &mut session,
            &["SET binlog_format = 'STATEMENT'", row],
            "binlog_format = 'ROW'",
        );
    }
}

#[test]
fn a_position_that_the_log_does_not_have_is_never_a_silent_gap() {
    for server in Server::each(&[]) {
        let mut session = server.session("shop");
        let old = Position::current(&mut session).unwrap();
        run(
            &mut session,
            &[
                "CREATE TABLE t (id INT PRIMARY KEY)",
                "INSERT INTO t VALUES (1)",
                "FLUSH BINARY LOGS",
                "INSERT INTO t VALUES (2)",
            ],
        );
        let now = Position::current(&mut session).unwrap();
        purge(&mut session);
        let by_place = |position: &Position| Position {
            gtids: Default::default(),
            ..position.clone()
        };
        let mut ahead = now.clone();
        let names = now.gtids.to_string();
        let ahead_of = match server.product() {
            Product::MariaDb => "0-1-99".to_owned(),
            Product::MySql => names.replace(":1-", ":1-9"),
        };
        assert_ne!(ahead_of, names);
        ahead.gtids = ahead_of.parse().unwrap();
        let beyond = Position {
            offset: now.offset + 1000,
            ..by_place(&now)
        };
        for wrong in [old.clone(), by_place(&old), ahead, beyond] {
            let error = read(&server, &mut session, &wrong);
            assert_eq!(error.kind(), ErrorKind::NotFound, "{wrong}: {error}");
            assert!(error.hint().unwrap().contains("backfill"), "{error}");
        }
        // The log of a server that has forgotten everything.
        run(&mut session, &["RESET MASTER"]);
        let error = read(&server, &mut session, &now);
        assert_eq!(error.kind(), ErrorKind::NotFound, "{error}");
    }
}
