//! The command tree. Scripts depend on it: names and meanings only ever grow.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

use super::cdc::CdcArgs;
use super::events::{EntityArgs, ProjectionArgs, SagaArgs, StreamArgs};
use super::limit::LimitArgs;
use super::topic::TopicArgs;

/// Event streaming in one binary: a durable log, event-time stream processing in SQL, views.
#[derive(Debug, Parser)]
#[command(
    name = "headwater",
    bin_name = "headwater",
    version,
    max_term_width = 100
)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Run the statements of a SQL file, in order, until all inputs have ended
    Run(RunArgs),
    /// Check SQL files without running anything
    Check {
        /// The files; - is standard input
        #[arg(required = true)]
        files: Vec<PathBuf>,
    },
    /// Show the plan of every query of a file or text
    Explain(ExplainArgs),
    /// Ask and change a data directory in SQL: a shell on a terminal, else standard input
    Sql(SqlArgs),
    /// Work with topics
    Topic(TopicArgs),
    /// Append, read and list events: streams of entities in event stores
    Stream(StreamArgs),
    /// Show what the events of an entity add up to, now or then
    Entity(EntityArgs),
    /// Work with projections
    Projection(ProjectionArgs),
    /// Run and mend sagas
    Saga(SagaArgs),
    /// Capture tables of databases into topics
    Cdc(CdcArgs),
    /// Work with the log's files
    Log {
        #[command(subcommand)]
        command: LogCommand,
    },
    /// Measure this machine: the log, the engine, latency
    Bench(BenchArgs),
    /// Fill a log and wait to be killed, for `bench`
    #[command(hide = true)]
    BenchFill {
        /// Where
        dir: PathBuf,
        /// How much
        gigabytes: u64,
    },
    /// Keep the state of many keys and say what that takes, for `bench`
    #[command(hide = true)]
    BenchState {
        /// Where
        dir: PathBuf,
        /// Worker threads
        threads: u16,
    },
    /// Write the reference page of options
    #[command(hide = true)]
    Reference,
    /// Play a week of New York flights through topics, windows and views
    Demo(DemoArgs),
}

/// How rows are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub(crate) enum Format {
    /// Aligned columns
    #[default]
    Table,
    /// One JSON array
    Json,
    /// One JSON object a line
    Jsonl,
    /// Comma-separated values with a header
    Csv,
}

#[derive(Debug, Args)]
pub(crate) struct RunArgs {
    /// The file; - is standard input
    pub(crate) file: PathBuf,
    /// Keep state here: a second run goes on where the first stopped
    #[arg(short, long, value_name = "DIR")]
    pub(crate) state_dir: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) limit: LimitArgs,
    /// How rows are written
    #[arg(short, long, value_enum, default_value_t)]
    pub(crate) output: Format,
    /// Worker threads; as many as there are cores unless said
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    pub(crate) threads: Option<u16>,
    /// Say on standard error up to which commit each query read; on a terminal it is said anyway
    #[arg(long)]
    pub(crate) commits: bool,
    /// Say on standard error what the run used, as JSON
    #[arg(long, hide = true)]
    pub(crate) usage: bool,
}

#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
pub(crate) struct ExplainArgs {
    /// The file; - is standard input
    pub(crate) file: Option<PathBuf>,
    /// SQL text instead of a file
    #[arg(short, long, value_name = "SQL")]
    pub(crate) command: Option<String>,
}

/// Where the data is.
#[derive(Debug, Args)]
pub(crate) struct DataArgs {
    /// The data directory; a process that has it open is asked instead
    #[arg(
        long,
        value_name = "DIR",
        env = "HEADWATER_DATA",
        default_value = "headwater-data",
        global = true
    )]
    pub(crate) data: PathBuf,
    #[command(flatten)]
    pub(crate) limit: LimitArgs,
}

