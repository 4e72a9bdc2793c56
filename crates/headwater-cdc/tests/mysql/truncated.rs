//! A server that is killed in a `TRUNCATE`: MariaDB comes back with an empty table and a log that knows nothing of it, MySQL does not.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use headwater_cdc::mysql::{Address, Session, Settings};
use headwater_log::Log;

use super::capturing::{catch_up, content, fold, memory, settings};
use super::server::{Product, Server};
use super::transactions::run;

const TABLES: [&str; 8] = ["t0", "t1", "t2", "t3", "t4", "t5", "t6", "t7"];
/// By each kill MariaDB loses one or two.
const KILLS_MAX: usize = 40;
/// How often MySQL is killed, which loses none.
const KILLS: usize = 4;

/// Fills a table and empties it until the server is gone; whether that was in a `TRUNCATE`.
fn fill_and_empty(address: &Address, table: &str, written: &AtomicUsize) -> bool {
    let mut session = Session::connect(address).unwrap();
    loop {
        let insert = format!("INSERT IGNORE INTO {table} VALUES (1), (2), (3)");
        if session.execute(&insert).is_err() {
            return false;
        }
        if session.execute(&format!("TRUNCATE {table}")).is_err() {
            return true;
        }
        written.fetch_add(1, Ordering::Relaxed);
    }
}

/// Kills the server while sessions fill and empty tables; of which tables it fell in a `TRUNCATE`.
fn kill(server: &Server, after: Duration) -> Vec<&'static str> {
    let address = Address {
        database: "shop".to_owned(),
        ..server.address()
    };
    let written = AtomicUsize::new(0);
    let in_doubt = std::thread::scope(|scope| {
        let (address, written) = (&address, &written);
        let writers = TABLES.map(|table| {
            (
                table,
                scope.spawn(move || fill_and_empty(address, table, written)),
            )
        });
        while written.load(Ordering::Relaxed) < TABLES.len() {
            std::thread::park_timeout(Duration::from_millis(1));
        }
        std::thread::park_timeout(after);
        server.crash();
        let mut in_doubt = Vec::new();
        for (table, writer) in writers {
            in_doubt.extend(writer.join().unwrap().then_some(table));
        }
        in_doubt
    });
    server.resume();
    in_doubt
}

/// The tables whose topics have rows that they have not.
fn forgotten(log: &Log, session: &mut Session) -> Vec<&'static str> {
    let mut tables = Vec::new();
    for table in TABLES {
        let (got, want) = (fold(log, table), content(session, table, &["id"], &["id"]));
        if got != want {
            assert!(want.is_empty(), "{table}: {got:?}, {want:?}");
            tables.push(table);
        }
    }
    tables
}

/// What a person can do: send it again, or, if there are other rows by now, have the table read as another one.
fn mend(log: &Log, settings: &Settings, session: &mut Session, tables: &[&str]) {
    for (at, table) in tables.iter().enumerate() {
        let insert = format!("INSERT INTO {table} VALUES (2), (9)");
        let again = format!("TRUNCATE {table}");
        let renamed = format!("RENAME TABLE {table} TO aside, aside TO {table}");
        match at % 2 {
            0 => run(session, &[&insert, &renamed]),
            _ => run(session, &[&again, &insert]),
        }
    }
    catch_up(log, settings);
    assert_eq!(forgotten(log, session), [""; 0]);
}

#[test]
fn a_truncate_that_mariadb_forgot_is_mended_by_sending_it_again() {
    for server in Server::each(&[]) {
        let mut session = server.session("shop");
        for table in TABLES {
            run(
                &mut session,
                &[&format!("CREATE TABLE {table} (id INT PRIMARY KEY)")],
            );
        }
        let settings = settings(&server.address(), &TABLES);
        let log = memory();
        let is_mysql = server.product() == Product::MySql;
        let (mut doubts, mut lost, mut kills) = (0, 0, 0);
        while kills < KILLS || !is_mysql && lost < 2 {
            assert!(kills < KILLS_MAX, "of {doubts} in doubt {lost} are lost");
            let in_doubt = kill(&server, Duration::from_millis(7 * kills as u64 % 40));
            let mut session = server.session("shop");
            catch_up(&log, &settings);
            let forgotten = forgotten(&log, &mut session);
            assert!(forgotten.iter().all(|table| in_doubt.contains(table)));
            assert!(!is_mysql || forgotten.is_empty(), "{forgotten:?}");
            mend(&log, &settings, &mut session, &forgotten);
            (doubts, lost, kills) = (doubts + in_doubt.len(), lost + forgotten.len(), kills + 1);
        }
        eprintln!(
            "{:?}: {kills} kills, of {doubts} in doubt {lost} are lost",
            server.product()
        );
        assert!(doubts > 0);
    }
}
