//! The sessions of the oracle: what they write at random, and what they know of it afterwards.

use std::collections::HashSet;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::Duration;

use headwater_cdc::mysql::{Address, Session};

use super::server::Server;
use super::transactions::{numbers, run};
use crate::oracle::Random;

/// Sessions there are at most.
pub(super) const WRITERS_MAX: u64 = 16;
/// What a crash left prepared keeps its locks until it is ended; who waits for them must see that it is to stop.
const BOUNDED: &str = "SET lock_wait_timeout = 5, innodb_lock_wait_timeout = 5";
const TRUNCATE: &str = "TRUNCATE emptied";

pub(super) fn create(session: &mut Session) {
    let of = |table: &str, columns: &str, last: u32| {
        format!(
            "INSERT INTO {table} SELECT {columns} FROM {}",
            numbers(1, last)
        )
    };
    run(
        session,
        &[
            "CREATE TABLE ledger (id BIGINT, part INT, parts INT, PRIMARY KEY (id, part))",
            "CREATE TABLE pairs (a INT, b INT, n INT, PRIMARY KEY (b, a))",
            &of("pairs", "seq % 7, seq, seq", 6000),
            "CREATE TABLE emptied (id INT PRIMARY KEY, n INT)",
            &of("emptied", "seq, seq", 3000),
            "CREATE TABLE altered (id BIGINT PRIMARY KEY, n INT, kept VARCHAR(20))",
            &of("altered", "seq, seq, CONCAT('k', seq)", 800),
            "CREATE TABLE people (id INT PRIMARY KEY, n INT, name VARCHAR(20), phone TEXT, note VARCHAR(20), secret TEXT)",
            &of(
                "people",
                "seq, seq % 5 - 2, CONCAT('name ', seq), CONCAT('555', seq), CONCAT('üöä note ', seq), 'secret'",
                600,
            ),
        ],
    );
}

/// What a transaction does besides writing its parts into the ledger.
fn statements(random: &mut Random) -> Vec<String> {
    let (id, other, n) = (
        random.below(6400),
        random.below(6400),
        random.below(1 << 30),
    );
    match random.below(110) {
        0..25 => vec![format!("UPDATE pairs SET n = {n} WHERE b = {id}")],
        25..40 => vec![format!(
            "UPDATE IGNORE pairs SET b = {other} WHERE b = {id}"
        )],
        40..50 => vec![format!("REPLACE INTO pairs VALUES (1, {id}, {n})")],
        50..60 => vec![format!("DELETE FROM pairs WHERE b = {id}")],
        60..75 => vec![format!("REPLACE INTO emptied VALUES ({id}, {n})")],
        75..80 => vec![format!(
            "UPDATE emptied SET n = {n} WHERE id % 100 = {}",
            id % 100
        )],
        80..90 => vec![
            "SAVEPOINT s".to_owned(),
            format!("DELETE FROM emptied WHERE id < {other}"),
            "ROLLBACK TO s".to_owned(),
        ],
        90..100 => vec![
            "SAVEPOINT s".to_owned(),
            format!("DELETE FROM emptied WHERE id = {id}"),
            "RELEASE SAVEPOINT s".to_owned(),
        ],
        100..105 => vec![altered(random)],
        _ => vec![people(random)],
    }
}

/// Rows of a table whose columns come, go, and are others.
fn altered(random: &mut Random) -> String {
    let (id, n) = (random.below(900), random.below(1000));
    match random.below(4) {
        0 => format!("REPLACE INTO altered (id, kept) VALUES ({id}, 'r{n}')"),
        1 => format!("DELETE FROM altered WHERE id = {id}"),
        _ => format!("UPDATE altered SET n = {n} WHERE id % 200 = {}", id % 200),
    }
}

/// Rows that come to be captured or cease to, with values that nobody may see.
fn people(random: &mut Random) -> String {
    let (id, n) = (random.below(700), random.below(7));
    match random.below(5) {
        0 => format!("UPDATE people SET n = {n} - 3 WHERE id = {id}"),
        1 => format!("UPDATE people SET phone = '666{n}', secret = 'secret' WHERE id = {id}"),
        2 => format!("UPDATE people SET note = 'üöä{n} note', name = 'name {n}' WHERE id = {id}"),
        3 => format!("DELETE FROM people WHERE id = {id}"),
        _ => format!(
            "REPLACE INTO people VALUES ({id}, {n} - 3, 'name {n}', '777{n}', 'üöä note', 'secret')"
        ),
    }
}

