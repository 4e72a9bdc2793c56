//! The engine: Nexmark queries from a JSON-lines file to `blackhole`, each in a process of its own.

use std::fs::File;
use std::io::BufWriter;
use std::path::Path;
use std::process::{Command, Stdio};

use super::figure::Figure;
use super::state;
use crate::cli::args::BenchArgs;
use crate::cli::exit::{Failure, Outcome};
use crate::cli::run::Usage;

/// A query, with what is wanted of it on the machine that the figures were set on.
struct Query {
    name: &'static str,
    text: &'static str,
    /// Events per CPU second.
    rate: f64,
    /// Those of Flink 2.3 on that machine.
    flink: f64,
    /// Peak memory, MiB.
    memory: Option<f64>,
}

const TABLES: &str = include_str!("../../../../../examples/nexmark/tables.sql");

/// The options of the events' table that the file takes the place of.
const GENERATED: &str = "'connector' = 'nexmark',\n    'events.num' = '100000'";

macro_rules! query {
    ($name:literal, $rate:expr, $flink:expr, $memory:expr) => {
        Query {
            name: $name,
            text: include_str!(concat!("../../../../../examples/nexmark/", $name, ".sql")),
            rate: $rate,
            flink: $flink,
            memory: $memory,
        }
    };
}

const QUERIES: [Query; 10] = [
    query!("q0", 1_200_000.0, 169_000.0, Some(300.0)),
    query!("q1", 1_000_000.0, 157_000.0, Some(300.0)),
    query!("q2", 1_200_000.0, 150_000.0, Some(300.0)),
    query!("q11", 700_000.0, 109_000.0, None),
    query!("q14", 1_000_000.0, 170_000.0, None),
    query!("q15", 700_000.0, 105_000.0, None),
    query!("q16", 450_000.0, 65_000.0, None),
    query!("q17", 700_000.0, 103_000.0, None),
    query!("q21", 700_000.0, 101_000.0, None),
    query!("q22", 1_000_000.0, 134_000.0, None),
];

/// How many times as fast as Flink it is to be.
const AIM: f64 = 10.0;
const UNIT: &str = "events/CPU-s";

/// Measures the engine in a folder.
pub(super) fn measure(dir: &Path, args: &BenchArgs) -> Outcome<Vec<Figure>> {
    let events = dir.join("nexmark.jsonl");
    write_events(&events, args.events)?;
    let mut figures = Vec::new();
    let chosen =
        |q: &&Query| args.queries.is_empty() || args.queries.iter().any(|name| name == q.name);
    for query in QUERIES.iter().filter(chosen) {
        let usage = run(dir, args.threads, &text(query, &events))?;
        let rate = args.events as f64 / usage.cpu_seconds.max(1e-9);
        let name = format!("engine: Nexmark {}", query.name);
        let figure = Figure::at_least(&name, rate, query.rate, UNIT);
        figures.push(figure.with_aim(rate, query.flink, UNIT, AIM).tell());
        if let Some(most) = query.memory {
            figures.push(
                Figure::at_most(format!("{name}, memory"), usage.peak_mib, most, "MiB").tell(),
            );
        }
    }
    if args.queries.is_empty() {
        figures.extend(state::measure(dir, args.threads)?);
    }
    Ok(figures)
}

fn write_events(path: &Path, count: u64) -> Outcome {
    let wrong = |e: &std::io::Error| Failure::io(format!("cannot write '{}'", path.display()), e);
    let mut out = BufWriter::new(File::create(path).map_err(|e| wrong(&e))?);
    headwater_connect::write_nexmark_json(&mut out, count)?;
    out.into_inner().map_err(|e| wrong(e.error())).map(drop)
}

/// The statements of a query over the file.
fn text(query: &Query, events: &Path) -> String {
    let path = events.display().to_string().replace('\'', "''");
    let options = format!("'connector' = 'filesystem', 'path' = '{path}', 'format' = 'json'");
    let mut text = TABLES.replace(GENERATED, &options);
    text += query.text;
    text
}

/// Runs statements in a process of its own; gives what it used.
fn run(dir: &Path, threads: u16, text: &str) -> Outcome<Usage> {
    let file = dir.join("query.sql");
    std::fs::write(&file, text)
        .map_err(|e| Failure::io(format!("cannot write '{}'", file.display()), &e))?;
    let wrong = |e: &std::io::Error| Failure::io("cannot run another process", e);
    let program = std::env::current_exe().map_err(|e| wrong(&e))?;
    let output = Command::new(program)
        .args(["run".as_ref(), file.as_os_str()])
        .args(["--usage", "--threads", &threads.to_string()])
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .output()
        .map_err(|e| wrong(&e))?;
    let said = String::from_utf8_lossy(&output.stderr);
    if !output.status.success() {
        return Err(Failure::failed(format!(
            "a query failed:\n{}",
            said.trim_end()
        )));
    }
    let mut lines = said.lines().rev();
    let usage = lines.find_map(|line| serde_json::from_str(line).ok());
    usage.ok_or_else(|| Failure::failed("a query did not say what it used"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn queries_read_the_file() {
        let text = text(&QUERIES[0], Path::new("/tmp/it's.jsonl"));
        assert!(text.contains("'path' = '/tmp/it''s.jsonl'"));
        assert!(!text.contains("'connector' = 'nexmark'"));
        for query in &QUERIES {
            assert!(headwater_sql::parse(query.text).is_ok(), "{}", query.name);
        }
    }
}
