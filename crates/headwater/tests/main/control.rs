//! Several processes and one data directory: whoever has it open serves the others.

use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::process::{Child, ChildStdout, Stdio};

use crate::binary::{Ended, headwater, run, run_with, terminate};

/// A table that fills by itself, and what holds the directory open.
const ENDLESS: &str = "
    CREATE TABLE ticks (n BIGINT) WITH ('connector' = 'datagen', 'rows-per-second' = '100',
        'fields.n.kind' = 'sequence', 'fields.n.start' = '1', 'fields.n.end' = '1000000000');
    CREATE TABLE kept (n BIGINT);
    CREATE TABLE shown (n BIGINT) WITH ('connector' = 'print');
    INSERT INTO kept SELECT n FROM ticks;
    INSERT INTO shown SELECT n FROM ticks;";

/// A run that goes on, with its directory open.
struct Holder {
    child: Child,
    out: BufReader<ChildStdout>,
}

impl Holder {
    fn start(dir: &Path) -> Self {
        let file = dir.with_extension("sql");
        std::fs::write(&file, ENDLESS).unwrap();
        let mut child = headwater(["run"])
            .arg(file)
            .arg("-s")
            .arg(dir)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let out = BufReader::new(child.stdout.take().unwrap());
        let mut holder = Self { child, out };
        // The first row that it prints is there when its directory is open.
        assert_eq!(holder.line(), "+I[1]\n");
        holder
    }

    fn line(&mut self) -> String {
        let mut line = String::new();
        self.out.read_line(&mut line).unwrap();
        line
    }

    /// Ends it with Ctrl-C.
    fn end(mut self) {
        terminate(&self.child);
        std::io::copy(&mut self.out, &mut std::io::sink()).unwrap();
        assert_eq!(self.child.wait().unwrap().code(), Some(0));
    }
}

fn on(dir: &Path, args: &[&str]) -> Ended {
    let (first, rest) = args.split_first().unwrap();
    run(headwater([*first]).args(rest).arg("--data").arg(dir))
}

#[test]
fn commands_reach_a_directory_through_the_process_that_has_it_open() {
    let root = tempfile::tempdir().unwrap();
    let dir = &root.path().join("data");
    let holder = Holder::start(dir);
    let mode = std::os::unix::fs::PermissionsExt::mode(
        &std::fs::metadata(dir.join("control"))
            .unwrap()
            .permissions(),
    );
    assert_eq!(mode & 0o777, 0o600);

    let jobs = on(dir, &["sql", "-o", "jsonl", "-c", "SHOW JOBS"]);
    assert_eq!(jobs.stdout.lines().count(), 2, "{jobs:?}");
    assert_eq!(on(dir, &["topic", "create", "orders"]).code, Some(0));
    let produced = run_with(
        headwater(["topic", "produce", "orders", "--data"]).arg(dir),
        "{\"id\":7}\n",
    );
    assert_eq!(produced.code, Some(0), "{produced:?}");
    let rows = on(dir, &["sql", "-o", "csv", "-c", "SELECT id FROM orders"]);
    assert_eq!(rows.stdout, "id\n7\n");
    let kept = on(dir, &["topic", "consume", "kept", "-n", "2", "-f", "%v\\n"]);
    assert_eq!(kept.stdout, "{\"n\":1}\n{\"n\":2}\n");
    let wrong = on(dir, &["sql", "-c", "SELECT nothing FROM orders"]);
    assert_eq!(wrong.code, Some(78), "{wrong:?}");
    for refused in [
        on(dir, &["demo"]),
        run(headwater(["log", "verify"]).arg(dir)),
    ] {
        assert_eq!((refused.code, &*refused.stdout), (Some(4), ""));
        assert!(refused.stderr.contains("in use"), "{refused:?}");
    }
    holder.end();
    assert!(!dir.join("control").exists());
    let kept = on(
        dir,
        &["topic", "consume", "kept", "-o", ":1", "-f", "%v\\n"],
    );
    assert_eq!(kept.stdout, "{\"n\":1}\n");
}

