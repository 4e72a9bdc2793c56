//! What a capture did not see from its beginning: transactions that were prepared before it, and servers that take the place of others.

use std::time::{Duration, Instant};

use headwater_cdc::ErrorKind;
use headwater_cdc::mysql::{Session, Settings};

use super::capturing::{LONG, catch_up, content, failure, fold, memory, records, settings};
use super::server::{PASSWORD, Server, USER};
use super::transactions::{numbers, run};

#[test]
fn a_transaction_that_was_prepared_before_the_capture_is_not_lost() {
    for server in Server::each(&[]) {
        let mut session = server.session("shop");
        run(
            &mut session,
            &[
                "CREATE TABLE t (id INT PRIMARY KEY, a INT)",
                &format!("INSERT INTO t SELECT seq, 1 FROM {}", numbers(1, 300)),
            ],
        );
        let prepare = |xid: &str, id: u32| {
            let mut theirs = server.session("shop");
            let sql = [
                format!("XA START '{xid}'"),
                format!("UPDATE t SET a = 7 WHERE id = {id}"),
                format!("DELETE FROM t WHERE id = {}", id + 1),
                format!("XA END '{xid}'"),
                format!("XA PREPARE '{xid}'"),
            ];
            sql.iter().for_each(|sql| theirs.execute(sql).unwrap());
        };
        prepare("x", 1);
        prepare("y", 11);
        let settings = settings(&server.address(), &["t"]);
        let log = memory();
        catch_up(&log, &settings);
        let only_changes = memory();
        let changes = Settings {
            backfills: false,
            ..settings.clone()
        };
        catch_up(&only_changes, &changes);
        assert_eq!(fold(&log, "t").len(), 300);
        // What did not happen changes nothing.
        run(&mut session, &["XA ROLLBACK 'y'"]);
        catch_up(&log, &settings);
        assert_eq!(records(&log, "t").len(), 300);
        run(&mut session, &["XA COMMIT 'x'"]);
        catch_up(&log, &settings);
        let want = content(&mut session, "t", &["id", "a"], &["id"]);
        assert_eq!(want.len(), 299);
        assert_eq!(fold(&log, "t"), want);
        // Who wants changes alone has no other way to know them.
        let error = failure(&only_changes, &changes);
        assert_eq!(error.kind(), ErrorKind::NotFound, "{error}");
        assert!(error.message().contains("prepared before"), "{error}");
    }
}

/// Waits until a table of a replica has as many rows.
fn wait_for(session: &mut Session, rows: &str) {
    let until = Instant::now() + LONG;
    while session
        .value("SELECT count(*) FROM shop.t")
        .ok()
        .flatten()
        .as_deref()
        != Some(rows)
    {
        assert!(
            Instant::now() < until,
            "{:?}",
            session.query("SHOW SLAVE STATUS")
        );
        std::thread::park_timeout(Duration::from_millis(20));
    }
}

#[test]
fn a_replica_that_takes_over_goes_on_by_the_names_of_transactions() {
    let Some(first) = Server::start(&[]) else {
        return;
    };
    let second = Server::start(&["--server-id=2", "--log-slave-updates=ON"]).unwrap();
    let mut session = first.session("shop");
    run(
        &mut session,
        &[
            "CREATE TABLE t (id INT PRIMARY KEY, a INT)",
            &format!("INSERT INTO t SELECT seq, 1 FROM {}", numbers(1, 300)),
        ],
    );
    // Its files are longer ones, with other places.
    for _ in 0..3 {
        run(&mut session, &["FLUSH BINARY LOGS"]);
    }
    let mut theirs = Session::connect(&second.address()).unwrap();
    let change = format!(
        "CHANGE MASTER TO MASTER_HOST = '127.0.0.1', MASTER_PORT = {}, MASTER_USER = '{USER}', \
         MASTER_PASSWORD = '{PASSWORD}', MASTER_USE_GTID = slave_pos",
        first.address().port
    );
    run(&mut theirs, &[&change, "START SLAVE"]);
    let log = memory();
    let on_first = settings(&first.address(), &["t"]);
    catch_up(&log, &on_first);
    run(&mut session, &["UPDATE t SET a = 2 WHERE id = 1"]);
    catch_up(&log, &on_first);
    let read = records(&log, "t").len();
    assert_eq!(read, 301);
    // What the capture has not seen of the first it sees on the second.
    run(&mut session, &["INSERT INTO t VALUES (1000, 3)"]);
    wait_for(&mut theirs, "301");
    run(&mut theirs, &["STOP SLAVE"]);
    first.crash();
    run(&mut theirs, &["USE shop", "DELETE FROM t WHERE id = 2"]);
    let on_second = settings(&second.address(), &["t"]);
    catch_up(&log, &on_second);
    let want = content(&mut theirs, "t", &["id", "a"], &["id"]);
    assert_eq!(fold(&log, "t"), want);
    assert_eq!(records(&log, "t").len(), read + 2, "it was read once more");
    catch_up(&log, &on_second);
    // The first has what nobody else has, and not what the second did.
    first.resume();
    let error = failure(&log, &on_first);
    assert_eq!(error.kind(), ErrorKind::NotFound, "{error}");
}
