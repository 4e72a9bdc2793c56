//! Transactions: whole, in the order of commits, and from any position exactly the rest.

use std::time::Duration;

use headwater_cdc::mysql::{Message, Position, Received, Replica, RowsKind, Session, Table, Value};
use headwater_cdc::{ErrorKind, Result};

use super::following::{changes, end_of, read_to_end};
use super::server::{Product, Server};

/// What a message says, on one line; nothing for statements about other databases.
fn line(message: &Message) -> Vec<String> {
    match message {
        Message::Begin { .. } => vec!["begin".to_owned()],
        Message::Rows(rows) => {
            let mark = match rows.kind {
                RowsKind::Insert => "+",
                RowsKind::Update => "=",
                RowsKind::Delete => "-",
            };
            let changes = changes(rows).into_iter();
            let row = |row: Option<Vec<Value>>| row.map(|r| values(&rows.table, &r));
            let both = changes.map(|c| [row(c.before), row(c.after)]);
            let text = |both: [Option<String>; 2]| {
                let both: Vec<String> = both.into_iter().flatten().collect();
                format!("{mark} {} {}", rows.table.name, both.join(" > "))
            };
            both.map(text).collect()
        }
        Message::Statement(statement) => vec![format!("sql {}", statement.sql)],
        Message::Savepoint(name) => vec![format!("savepoint {name}")],
        Message::RollbackTo(name) => vec![format!("rollback to {name}")],
        Message::Commit { .. } => vec!["commit".to_owned()],
        Message::Rollback { .. } => vec!["rollback".to_owned()],
        Message::Prepare { xid, .. } => vec![format!("prepare {xid}")],
        Message::CommitPrepared { xid, .. } => vec![format!("commit {xid}")],
        Message::RollbackPrepared { xid, .. } => vec![format!("rollback {xid}")],
    }
}

fn values(table: &Table, row: &[Value]) -> String {
    let columns = table.columns.iter().zip(row);
    let text = |(c, v): (&headwater_cdc::mysql::Column, &Value)| {
        v.to_text(&c.kind).unwrap_or_else(|| "null".to_owned())
    };
    columns.map(text).collect::<Vec<_>>().join("|")
}

/// Places between transactions, each with how many lines came before it.
type Places = Vec<(usize, Position)>;

/// Everything from `from` on, and the places between.
pub(super) fn read(
    server: &Server,
    session: &mut Session,
    from: &Position,
) -> Result<(Vec<String>, Places)> {
    let mut replica = Replica::connect(&server.address(), 77, from)?;
    let (mut lines, mut positions) = (Vec::new(), Vec::new());
    read_to_end(&mut replica, session, |message| {
        lines.extend(line(&message));
        positions.extend(end_of(&message).map(|p| (lines.len(), p.clone())));
    })?;
    Ok((lines, positions))
}

pub(super) fn run(session: &mut Session, statements: &[&str]) {
    for sql in statements {
        session.execute(sql).unwrap();
    }
}

/// A table of the numbers `seq` from the first to the last, as both servers understand it.
pub(crate) fn numbers(first: u32, last: u32) -> String {
    let (count, before) = (last - first, i64::from(first) - 1);
    let list = format!("CONCAT('[', REPEAT('0,', {count}), '0]')");
    let table = format!("JSON_TABLE({list}, '$[*]' COLUMNS (n FOR ORDINALITY)) AS j");
    format!("(SELECT n + {before} AS seq FROM {table}) AS numbers")
}

/// Two sessions write across each other.
fn write(server: &Server) -> (Session, Position) {
    let mut first = server.session("shop");
    let mut second = server.session("shop");
    let start = Position::current(&mut first).unwrap();
    run(
        &mut first,
        &[
            "CREATE TABLE t (id INT PRIMARY KEY, note TEXT)",
            "BEGIN",
            "INSERT INTO t VALUES (1, 'late')",
        ],
    );
    run(
        &mut second,
        &[
            "INSERT INTO t VALUES (2, NULL), (3, 'c')",
            "FLUSH BINARY LOGS",
        ],
    );
    run(
        &mut first,
        &[
            "SAVEPOINT s",
            "INSERT INTO t VALUES (9, 'x')",
            "ROLLBACK TO s",
            "COMMIT",
        ],
    );
    run(
        &mut second,
        &["BEGIN", "INSERT INTO t VALUES (8, 'never')", "ROLLBACK"],
    );
    run(
        &mut second,
        &["ALTER TABLE t ADD COLUMN more INT DEFAULT 7 FIRST"],
    );
    run(
        &mut second,
        &[
            "UPDATE t SET id = id + 10 ORDER BY id DESC",
            "DELETE FROM t WHERE id = 11",
            "TRUNCATE t",
        ],
    );
    run(
        &mut second,
        &["CREATE TABLE u (id INT) SELECT 5 AS id", "DROP TABLE u"],
    );
    run(
        &mut second,
        &[
            "CREATE TABLE m (id INT) ENGINE = MyISAM",
            "BEGIN",
            "INSERT INTO m VALUES (1)",
            "INSERT INTO t VALUES (7, 6, 'gone')",
            "ROLLBACK",
        ],
    );
    (first, start)
}

