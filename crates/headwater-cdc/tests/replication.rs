//! Sessions and replication: what a server sends is what its transactions did.

use std::time::Duration;

use headwater_cdc::ErrorKind;
use headwater_cdc::postgres::{Address, Cell, Lsn, Message, Received, Replication, Session, Tls};

use crate::server::Server;

pub(crate) const WAIT: Duration = Duration::from_secs(60);

/// What makes a server replicate.
pub(crate) const REPLICATES: &[&str] = &[
    "wal_level = logical",
    "fsync = off",
    "max_replication_slots = 20",
    "max_prepared_transactions = 20",
    // Transactions are sent while they run as soon as they are larger than this, the least there is.
    "logical_decoding_work_mem = 64kB",
    "password_encryption = scram-sha-256",
];

/// A server that replicates, and the address of its database.
pub(crate) fn start() -> Option<(Server, Address)> {
    let server = Server::start(REPLICATES)?;
    let mut address: Address = server.url("postgres").parse().unwrap();
    // Other tests encrypt.
    address.tls = Tls::default();
    Some((server, address))
}

/// Reads until the server says that it has sent everything before `end`; rows as text, and where the last commit ended.
fn read_until(replication: &mut Replication, end: Lsn) -> (Vec<String>, Lsn) {
    let (mut rows, mut committed) = (Vec::new(), Lsn::default());
    loop {
        replication.confirm(Lsn::default(), true).unwrap();
        match replication.receive(WAIT).unwrap() {
            Received::Reached(reached) if reached >= end => return (rows, committed),
            Received::Message(Message::Commit { end }) => committed = end,
            Received::Message(Message::Insert { new, .. }) => rows.push(line("+", &new)),
            Received::Message(Message::Update { old, new, .. }) => {
                rows.extend(old.map(|old| line("-", &old)));
                rows.push(line("=", &new));
            }
            Received::Message(Message::Delete { old, .. }) => rows.push(line("-", &old)),
            Received::Message(Message::Truncate { relations }) => {
                rows.push(format!("truncates {}", relations.len()));
            }
            _ => {}
        }
    }
}

fn line(mark: &str, cells: &[Cell]) -> String {
    let cell = |cell: &Cell| match cell {
        Cell::Unchanged => "(unchanged)".to_owned(),
        cell => cell.to_text().unwrap_or_else(|| "null".to_owned()),
    };
    let cells: Vec<String> = cells.iter().map(cell).collect();
    format!("{mark} {}", cells.join("|"))
}

/// A place after all that is committed, which the server will reach.
fn end(session: &mut Session) -> Lsn {
    let sql = "SELECT pg_logical_emit_message(true, 'test', '')";
    session.value(sql).unwrap().unwrap().parse().unwrap()
}

#[test]
fn transactions_come_whole_in_the_order_of_their_commits() {
    let Some((_server, address)) = start() else {
        return;
    };
    let mut first = Session::connect(&address).unwrap();
    let mut second = Session::connect(&address).unwrap();
    let run = |session: &mut Session, sql: &str| drop(session.query(sql).unwrap());
    run(
        &mut first,
        "CREATE TABLE orders (id bigint PRIMARY KEY, amount numeric, note text)",
    );
    run(
        &mut first,
        "ALTER TABLE orders ALTER note SET STORAGE EXTERNAL",
    );
    run(&mut first, "CREATE PUBLICATION shop FOR TABLE orders");
    let mut replication = Replication::connect(&address).unwrap();
    let slot = replication.create_slot("shop", false).unwrap();
    replication.start("shop", "shop", slot.consistent).unwrap();

    run(
        &mut first,
        "BEGIN; INSERT INTO orders VALUES (1, 1.50, 'late')",
    );
    run(&mut second, "INSERT INTO orders VALUES (2, 'NaN', NULL)");
    run(
        &mut first,
        "SAVEPOINT s; INSERT INTO orders VALUES (9); ROLLBACK TO s; COMMIT",
    );
    run(
        &mut second,
        "UPDATE orders SET note = repeat('x', 9000) WHERE id = 2",
    );
    run(
        &mut second,
        "UPDATE orders SET amount = 7, id = 3 WHERE id = 2",
    );
    run(&mut second, "DELETE FROM orders WHERE id = 1");
    run(&mut second, "TRUNCATE orders");
    let end = end(&mut second);
    let (rows, committed) = read_until(&mut replication, end);
    let long = "x".repeat(9000);
    let want = [
        "+ 2|NaN|null",
        "+ 1|1.50|late",
        &format!("= 2|NaN|{long}"),
        "- 2|null|null",
        "= 3|7|(unchanged)",
        "- 1|null|null",
        "truncates 1",
    ];
    assert_eq!(rows, want);

    // What was not confirmed comes again, what was does not.
    drop(replication);
    for (from, count) in [(slot.consistent, want.len()), (committed, 0)] {
        let mut again = Replication::connect(&address).unwrap();
        while let Err(e) = again.start("shop", "shop", from) {
            assert_eq!(e.kind(), ErrorKind::Unavailable, "{e}");
            again = Replication::connect(&address).unwrap();
        }
        let (rows, _) = read_until(&mut again, end);
        assert_eq!(rows.len(), count, "{rows:?}");
    }
}

#[test]
fn the_exported_snapshot_ends_where_the_stream_begins() {
    let Some((_server, address)) = start() else {
        return;
    };
    let mut session = Session::connect(&address).unwrap();
    session
        .query("CREATE TABLE t (id int PRIMARY KEY); INSERT INTO t VALUES (1)")
        .unwrap();
    session.query("CREATE PUBLICATION p FOR TABLE t").unwrap();
    let mut replication = Replication::connect(&address).unwrap();
    let slot = replication.create_slot("temporary", true).unwrap();
    session.query("INSERT INTO t VALUES (2)").unwrap();
    let sql = "BEGIN ISOLATION LEVEL REPEATABLE READ; SET TRANSACTION SNAPSHOT";
    let sql = format!("{sql} '{}'; SELECT id FROM t", slot.snapshot);
    let seen = session.query(&sql).unwrap();
    assert_eq!(seen, [[Some("1".to_owned())]]);
    session.query("COMMIT").unwrap();
    replication
        .start("temporary", "p", slot.consistent)
        .unwrap();
    let end = end(&mut session);
    assert_eq!(read_until(&mut replication, end).0, ["+ 2"]);
}

#[test]
fn what_is_wrong_is_said() {
    let Some((server, address)) = start() else {
        return;
    };
    let wrong = Address {
        password: "no".to_owned(),
        ..address.clone()
    };
    let error = Session::connect(&wrong).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Invalid);
    assert!(
        error.message().contains("password authentication failed"),
        "{error}"
    );

    let mut session = Session::connect(&address).unwrap();
    let error = session.query("SELECT 1 FROM missing").unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound);
    assert_eq!(session.value("SELECT 42").unwrap().as_deref(), Some("42"));

    let mut replication = Replication::connect(&address).unwrap();
    let error = replication.start("missing", "p", Lsn(0)).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound);
    server.crash();
    let error = Session::connect(&address).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable);
    assert!(!error.to_string().contains(&address.password));
}
