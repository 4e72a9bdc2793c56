//! Exit codes and streams, which scripts depend on.

use std::io::Read;
use std::process::Stdio;

use crate::binary::{headwater, run, run_with};

#[test]
fn help_and_version_are_answers() {
    for args in [["--help"], ["--version"]] {
        let ended = run(&mut headwater(args));
        assert_eq!((ended.code, &*ended.stderr), (Some(0), ""));
        assert!(ended.stdout.contains("headwater"));
    }
}

#[test]
fn a_wrong_command_line_is_2() {
    for args in [
        ["frobnicate", "x"],
        ["run", "--nope"],
        ["topic", "x"],
        ["demo", "--speed=-1"],
    ] {
        let ended = run(&mut headwater(args));
        assert_eq!((ended.code, &*ended.stdout), (Some(2), ""), "{args:?}");
        assert!(!ended.stderr.is_empty());
    }
    let dir = tempfile::tempdir().unwrap();
    let mut consume = headwater(["topic", "consume", "t", "-o", "sideways"]);
    assert_eq!(run(consume.arg("--data").arg(dir.path())).code, Some(2));
}

#[test]
fn wrong_sql_is_78_with_line_column_caret_and_hint() {
    let ended = run_with(
        &mut headwater(["check", "-"]),
        "CREATE TABLE flights (origin STRING) WITH ('connector' = 'blackhole');\nSELECT orign FROM flights;\n",
    );
    assert_eq!((ended.code, &*ended.stdout), (Some(78), ""));
    for part in [
        "line 2, column 8",
        "SELECT orign FROM flights",
        "^",
        "origin",
    ] {
        assert!(
            ended.stderr.contains(part),
            "'{part}' is missing in:\n{}",
            ended.stderr
        );
    }
}

#[test]
fn unknown_names_are_answered_with_the_nearest() {
    let cases = [
        (
            "CREATE TABLE t (a INT) WITH ('connector' = 'filesytem');",
            "filesystem",
        ),
        (
            "CREATE TABLE t (a INT) WITH ('connector' = 'filesystem', 'paht' = 'x', 'format' = 'json');",
            "path",
        ),
        (
            "CREATE TABLE orders (a INT) WITH ('connector' = 'blackhole'); SELECT a FROM order_;",
            "orders",
        ),
    ];
    for (sql, near) in cases {
        let ended = run_with(&mut headwater(["check", "-"]), sql);
        assert_eq!(ended.code, Some(78), "{sql}\n{}", ended.stderr);
        assert!(ended.stderr.contains(near), "{sql}\n{}", ended.stderr);
    }
}

#[test]
fn a_missing_file_is_one_clear_sentence() {
    let ended = run(&mut headwater(["check", "no/such/file.sql"]));
    assert_eq!((ended.code, ended.stderr.lines().count()), (Some(1), 1));
    assert!(ended.stderr.contains("no/such/file.sql"));
    assert!(!ended.stderr.contains("panicked"));
}

#[test]
fn the_examples_are_sound() {
    let examples = concat!(env!("CARGO_MANIFEST_DIR"), "/../../examples/flights");
    let mut files: Vec<_> = std::fs::read_dir(examples)
        .unwrap()
        .map(|e| e.unwrap().path())
        .filter(|p| p.extension().is_some_and(|e| e == "sql"))
        .collect();
    files.sort();
    assert_eq!(files.len(), 5);
    let ended = run(headwater(["check"]).args(files));
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
}

#[test]
fn a_reader_that_goes_away_ends_a_command_quietly() {
    let mut child = headwater(["explain", "-c", "SELECT 1"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let mut said = String::new();
    child
        .stderr
        .take()
        .unwrap()
        .read_to_string(&mut said)
        .unwrap();
    assert_eq!((child.wait().unwrap().code(), &*said), (Some(0), ""));
}

#[test]
fn output_that_cannot_be_written_is_a_failure() {
    for args in [
        vec!["--help"],
        vec!["explain", "-c", "SELECT 1"],
        vec!["run", "-"],
    ] {
        let full = std::fs::OpenOptions::new()
            .write(true)
            .open("/dev/full")
            .unwrap();
        let mut command = headwater([]);
        let piped = command.args(&args).stdin(Stdio::piped()).stdout(full);
        let mut child = piped.stderr(Stdio::piped()).spawn().unwrap();
        std::io::Write::write_all(&mut child.stdin.take().unwrap(), b"SELECT 1;").unwrap();
        let ended = child.wait_with_output().unwrap();
        let said = String::from_utf8(ended.stderr).unwrap();
        assert_eq!(ended.status.code(), Some(1), "{args:?}: {said}");
        assert_eq!(
            said, "error: cannot write: No space left on device\n",
            "{args:?}"
        );
    }
}

#[test]
fn the_commit_that_a_query_read_up_to_is_named_for_those_who_ask() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().to_str().unwrap();
    let ask = |sql: &str, args: &[&str]| {
        let ended = run(headwater(["sql", "--data", data, "-o", "csv", "-c", sql]).args(args));
        assert_eq!(ended.code, Some(0), "{}", ended.stderr);
        (ended.stdout, ended.stderr)
    };
    ask("CREATE TABLE t (a INT); INSERT INTO t VALUES (1);", &[]);
    let count = "SELECT COUNT(*) AS n FROM t";
    assert_eq!(ask(count, &[]), ("n\n1\n".to_owned(), String::new()));
    let commit = |(rows, said): (String, String)| {
        let commit = said.trim_end().strip_prefix("as of commit ");
        (rows, commit.and_then(|n| n.parse::<u64>().ok()).unwrap())
    };
    let (rows, before) = commit(ask(count, &["--commits"]));
    assert_eq!(rows, "n\n1\n");
    ask("INSERT INTO t VALUES (2);", &[]);
    let (rows, after) = commit(ask(count, &["--commits"]));
    assert_eq!(rows, "n\n2\n");
    assert!(before < after, "{before} {after}");
}

#[test]
fn colours_are_for_terminals() {
    let ended = run(&mut headwater(["check", "no/such/file.sql"]));
    assert!(!ended.stderr.contains('\x1b'));
}
