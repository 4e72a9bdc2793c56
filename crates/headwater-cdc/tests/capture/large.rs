//! A transaction far larger than what is held in memory, sent while it runs: it comes in order, each change once, whoever is killed.

use std::collections::BTreeMap;
use std::path::Path;

use headwater_cdc::Capture;
use headwater_cdc::postgres::{Address, Session, Settings};

use super::bench::{catch_up, content, fold, memory, open, records, run, settings, url};
use super::torn::{kill_amid, take_over};
use crate::faults::tell;
use crate::oracle::is_soak;
use crate::process::{kill_after, say, told};
use crate::replication::start;

const TEST: &str = "capture::large::a_transaction_larger_than_memory_comes_once_whoever_is_killed";
/// Rows of a kibibyte each that the transaction keeps.
fn rows() -> usize {
    if is_soak() { 1 << 20 } else { 1 << 16 }
}

const WHOLE_BYTES: usize = 1 << 20;
/// What the process that takes it over may have at most: a small part of the transaction.
const PEAK_KIB: usize = 90 << 10;

fn of_both(address: &Address) -> Settings {
    Settings {
        whole_bytes: WHOLE_BYTES,
        ..settings(address, &["large", "small"])
    }
}

/// The most memory that this process has had.
fn peak_kib() -> usize {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|l| l.starts_with("VmHWM:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

/// The process that is killed: it says each time that more of the transaction is in the topic, and at the end how much memory it took.
fn child(told: &str) {
    take_over(told, of_both, "postgres.public.large");
    say(&peak_kib().to_string());
}

/// The transaction, with parts that are taken back and others that commit meanwhile.
fn write(session: &mut Session, other: &mut Session) {
    run(session, "BEGIN");
    for part in 0..16 {
        let from = part * rows() / 16;
        let to = (part + 1) * rows() / 16;
        let rows = format!(
            "INSERT INTO large SELECT n, repeat(md5(n::text), 31) FROM generate_series({from}, {to} - 1) n"
        );
        if part % 4 == 1 {
            run(
                session,
                &format!("SAVEPOINT outside; SAVEPOINT inside; {rows}"),
            );
            run(
                session,
                "RELEASE inside; DELETE FROM large WHERE id % 7 = 0; ROLLBACK TO outside",
            );
        }
        run(session, &format!("SAVEPOINT kept; {rows}; RELEASE kept"));
        run(other, &format!("INSERT INTO small VALUES ({part})"));
    }
    run(session, "COMMIT");
    run(other, "INSERT INTO small VALUES (100)");
}

/// What is in the topics is what is in the tables, in the order of commits.
fn check(dir: &Path, address: &Address, session: &mut Session) {
    let log = open(dir);
    catch_up(&log, &of_both(address));
    let large = records(&log, "large");
    let mut commits: BTreeMap<u64, usize> = BTreeMap::new();
    for (at, (commit, key, _)) in large.iter().enumerate() {
        assert_eq!(*key, format!("{{\"id\":{at}}}"));
        *commits.entry(*commit).or_default() += 1;
    }
    assert_eq!(large.len(), rows());
    assert!(commits.len() > 20, "{commits:?}");
    assert!(commits.values().all(|rows| *rows <= 1024), "{commits:?}");
    for (commit, key, _) in records(&log, "small") {
        let (first, last) = (large[0].0, large[rows() - 1].0);
        match key.as_str() {
            "{\"id\":100}" => assert!(commit >= last),
            _ => assert!(commit <= first, "{key}"),
        }
    }
    assert_eq!(fold(&log, "large"), content(session, "large", &["id"]));
    drop(log);
    assert_eq!(std::fs::read_dir(dir.join("scratch")).unwrap().count(), 0);
}

#[test]
fn a_transaction_larger_than_memory_comes_once_whoever_is_killed() {
    if let Some(told) = told() {
        return child(&told);
    }
    let Some((_server, address)) = start() else {
        return;
    };
    let mut session = Session::connect(&address).unwrap();
    let mut other = Session::connect(&address).unwrap();
    for sql in [
        "CREATE TABLE large (id int PRIMARY KEY, body text)",
        "CREATE TABLE small (id int PRIMARY KEY)",
    ] {
        run(&mut session, sql);
    }
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path();
    catch_up(&open(dir), &of_both(&address));
    {
        let log = open(dir);
        let capture = Capture::start(&log, of_both(&address)).unwrap();
        // It is sent while it runs, and what others commit meanwhile does not wait for it.
        write(&mut session, &mut other);
        drop(capture);
    }
    let told = tell(dir, &url(&address, address.port), "");
    let torn = kill_amid((TEST, &told), (dir, "cdc/headwater"), &[1, 3, 7, 2]);
    assert!(torn >= 2, "killed in the midst of it {torn} times");
    let said = kill_after(TEST, &told, usize::MAX);
    let peak: usize = said.last().unwrap().parse().unwrap();
    eprintln!("{peak} KiB for a transaction of {} KiB", rows());
    assert!(peak < PEAK_KIB, "{peak} KiB of memory");
    check(dir, &address, &mut session);
}

#[test]
fn a_transaction_too_large_for_one_commit_goes_on_in_small_ones() {
    let Some((_server, address)) = start() else {
        return;
    };
    let mut session = Session::connect(&address).unwrap();
    run(
        &mut session,
        "CREATE TABLE large (id int PRIMARY KEY, body text)",
    );
    // How much one commit may have, and how many rows of it the first one has then.
    let cases = [(16 << 20, 14_000..16_000), (5 << 20, 3_000..4_000)];
    let captures = cases.map(|(whole_bytes, first)| {
        let settings = Settings {
            slot: format!("of_{whole_bytes}"),
            whole_bytes,
            ..settings(&address, &["large"])
        };
        (memory(), settings, first)
    });
    for (log, settings, _) in &captures {
        catch_up(log, settings);
    }
    run(
        &mut session,
        "INSERT INTO large SELECT n, repeat(md5(n::text), 31) FROM generate_series(1, 24576) n",
    );
    for (log, settings, first) in captures {
        catch_up(&log, &settings);
        let mut commits: BTreeMap<u64, usize> = BTreeMap::new();
        for (commit, _, _) in records(&log, "large") {
            *commits.entry(commit).or_default() += 1;
        }
        let rows: Vec<usize> = commits.into_values().collect();
        assert_eq!(rows.iter().sum::<usize>(), 24_576);
        assert!(first.contains(&rows[0]), "{rows:?}");
        assert!(rows[1..].iter().all(|rows| *rows < 4_000), "{rows:?}");
    }
}
