//! The arguments of `stream`, `entity`, `projection` and `saga`.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::request::Expected;
use crate::cli::args::{DataArgs, Format};

/// The store that sagas are kept in unless said.
pub(crate) const SAGAS: &str = "sagas";

const TIMES: &str = "TIMES
  A version, or a time: 2013-01-31, 2013-01-31T10:00:00Z, Unix seconds (10 digits) or milliseconds
  (13 digits), or a duration before now: -90s, -48h.";

/// Where stores are.
#[derive(Debug, Args)]
pub(crate) struct PlaceArgs {
    #[command(flatten)]
    pub(crate) data: DataArgs,
    /// The stores are schemas of a database, postgres://user:password@host/database, and not topics of a data directory
    #[arg(long, value_name = "ADDRESS", global = true)]
    pub(crate) postgres: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct StreamArgs {
    #[command(flatten)]
    pub(crate) place: PlaceArgs,
    #[command(subcommand)]
    pub(crate) command: StreamCommand,
}

#[derive(Debug, Subcommand)]
pub(crate) enum StreamCommand {
    /// Append events, JSON lines of standard input, all or none; exit code 4 if the version is another one
    #[command(after_help = "EVENTS
  {\"type\":\"deposited\",\"data\":{\"amount\":5}}, and where wanted \"id\" (an event of one id is stored
  once), \"metadata\", \"tags\", \"correlation\", \"causation\", \"schema\" (the version of the data's shape).")]
    Append {
        /// The store: a topic, which is made if it is not there
        stream: String,
        /// The entity
        key: String,
        /// The version that the newest event must have: any, none, exists, or its number
        #[arg(
            short,
            long,
            default_value = "any",
            value_name = "any|none|N",
            allow_hyphen_values = true
        )]
        expected: Expected,
        /// How the new version and position are written
        #[arg(short, long, value_enum, default_value = "jsonl")]
        output: Format,
    },
    /// Read the events of an entity
    #[command(after_help = TIMES)]
    Read {
        /// The store
        stream: String,
        /// The entity
        key: String,
        /// The version to begin with
        #[arg(long, value_name = "V")]
        from: Option<u64>,
        /// The last version, or the time whose state is wanted, see below
        #[arg(long, value_name = "TIME|V", allow_hyphen_values = true)]
        until: Option<String>,
        /// The newest first
        #[arg(long)]
        backward: bool,
        /// At most so many
        #[arg(short, long, value_name = "N")]
        num: Option<usize>,
        /// How rows are written
        #[arg(short, long, value_enum, default_value_t)]
        output: Format,
    },
    /// List the stores, or the entities of one
    List {
        /// The store
        stream: Option<String>,
        /// Only entities whose keys begin so
        #[arg(long, default_value = "", requires = "stream")]
        prefix: String,
        /// How rows are written
        #[arg(short, long, value_enum, default_value_t)]
        output: Format,
    },
}

#[derive(Debug, Args)]
pub(crate) struct EntityArgs {
    #[command(flatten)]
    pub(crate) place: PlaceArgs,
    #[command(subcommand)]
    pub(crate) command: EntityCommand,
}

#[derive(Debug, Subcommand)]
pub(crate) enum EntityCommand {
    /// Show what the events of an entity add up to: the fields of their data, the newest of each
    #[command(after_help = TIMES)]
    Show {
        /// The store
        #[arg(value_name = "TYPE")]
        stream: String,
        /// The entity
        #[arg(value_name = "ID")]
        key: String,
        /// As of this version or time, see below
        #[arg(long, value_name = "TIME|VERSION", allow_hyphen_values = true)]
        at: Option<String>,
        /// What each event has changed
        #[arg(long)]
        diff: bool,
        /// How rows are written
        #[arg(short, long, value_enum, default_value_t)]
        output: Format,
    },
}

#[derive(Debug, Args)]
pub(crate) struct ProjectionArgs {
    #[command(flatten)]
    pub(crate) place: PlaceArgs,
    #[command(subcommand)]
    pub(crate) command: ProjectionCommand,
}

#[derive(Debug, Subcommand)]
pub(crate) enum ProjectionCommand {
    /// List projections and materialised views: how far they are, and what they could not apply
    List {
        /// How rows are written
        #[arg(short, long, value_enum, default_value_t)]
        output: Format,
    },
    /// Have a projection built anew from the first event on
    Rebuild {
        /// Its name
        name: String,
    },
}

#[derive(Debug, Args)]
pub(crate) struct SagaArgs {
    #[command(flatten)]
    pub(crate) place: PlaceArgs,
    /// The store that sagas are kept in
    #[arg(long, value_name = "STREAM", default_value = SAGAS, global = true)]
    pub(crate) store: String,
    #[command(subcommand)]
    pub(crate) command: SagaCommand,
}

#[derive(Debug, Subcommand)]
pub(crate) enum SagaCommand {
    /// Run sagas by a definition: those that are started here, and those that had not ended
    #[command(after_help = "INPUT
  With --id one saga is started with the --input. Without, --input - reads lines {\"id\":…,\"input\":…}
  of standard input, each of which is a saga. A saga that was started before goes on.")]
    Run(SagaRunArgs),
    /// List sagas
    List {
        /// Only those that have not ended
        #[arg(long)]
        open: bool,
        /// How rows are written
        #[arg(short, long, value_enum, default_value_t)]
        output: Format,
    },
    /// Show the steps of a saga: what went in, what came out, how often it was tried
    Show {
        /// The saga
        id: String,
        /// How rows are written
        #[arg(short, long, value_enum, default_value_t)]
        output: Format,
    },
    /// Try the step that a saga is at anew
    Retry {
        /// The saga
        id: String,
    },
    /// Take the step that a saga is at for done
    Skip {
        /// The saga
        id: String,
    },
    /// Take back what a saga has done
    Compensate {
        /// The saga
        id: String,
        /// Why
        #[arg(long, default_value = "asked for")]
        reason: String,
    },
}

#[derive(Debug, Args)]
pub(crate) struct SagaRunArgs {
    /// The definition, a TOML file
    pub(crate) file: PathBuf,
    /// Start a saga of this id
    #[arg(long, requires = "input")]
    pub(crate) id: Option<String>,
    /// What it is given, as JSON; - reads lines of standard input, see below
    #[arg(long, value_name = "JSON|-")]
    pub(crate) input: Option<String>,
    /// Go on when all sagas have ended, until Ctrl-C
    #[arg(long)]
    pub(crate) stay: bool,
    /// How the sagas are written at the end
    #[arg(short, long, value_enum, default_value_t)]
    pub(crate) output: Format,
}