#[derive(Debug, Args)]
pub(crate) struct SqlArgs {
    #[command(flatten)]
    pub(crate) data: DataArgs,
    /// Run this text and end
    #[arg(short, long, value_name = "SQL", conflicts_with = "file")]
    pub(crate) command: Option<String>,
    /// Run this file and end; - is standard input
    #[arg(short, long, value_name = "FILE")]
    pub(crate) file: Option<PathBuf>,
    /// How rows are written
    #[arg(short, long, value_enum, default_value_t)]
    pub(crate) output: Format,
    /// Say on standard error up to which commit each query read; on a terminal it is said anyway
    #[arg(long)]
    pub(crate) commits: bool,
    /// The tables system.… are of the event stores of a database, postgres://user:password@host/database; nothing else is kept
    #[arg(long, value_name = "ADDRESS")]
    pub(crate) postgres: Option<String>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum LogCommand {
    /// Read every byte of a data directory, change nothing, and say what is damaged and where
    Verify {
        /// The data directory
        dir: PathBuf,
        /// How rows are written
        #[arg(short, long, value_enum, default_value_t)]
        output: Format,
    },
}

#[derive(Debug, Args)]
pub(crate) struct BenchArgs {
    /// What to measure; everything unless said
    #[arg(value_enum)]
    pub(crate) suites: Vec<Suite>,
    /// Where files are written, on the disk that is to be measured
    #[arg(long, value_name = "DIR")]
    pub(crate) data: Option<PathBuf>,
    /// How tables are written
    #[arg(short, long, value_enum, default_value_t)]
    pub(crate) output: Format,
    /// Worker threads of the engine
    #[arg(long, value_name = "N", default_value_t = 2)]
    pub(crate) threads: u16,
    /// Nexmark events of the engine's input
    #[arg(long, value_name = "N", default_value_t = 2_000_000)]
    pub(crate) events: u64,
    /// Size of the log that is opened after a kill
    #[arg(long, value_name = "N", default_value_t = 10)]
    pub(crate) gigabytes: u64,
    /// Only these Nexmark queries: q0,q1
    #[arg(long, value_delimiter = ',')]
    pub(crate) queries: Vec<String>,
    /// Measure the event store on PostgreSQL too: in the database postgres://user:password@host/database, or on a server that is
    /// started for it
    #[arg(long, value_name = "ADDRESS", num_args = 0..=1, default_missing_value = "")]
    pub(crate) postgres: Option<String>,
    /// Streams of the largest event store
    #[arg(long, value_name = "N", default_value_t = 10_000_000, value_parser = clap::value_parser!(u64).range(1_000_000..))]
    pub(crate) streams: u64,
    /// Fail if a figure is missed
    #[arg(long)]
    pub(crate) strict: bool,
}

/// A part of `bench`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Suite {
    /// Commits, throughput and restart of the log, beside the raw disk
    Log,
    /// Nexmark queries from a JSON-lines file
    Engine,
    /// Event stores, beside the raw disk and plain INSERTs
    Events,
    /// Following PostgreSQL, on a server that is started for it, beside PostgreSQL's own programs
    Cdc,
    /// From the append of a record to the read of a materialised view that shows it
    Latency,
}

#[derive(Debug, Args)]
pub(crate) struct DemoArgs {
    /// Where the demo keeps its data; killed and started again, it goes on there
    #[arg(long, value_name = "DIR", default_value = "headwater-demo")]
    pub(crate) data: PathBuf,
    /// Times faster than the week was, or max
    #[arg(long, value_name = "N|max", default_value = "5000")]
    pub(crate) speed: Speed,
    /// Start afresh: delete what the demo has kept
    #[arg(long)]
    pub(crate) reset: bool,
}

/// How fast the demo plays.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Speed {
    /// Times faster than real.
    Times(f64),
    /// As fast as it goes.
    Max,
}

impl std::str::FromStr for Speed {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text.eq_ignore_ascii_case("max") {
            return Ok(Self::Max);
        }
        match text.trim_end_matches(['x', '×']).parse::<f64>() {
            Ok(times) if times.is_finite() && times > 0.0 => Ok(Self::Times(times)),
            _ => Err("not a number above 0 or 'max'".to_owned()),
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_tree_is_sound() {
        Cli::command().debug_assert();
    }

    #[test]
    fn speeds() {
        assert_eq!("max".parse(), Ok(Speed::Max));
        assert_eq!("250x".parse(), Ok(Speed::Times(250.0)));
        assert!("-1".parse::<Speed>().is_err());
        assert!("0".parse::<Speed>().is_err());
    }
}
