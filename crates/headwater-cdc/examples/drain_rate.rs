//! How fast a capture of PostgreSQL drains a backlog of small transactions, beside `pg_recvlogical`, or reads a table, beside
//! `COPY`, and how much memory one large transaction takes. Starts a server of its own.
//!
//! `drain_rate small|large|filled [TURNS]`
#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "an example")]

use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use headwater_cdc::postgres::{Address, Lsn, Replication, Session, Settings, TableName};
use headwater_cdc::{Capture, Place};
use headwater_log::{Clock, Log, Options, Timestamp};

#[path = "../../headwater-events/tests/postgres/server.rs"]
#[expect(dead_code, reason = "shared with tests, which use the rest")]
mod server;

use server::Server;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const PATIENCE: Duration = Duration::from_secs(300);
/// Changes of the backlog.
const CHANGES: u32 = 500_000;
/// Changes of one transaction of it.
const TOGETHER: u32 = 10;
/// Rows of the large transaction, of a kibibyte each.
const ROWS: u32 = 1 << 20;

const SMALL: &str = "CREATE TABLE small (id bigint PRIMARY KEY, customer int NOT NULL, status text, \
     amount numeric(12,2), at timestamptz)";
const LARGE: &str = "CREATE TABLE large (id bigint PRIMARY KEY, body text)";
/// Rows of the table that is read.
const FILLED_ROWS: u32 = 1_000_000;
const FILLED: &str = "CREATE TABLE filled (id bigint PRIMARY KEY, customer int NOT NULL, status text, amount numeric(12,2), \
     at timestamptz, note text)";

#[derive(Debug)]
struct Now;

impl Clock for Now {
    fn now(&self) -> Timestamp {
        let since = SystemTime::UNIX_EPOCH.elapsed().unwrap();
        Timestamp(since.as_millis() as i64)
    }
}

fn main() {
    let mut arguments = std::env::args().skip(1);
    let table = arguments.next().unwrap_or_else(|| "small".to_owned());
    let is_read = table == "filled";
    let turns = arguments.next().map_or(3, |turns| turns.parse().unwrap());
    let settings = [
        "wal_level=logical",
        "max_wal_size=16GB",
        "max_replication_slots=20",
        "max_wal_senders=20",
    ];
    let server = Server::start(&settings).unwrap();
    let address: Address = server.url("postgres").parse().unwrap();
    let mut session = Session::connect(&address).unwrap();
    let dir = tempfile::tempdir().unwrap();
    for sql in [SMALL, LARGE, FILLED] {
        session.query(sql).unwrap();
    }
    let captures: Vec<_> = (0..turns)
        .map(|turn| {
            let name = format!("ours_{turn}");
            let dir = dir.path().join(&name);
            let log = Log::open_dir(&dir, Arc::new(Now), Options::default());
            let new = Settings {
                backfills: is_read,
                publication: table.clone(),
                ..Settings::new(address.clone(), &name)
            };
            let settings = new.table(TableName::new("public", &table));
            (log.unwrap(), settings)
        })
        .collect();
    for (log, settings) in captures.iter().filter(|_| !is_read) {
        drop(reach(log, settings, end(&address)));
    }
    for turn in (0..turns).filter(|_| !is_read) {
        let mut replication = Replication::connect(&address).unwrap();
        replication
            .create_slot(&format!("plain_{turn}"), false)
            .unwrap();
    }
    write(&mut session, &table);
    let end = end(&address);
    for (turn, (log, settings)) in captures.iter().enumerate() {
        let plain = match is_read {
            true => copy(&server),
            false => receive(&server, turn, &table, end),
        };
        println!("plainly {plain:?}");
        drop(std::fs::write("/proc/self/clear_refs", "5"));
        let (before, started) = (cpu_seconds(), Instant::now());
        let capture = reach(log, settings, end);
        let took = started.elapsed();
        let peak = status_mib("VmHWM:");
        capture.stop();
        let cpu = cpu_seconds() - before;
        println!(
            "ours {took:?}, ratio {:.3}, CPU {cpu:.2} s, peak {peak:.0} MiB, anonymous {:.0} MiB",
            plain.as_secs_f64() / took.as_secs_f64(),
            status_mib("RssAnon:"),
        );
    }
}

fn end(address: &Address) -> Lsn {
    match address.log_end().unwrap() {
        Place::PostgreSql(lsn) => lsn,
        Place::MySql(_) => unreachable!("it is PostgreSQL"),
    }
}

fn reach(log: &Log, settings: &Settings, end: Lsn) -> Capture {
    let capture = Capture::start(log, settings.clone()).unwrap();
    assert!(capture.wait_for(&end.into(), PATIENCE).unwrap());
    capture
}

fn write(session: &mut Session, table: &str) {
    session.query("SET synchronous_commit = off").unwrap();
    let sql = match table {
        "small" => format!(
            "DO $$ BEGIN FOR i IN 0..{last} LOOP \
             INSERT INTO small SELECT n, n % 1000, 'in progress', n / 7.0, now() \
             FROM generate_series(i * {TOGETHER}, i * {TOGETHER} + {TOGETHER} - 1) n; COMMIT; END LOOP; END $$",
            last = CHANGES / TOGETHER - 1
        ),
        "filled" => format!(
            "INSERT INTO filled SELECT n, n % 1000, 'in progress', n / 7.0, now(), md5(n::text) \
             FROM generate_series(1, {FILLED_ROWS}) n"
        ),
        _ => format!(
            "INSERT INTO large SELECT n, repeat(md5(n::text), 31) FROM generate_series(1, {ROWS}) n"
        ),
    };
    session.query(&sql).unwrap();
    session.query(&format!("VACUUM FREEZE {table}")).unwrap();
}

fn program(name: &str) -> Command {
    let programs = std::fs::read_dir("/usr/lib/postgresql").unwrap();
    let programs: PathBuf = programs.map(|p| p.unwrap().path()).max().unwrap();
    Command::new(programs.join("bin").join(name))
}

fn copy(server: &Server) -> Duration {
    let mut command = program("psql");
    command.args(["--quiet", "--command", "COPY filled TO STDOUT"]);
    command.arg(server.url("postgres"));
    let started = Instant::now();
    assert!(command.stdout(Stdio::null()).status().unwrap().success());
    started.elapsed()
}

fn receive(server: &Server, turn: usize, table: &str, end: Lsn) -> Duration {
    let mut command = program("pg_recvlogical");
    command.args(["--start", "--no-loop", "--file", "/dev/null"]);
    command.args([
        "--slot",
        &format!("plain_{turn}"),
        "--endpos",
        &end.to_string(),
    ]);
    command.args(["--option", "proto_version=1"]);
    command.args(["--option", &format!("publication_names={table}")]);
    command.args(["--dbname", &server.url("postgres")]);
    let started = Instant::now();
    let status = command.stdout(Stdio::null()).status().unwrap();
    assert!(status.success());
    started.elapsed()
}

fn status_mib(name: &str) -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|l| l.strip_prefix(name)).unwrap();
    let kib: f64 = line.split_whitespace().next().unwrap().parse().unwrap();
    kib / 1024.0
}

fn cpu_seconds() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap();
    let fields = stat.rsplit(')').next().unwrap().split_whitespace();
    let ticks: f64 = fields
        .skip(11)
        .take(2)
        .map(|f| f.parse::<f64>().unwrap())
        .sum();
    ticks / 100.0
}