#[test]
fn a_file_runs_in_the_process_that_has_the_directory_open_and_prints_where_it_was_asked() {
    let root = tempfile::tempdir().unwrap();
    let dir = &root.path().join("data");
    let mut holder = Holder::start(dir);
    let text = "
        CREATE TABLE five (n BIGINT) WITH ('connector' = 'datagen',
            'fields.n.kind' = 'sequence', 'fields.n.start' = '1', 'fields.n.end' = '5');
        CREATE TABLE big (n BIGINT) WITH ('connector' = 'print');
        CREATE TABLE odd (n BIGINT) WITH ('connector' = 'print', 'standard-error' = 'true');
        INSERT INTO big SELECT n FROM five WHERE n > 3;
        INSERT INTO odd SELECT n FROM five WHERE n = 5;
        SELECT count(*) AS c FROM five;";
    let mut command = headwater(["run", "-", "-o", "jsonl", "-s"]);
    let ended = run_with(command.arg(dir), text);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert_eq!(ended.stdout, "+I[4]\n+I[5]\n{\"c\":5}\n");
    assert_eq!(ended.stderr, "+I[5]\n");
    assert!(holder.line().starts_with("+I["), "the holder goes on");
    holder.end();
}

#[test]
fn a_run_in_another_process_ends_in_order_with_ctrl_c_and_is_told_when_that_process_ends() {
    let root = tempfile::tempdir().unwrap();
    let dir = &root.path().join("data");
    let holder = Holder::start(dir);
    let file = root.path().join("more.sql");
    let text = "CREATE TEMPORARY TABLE more (n BIGINT) WITH ('connector' = 'print');
        INSERT INTO more SELECT n FROM kept;";
    std::fs::write(&file, text).unwrap();
    let start = || {
        let mut command = headwater(["run"]);
        let piped = command.arg(&file).arg("-s").arg(dir).stdout(Stdio::piped());
        let mut child = piped.stderr(Stdio::piped()).spawn().unwrap();
        let mut out = BufReader::new(child.stdout.take().unwrap());
        let mut line = String::new();
        out.read_line(&mut line).unwrap();
        assert_eq!(line, "+I[1]\n");
        (child, out)
    };
    let (mut child, mut out) = start();
    terminate(&child);
    std::io::copy(&mut out, &mut std::io::sink()).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(0));

    // Run again it goes on, where no row is printed twice.
    let mut command = headwater(["run"]);
    let mut child = command
        .arg(&file)
        .arg("-s")
        .arg(dir)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut out = BufReader::new(child.stdout.take().unwrap());
    let mut line = String::new();
    out.read_line(&mut line).unwrap();
    assert!(line.starts_with("+I[") && line != "+I[1]\n", "{line}");
    holder.end();
    std::io::copy(&mut out, &mut std::io::sink()).unwrap();
    let mut said = String::new();
    child
        .stderr
        .take()
        .unwrap()
        .read_to_string(&mut said)
        .unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(1));
    assert!(said.contains("ends"), "{said}");
}

#[test]
fn commands_that_come_together_are_all_answered() {
    let root = tempfile::tempdir().unwrap();
    let dir = &root.path().join("data");
    assert_eq!(on(dir, &["topic", "create", "t"]).code, Some(0));
    let produce = |n: usize| {
        let mut command = headwater(["topic", "produce", "t", "--data"]);
        let ended = run_with(command.arg(dir), &format!("{n}\n"));
        assert_eq!(ended.code, Some(0), "{ended:?}");
    };
    std::thread::scope(|scope| {
        for worker in 0..4 {
            scope.spawn(move || (0..5).for_each(|n| produce(worker * 5 + n)));
        }
    });
    let records = on(dir, &["topic", "consume", "t", "-o", ":end", "-f", "%v\\n"]);
    let mut numbers: Vec<usize> = records.stdout.lines().map(|l| l.parse().unwrap()).collect();
    numbers.sort_unstable();
    assert_eq!(numbers, (0..20).collect::<Vec<_>>());
}

#[test]
fn a_killed_process_leaves_nothing_that_keeps_the_next_one_out() {
    let root = tempfile::tempdir().unwrap();
    // The address of a socket has no room for such a path.
    let dir = &root.path().join("deep".repeat(40)).join("data");
    std::fs::create_dir_all(dir.parent().unwrap()).unwrap();
    let mut holder = Holder::start(dir);
    assert_eq!(on(dir, &["topic", "describe", "kept"]).code, Some(0));
    holder.child.kill().unwrap();
    holder.child.wait().unwrap();
    assert!(dir.join("control").exists());
    assert_eq!(on(dir, &["topic", "describe", "kept"]).code, Some(0));
    assert!(!dir.join("control").exists());
}