#[test]
fn transactions_come_whole_and_from_any_position_exactly_the_rest() {
    for server in Server::each(&[]).chain(Server::without_names()) {
        let (mut session, start) = write(&server);
        let made = match server.product() {
            Product::MariaDb => "sql CREATE TABLE `u` (\n  `id` int(11) DEFAULT NULL\n)",
            Product::MySql => {
                "sql CREATE TABLE `u` (\n  `id` int DEFAULT NULL\n) START TRANSACTION"
            }
        };
        let (lines, positions) = read(&server, &mut session, &start).unwrap();
        let want = [
            "begin",
            "sql CREATE TABLE t (id INT PRIMARY KEY, note TEXT)",
            "commit",
            "begin",
            "+ t 2|null",
            "+ t 3|c",
            "commit",
            "begin",
            "+ t 1|late",
            "savepoint s",
            "commit",
            "begin",
            "sql ALTER TABLE t ADD COLUMN more INT DEFAULT 7 FIRST",
            "commit",
            "begin",
            "= t 7|3|c > 7|13|c",
            "= t 7|2|null > 7|12|null",
            "= t 7|1|late > 7|11|late",
            "commit",
            "begin",
            "- t 7|11|late",
            "commit",
            "begin",
            "sql TRUNCATE t",
            "commit",
            "begin",
            made,
            "+ u 5",
            "commit",
            "begin",
            "sql DROP TABLE `u` /* generated by server */",
            "commit",
            "begin",
            "sql CREATE TABLE m (id INT) ENGINE = MyISAM",
            "commit",
            "begin",
            "+ m 1",
            "commit",
        ];
        assert_eq!(lines, want);

        check_rests(&server, &lines, &positions);
    }
}

/// By the names of transactions and by file and place, before and after the server was killed.
fn check_rests(server: &Server, lines: &[String], positions: &Places) {
    for is_new in [false, true] {
        if is_new {
            server.crash();
            server.resume();
        }
        let mut session = server.session("shop");
        let step = if is_new { 3 } else { 1 };
        for (count, position) in positions.iter().step_by(step) {
            let mut by_place = position.clone();
            by_place.gtids = Default::default();
            for from in [position, &by_place] {
                let (rest, _) = read(server, &mut session, from).unwrap();
                assert_eq!(rest, lines[*count..], "from {from}");
            }
        }
    }
}

#[test]
fn a_connection_that_is_cut_anywhere_goes_on_where_it_was() {
    let compressed: [(Product, &[&str]); 2] = [
        (
            Product::MariaDb,
            &["--log-bin-compress=ON", "--log-bin-compress-min-len=10"],
        ),
        (Product::MySql, &["--binlog-transaction-compression=ON"]),
    ];
    for (product, settings) in compressed {
        let Some(server) = Server::of(product, settings) else {
            continue;
        };
        let mut session = server.session("shop");
        let start = Position::current(&mut session).unwrap();
        run(
            &mut session,
            &["CREATE TABLE t (id INT PRIMARY KEY AUTO_INCREMENT, n INT, filling TEXT)"],
        );
        for n in 0..60 {
            let rows = vec![format!("({n}, repeat('x', 500))"); 1 + n % 40];
            run(
                &mut session,
                &[&format!(
                    "INSERT INTO t (n, filling) VALUES {}",
                    rows.join(",")
                )],
            );
            if n % 20 == 19 {
                run(&mut session, &["FLUSH BINARY LOGS"]);
            }
        }
        let (all, _) = read(&server, &mut session, &start).unwrap();
        let (mut lines, mut position, mut whole, mut cuts) = (Vec::new(), start, 0, 0);
        'again: loop {
            lines.truncate(whole);
            let mut replica = Replica::connect(&server.address(), 77, &position).unwrap();
            // Every connection is cut after ever more messages, now by us and now by the server; the last one after all.
            for n in 0.. {
                if n == 1 + cuts * 7 {
                    cuts += 1;
                    match cuts % 2 {
                        0 => kill_dump_threads(&mut session),
                        _ => continue 'again,
                    }
                }
                match replica.receive(Duration::from_secs(60)) {
                    Ok(Received::Message(message)) => {
                        lines.extend(line(&message));
                        if let Some(end) = end_of(&message) {
                            (position, whole) = (end.clone(), lines.len());
                        }
                    }
                    Ok(Received::Reached(_)) if lines.len() == all.len() => break 'again,
                    Ok(_) => {}
                    Err(e) => {
                        assert_eq!(e.kind(), ErrorKind::Unavailable, "{e}");
                        continue 'again;
                    }
                }
            }
        }
        assert!(lines == all, "{} of {}", lines.len(), all.len());
        assert!(cuts > 10, "{cuts}");
    }
}

fn kill_dump_threads(session: &mut Session) {
    let dumps = session
        .query("SELECT id FROM information_schema.processlist WHERE command LIKE 'Binlog Dump%'");
    for row in dumps.unwrap() {
        let id = row[0].clone().unwrap();
        // It may have gone already.
        drop(session.execute(&format!("KILL {id}")));
    }
}

#[test]
fn a_transaction_larger_than_memory_comes_in_parts() {
    for server in Server::each(&[]) {
        let mut session = server.session("shop");
        run(
            &mut session,
            &["CREATE TABLE t (id INT PRIMARY KEY, filling TEXT)"],
        );
        let start = Position::current(&mut session).unwrap();
        run(
            &mut session,
            &[&format!(
                "INSERT INTO t SELECT seq, repeat('x', 2000) FROM {}",
                numbers(1, 20000)
            )],
        );
        let mut replica = Replica::connect(&server.address(), 77, &start).unwrap();
        let (mut count, mut largest) = (0, 0);
        read_to_end(&mut replica, &mut session, |message| {
            if let Message::Rows(rows) = message {
                let rows = changes(&rows).len();
                count += rows;
                largest = largest.max(rows);
            }
        })
        .unwrap();
        assert_eq!(count, 20_000);
        assert!(largest < 100, "{largest} rows at once");
    }
}