fn transaction(random: &mut Random, id: u64, has_xa: bool) -> Vec<String> {
    if random.below(400) == 0 {
        // The log has the whole text, so that each is known again there.
        return vec![format!("{TRUNCATE} /* {id} */")];
    }
    let xa = has_xa && random.below(8) == 0;
    let parts = 1 + random.below(4);
    let mut all = vec![match xa {
        true => format!("XA START 'x{id}'"),
        false => "BEGIN".to_owned(),
    }];
    for part in 0..parts {
        all.push(format!("INSERT INTO ledger VALUES ({id}, {part}, {parts})"));
        all.extend(statements(random));
    }
    let end = match random.below(10) {
        0 => "ROLLBACK",
        _ => "COMMIT",
    };
    match xa {
        true => {
            all.push(format!("XA END 'x{id}'"));
            all.push(format!("XA PREPARE 'x{id}'"));
            let xid = format!("x{id}");
            all.push(match end {
                "COMMIT" => commit_of(&xid),
                end => format!("XA {end} '{xid}'"),
            });
        }
        false => all.push(end.to_owned()),
    }
    all
}

pub(super) fn commit_of(xid: &str) -> String {
    format!("XA COMMIT '{xid}'")
}

/// What the writers know.
#[derive(Debug, Default)]
pub(super) struct Written {
    /// Transactions that were written to their ends.
    done: AtomicU32,
    /// Each `TRUNCATE` that was sent, and whether the server said that it happened.
    truncates: Mutex<Vec<(String, bool)>>,
    /// Each commit of a prepared transaction that was sent and not answered.
    commits: Mutex<HashSet<String>>,
}

impl Written {
    pub(super) fn done(&self) -> u32 {
        self.done.load(Ordering::Relaxed)
    }

    /// The statements that happened, or those of which that is not known.
    pub(super) fn truncates(&self, have_happened: bool) -> Vec<String> {
        let all = self.truncates.lock().unwrap();
        let of = all
            .iter()
            .filter(|(_, happened)| *happened == have_happened);
        of.map(|(sql, _)| sql.clone()).collect()
    }

    /// How a prepared transaction that a crash has left is to end: as it was to before. MariaDB may have the commit in its log already.
    pub(super) fn end_of(&self, xid: &str) -> String {
        let commit = commit_of(xid);
        match self.commits.lock().unwrap().contains(&commit) {
            true => commit,
            false => format!("XA ROLLBACK '{xid}'"),
        }
    }

    fn execute(&self, session: &mut Session, sql: &str) -> bool {
        let is_commit = sql.starts_with("XA COMMIT");
        if is_commit {
            self.commits.lock().unwrap().insert(sql.to_owned());
        }
        let is_done = session.execute(sql).is_ok();
        if is_commit && is_done {
            self.commits.lock().unwrap().remove(sql);
        }
        // Who got an answer, and be it that it waited too long, has no doubt.
        let is_known = is_done || session.execute("DO 0").is_ok();
        if sql.starts_with(TRUNCATE) && (is_done || !is_known) {
            let mut all = self.truncates.lock().unwrap();
            all.push((sql.to_owned(), is_done));
        }
        is_done
    }
}

/// Writes until it is told to stop; a statement that fails ends its session, which takes back what was not prepared.
pub(super) fn write(
    server: &Server,
    (seed, writer): (u64, u64),
    stop: &AtomicBool,
    written: &Written,
) {
    let mut random = Random(seed.wrapping_mul(writer + 1) | 1);
    // A prepared transaction that nobody ends holds its rows, and locking reads wait for them.
    let has_xa = server.has_names();
    let mut id = writer;
    let address = Address {
        database: "shop".to_owned(),
        ..server.address()
    };
    while !stop.load(Ordering::Relaxed) {
        let session = Session::connect(&address).and_then(|mut s| s.execute(BOUNDED).map(|()| s));
        let Ok(mut session) = session else {
            std::thread::park_timeout(Duration::from_millis(20));
            continue;
        };
        while !stop.load(Ordering::Relaxed) {
            id += WRITERS_MAX;
            let mut all = transaction(&mut random, id, has_xa).into_iter();
            if !all.all(|sql| written.execute(&mut session, &sql)) {
                break;
            }
            written.done.fetch_add(1, Ordering::Relaxed);
        }
    }
}
