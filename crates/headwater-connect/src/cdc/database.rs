//! What a kind of server brings: its options, and what they mean.

use std::sync::Arc;

use arrow::datatypes::SchemaRef;
use headwater_cdc::{OnLoss, Settings};
use headwater_flow::connector::{OptionKind, OptionSpec, Options};
use headwater_flow::{Error, Result};

/// Gives the value of a variable of the environment.
pub(crate) type Environment = Arc<dyn Fn(&str) -> Option<String> + Send + Sync>;

/// The columns of a table, and its primary key.
pub(crate) type Columns = (SchemaRef, Vec<String>);

/// A kind of server.
pub(crate) struct Database {
    /// The name of its connector.
    pub(crate) name: &'static str,
    /// What a table may say.
    pub(crate) options: &'static [OptionSpec],
    /// The option that names a capture.
    pub(crate) capture_option: &'static str,
    /// What a capture of the table is told.
    pub(crate) settings: fn(&Options, &Environment) -> Result<Settings>,
    /// The columns and the primary key that the table has in the database.
    pub(crate) columns: fn(&Options, &Environment) -> Result<Columns>,
}

/// The options of all kinds.
pub(crate) const SCAN_OPTIONS: [OptionSpec; 3] = [
    OptionSpec::new(
        "scan.startup.mode",
        OptionKind::OneOf(&["initial", "latest-offset"]),
        "initial (default): what is in the table, then its changes; latest-offset: only changes.",
    ),
    OptionSpec::new(
        "scan.bounded.mode",
        OptionKind::OneOf(&["unbounded", "latest-offset"]),
        "unbounded (default), or latest-offset: the table ends with what was committed when the reading began.",
    ),
    OptionSpec::new(
        "on-loss",
        OptionKind::OneOf(&["stop", "backfill"]),
        "When the server no longer has the changes that come next: stop (default), or backfill: the table is read anew.",
    ),
];

/// Whether what is in the table at first is wanted.
pub(crate) fn backfills(options: &Options) -> bool {
    options.get("scan.startup.mode") != Some("latest-offset")
}

/// What happens when changes are lost.
pub(crate) fn on_loss(options: &Options) -> OnLoss {
    match options.get("on-loss") {
        Some("backfill") => OnLoss::Backfill,
        _ => OnLoss::Stop,
    }
}

/// The table goes to the topic that the options name, if they do.
pub(crate) fn to_topic<T>(options: &Options, tables: &mut [(T, String)]) {
    if let Some(topic) = options.get("topic") {
        for (_, to) in tables {
            topic.clone_into(to);
        }
    }
}

/// The value of an option with the variables that it names.
///
/// # Errors
/// `Invalid` for an open bracket, `NotFound` for a variable that is not set.
pub(crate) fn fill(option: &str, text: &str, environment: &Environment) -> Result<String> {
    headwater_cdc::filled(text, &**environment).map_err(|error| {
        let told = Error::new(error.kind(), format!("option '{option}': {error}"));
        match error.hint() {
            Some(hint) => told.with_hint(hint),
            None => told,
        }
    })
}
