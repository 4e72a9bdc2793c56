//! Checks a table's connector and options against what the connectors and formats of the process declare.

use headwater_flow::connector::{OptionKind, OptionSpec, Registry};
use headwater_flow::plan::TableDef;

use crate::error::{Result, SqlError};
use crate::planner::{ALLOWED_LATENESS, IDLE_TIMEOUT};
use crate::statement::CreateTable;

/// Options that name a format, whose own options are then known too.
const FORMAT_KEYS: [&str; 3] = ["format", "key.format", "value.format"];

/// Options that every table has.
pub const TABLE_OPTIONS: [OptionSpec; 3] = [
    OptionSpec::new(
        IDLE_TIMEOUT,
        OptionKind::Duration,
        "After so long without records a partition no longer holds the watermark back (default: the watermark's delay, at least 5s).",
    ),
    OptionSpec::new(
        ALLOWED_LATENESS,
        OptionKind::Duration,
        "How long after the watermark a window still takes rows (default 0s).",
    ),
    OptionSpec::new(
        "on-error",
        OptionKind::OneOf(&["keep", "fail"]),
        "What becomes of a record that does not decode: it is kept in `<table>$errors` (keep, the default), or the pipeline stops (fail).",
    ),
];

/// Refuses an unknown connector, format or option, with the nearest known name, and a required one that is missing.
pub(crate) fn check(registry: &Registry, create: &CreateTable, table: &TableDef) -> Result<()> {
    // A session without any connector only plans.
    if registry.connectors().next().is_none() {
        return Ok(());
    }
    let at = |e: headwater_flow::Error, is_guilty: &dyn Fn(&str) -> bool| {
        let guilty = create.options.iter().find(|o| is_guilty(&o.key));
        SqlError::from(e).at(guilty.map_or(create.name.span, |o| o.span))
    };
    let connector = registry
        .connector(&table.connector)
        .map_err(|e| at(e, &|key| key == "connector"))?;
    let mut known: Vec<OptionSpec> = connector.options().to_vec();
    known.extend(TABLE_OPTIONS);
    for key in FORMAT_KEYS {
        if let Some(name) = table.options.get(key) {
            let format = registry.format(name).map_err(|e| at(e, &|k| k == key))?;
            known.extend(format.options().iter().copied());
        }
    }
    // Without a format of its own a topic has the default one, and its options.
    if !FORMAT_KEYS
        .iter()
        .any(|key| table.options.get(key).is_some())
        && let Ok(format) = registry.format("json")
    {
        known.extend(format.options().iter().copied());
    }
    table.options.check(&known).map_err(|e| {
        let message = e.to_string();
        at(e, &|key| message.contains(&format!("'{key}'")))
    })
}
