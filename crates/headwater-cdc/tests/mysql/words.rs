//! Transactions that end in two steps, and savepoints.

use headwater_cdc::mysql::Position;

use super::server::Server;
use super::transactions::{read, run};

#[test]
fn a_prepared_transaction_happens_when_the_second_word_comes() {
    for server in Server::each(&[]) {
        let mut session = server.session("shop");
        run(&mut session, &["CREATE TABLE t (id INT PRIMARY KEY)"]);
        let start = Position::current(&mut session).unwrap();
        for (xid, word) in [("'a','b',7", "COMMIT"), ("'c'", "ROLLBACK")] {
            let id = xid.len();
            run(
                &mut session,
                &[
                    &format!("XA START {xid}"),
                    &format!("INSERT INTO t VALUES ({id})"),
                    &format!("XA END {xid}"),
                    &format!("XA PREPARE {xid}"),
                    &format!("XA {word} {xid}"),
                ],
            );
        }
        run(
            &mut session,
            &[
                "XA START 'one'",
                "INSERT INTO t VALUES (1)",
                "XA END 'one'",
                "XA COMMIT 'one' ONE PHASE",
            ],
        );
        let (lines, positions) = read(&server, &mut session, &start).unwrap();
        let want = [
            "begin",
            "+ t 9",
            "prepare X'61',X'62',7",
            "begin",
            "commit X'61',X'62',7",
            "begin",
            "+ t 3",
            "prepare X'63',X'',1",
            "begin",
            "rollback X'63',X'',1",
            "begin",
            "+ t 1",
            "commit",
        ];
        assert_eq!(lines, want);
        for (count, position) in positions {
            assert_eq!(
                read(&server, &mut session, &position).unwrap().0,
                lines[count..]
            );
        }
    }
}

#[test]
fn savepoints_that_the_log_has_are_told() {
    // Where transactions have names, MySQL refuses what would need the log to have them.
    let both = Server::start(&[])
        .into_iter()
        .chain(Server::without_names());
    for server in both {
        let mut session = server.session("shop");
        run(
            &mut session,
            &[
                "CREATE TABLE t (id INT PRIMARY KEY)",
                "CREATE TABLE m (id INT) ENGINE = MyISAM",
            ],
        );
        let start = Position::current(&mut session).unwrap();
        run(
            &mut session,
            &[
                "BEGIN",
                "INSERT INTO t VALUES (1)",
                "CREATE TEMPORARY TABLE x (id INT)",
                "SAVEPOINT s",
                "INSERT INTO t VALUES (2)",
                "INSERT INTO m VALUES (2)",
                "ROLLBACK TO s",
                "INSERT INTO t VALUES (3)",
                "COMMIT",
            ],
        );
        let (lines, _) = read(&server, &mut session, &start).unwrap();
        // Whoever does what the log says has what the table has.
        let (mut rows, mut mark) = (Vec::new(), 0);
        for line in &lines {
            match line.split_once(' ') {
                Some(("+", row)) if row.starts_with("t ") => rows.push(row),
                Some(("savepoint", _)) => mark = rows.len(),
                Some(("rollback", _)) => rows.truncate(mark),
                _ => {}
            }
        }
        assert_eq!(rows, ["t 1", "t 3"], "{lines:?}");
    }
}
