//! A data directory that may take only so many bytes, through the binary.

use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::binary::{headwater, run, run_with};

const PATIENCE: Duration = Duration::from_secs(60);
const LIMIT: &str = "4MiB";
const ROWS: usize = 60_000;
/// Lines of ten kilobytes.
const BALLAST: usize = 230;

fn limited<const N: usize>(dir: &Path, args: [&str; N]) -> Command {
    let mut command = headwater(args);
    command.env("HEADWATER_DATA", dir);
    command.env("HEADWATER_DISK_LIMIT", LIMIT);
    command
}

/// What a statement answers, as CSV.
fn ask(dir: &Path, sql: &str) -> String {
    let ended = run(&mut limited(dir, ["sql", "-o", "csv", "-c", sql]));
    assert_eq!(ended.code, Some(0), "{sql}: {}", ended.stderr);
    ended.stdout
}

fn start(dir: &Path, file: &Path) -> Child {
    let mut command = limited(dir, ["run"]);
    command.arg(file).arg("-s").arg(dir);
    let command = command.stdout(Stdio::null()).stderr(Stdio::piped());
    command.spawn().unwrap()
}

#[test]
fn a_job_beyond_the_limit_waits_says_so_and_ends_when_there_is_room() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("data");
    let created = run(&mut limited(&data, ["topic", "create", "ballast"]));
    assert_eq!(created.code, Some(0), "{}", created.stderr);
    let line = format!("{}\n", "x".repeat(10_000));
    let produced = run_with(
        &mut limited(&data, ["topic", "produce", "ballast"]),
        &line.repeat(BALLAST),
    );
    assert_eq!(produced.code, Some(0), "{}", produced.stderr);

    let file = dir.path().join("fill.sql");
    let text = format!(
        "CREATE TABLE n (n BIGINT) WITH ('connector' = 'datagen', 'rows-per-second' = '0',
            'fields.n.kind' = 'sequence', 'fields.n.start' = '1', 'fields.n.end' = '{ROWS}');
         CREATE TABLE kept (n BIGINT);
         INSERT INTO kept SELECT n FROM n;"
    );
    std::fs::write(&file, text).unwrap();
    let mut child = start(&data, &file);
    let since = Instant::now();
    while !ask(&data, "SHOW JOBS").contains("log has reached its limit") {
        assert!(since.elapsed() < PATIENCE, "the job is not held back");
        if child.try_wait().unwrap().is_some() {
            let ended = child.wait_with_output().unwrap();
            panic!("it has ended: {}", String::from_utf8_lossy(&ended.stderr));
        }
    }
    let limit = ask(
        &data,
        "SELECT disk_limit, room_bytes < 1000000 AS is_short FROM system.log",
    );
    assert_eq!(limit, "disk_limit,is_short\n4194304,true\n");
    let dropped = run(&mut limited(&data, ["topic", "delete", "ballast"]));
    assert_eq!(dropped.code, Some(0), "{}", dropped.stderr);

    let ended = child.wait_with_output().unwrap();
    let said = String::from_utf8(ended.stderr).unwrap();
    assert_eq!(ended.status.code(), Some(0), "{said}");
    let count = ask(
        &data,
        "SELECT COUNT(*) AS c, COUNT(DISTINCT n) AS d FROM kept",
    );
    assert_eq!(count, format!("c,d\n{ROWS},{ROWS}\n"));
}

#[test]
fn a_limit_that_makes_no_sense_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let list = |limit: &str| {
        let mut command = limited(dir.path(), ["topic", "list", "--disk-limit"]);
        run(command.arg(limit))
    };
    let wrong = list("10 potatoes");
    assert_eq!(wrong.code, Some(2), "{}", wrong.stderr);
    assert!(wrong.stderr.contains("10GiB"), "{}", wrong.stderr);
    let small = list("10kB");
    assert_eq!(small.code, Some(78), "{}", small.stderr);
    assert!(
        small.stderr.contains("a log takes at least 1048576 bytes"),
        "{}",
        small.stderr
    );
}
