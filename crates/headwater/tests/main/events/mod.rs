//! Event stores through the binary.

mod entities;
mod on_postgres;
mod projections;
mod sagas;
mod streams;

use std::path::Path;

use serde_json::Value;

use crate::binary::{Ended, headwater, run, run_with};

/// Runs a command on a data directory, with a text on standard input.
fn with_input(dir: &Path, args: &[&str], input: &str) -> Ended {
    let (verbs, rest) = args.split_at(2);
    let mut command = headwater([verbs[0], verbs[1]]);
    run_with(command.arg("--data").arg(dir).args(rest), input)
}

fn on(dir: &Path, args: &[&str]) -> Ended {
    with_input(dir, args, "")
}

/// The rows of a command that writes JSON lines.
fn rows(dir: &Path, args: &[&str]) -> Vec<Value> {
    let ended = on(dir, &[args, &["-o", "jsonl"]].concat());
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    let lines = ended.stdout.lines();
    lines
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

fn append(dir: &Path, stream: &str, key: &str, lines: &str) -> Value {
    let ended = with_input(dir, &["stream", "append", stream, key], lines);
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    serde_json::from_str(&ended.stdout).unwrap()
}

fn sql(dir: &Path, query: &str) -> Vec<Value> {
    let mut command = headwater(["sql", "-o", "jsonl", "-c", query, "--data"]);
    let ended = run(command.arg(dir));
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    let lines = ended.stdout.lines();
    lines
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}
