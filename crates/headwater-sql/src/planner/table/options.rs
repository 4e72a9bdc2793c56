//! What a table's options mean to the planner: its connector, how its records change it, its times.

use std::time::Duration;

use headwater_flow::connector::{Options, is_changelog};
use headwater_flow::plan::{Changes, TableDef, WatermarkDef};
use sqlparser::tokenizer::Span;

use crate::error::{Result, SqlError};
use crate::planner::context::Names;
use crate::statement::TableOption;

/// Connector of tables that name none: a topic of the embedded log.
pub(crate) const DEFAULT_CONNECTOR: &str = "topic";

/// Options that the engine reads whatever the connector is.
pub(crate) const IDLE_TIMEOUT: &str = "scan.watermark.idle-timeout";
pub(crate) const ALLOWED_LATENESS: &str = "allowed-lateness";

/// Set by the planner, not by people: the table is read as it was at this time, microseconds since the epoch.
pub(crate) const SYSTEM_TIME: &str = "headwater.system-time";

/// Options that name a format.
pub(crate) const FORMAT_KEYS: [&str; 3] = ["format", "key.format", "value.format"];

/// A table with other options, as a hint gives them for one statement.
pub(crate) fn with_options(
    def: &TableDef,
    given: &[TableOption],
    names: &dyn Names,
) -> Result<TableDef> {
    let mut changed = def.clone();
    for option in given {
        if option.key == "connector" {
            return Err(
                SqlError::invalid("a hint cannot give a table another connector").at(option.span),
            );
        }
        changed.options.set(&option.key, &option.value);
    }
    if given.iter().any(|o| FORMAT_KEYS.contains(&o.key.as_str())) {
        let has_key = !def.primary_key.is_empty();
        changed.changes = changes(&def.connector, &changed.options, has_key);
    }
    let fallback = given.first().map_or(Span::empty(), |o| o.span);
    if let Some(watermark) = &mut changed.watermark {
        set_times(watermark, &changed.options, given, fallback)?;
    }
    names.check_options(&changed, given, fallback)?;
    Ok(changed)
}

/// Reads the options that concern event time. Errors are placed at the option among `given`.
pub(super) fn set_times(
    watermark: &mut WatermarkDef,
    options: &Options,
    given: &[TableOption],
    fallback: Span,
) -> Result<()> {
    let duration = |key: &str| -> Result<Option<Duration>> {
        let place = given.iter().find(|o| o.key == key);
        let read = options.duration(key).map_err(SqlError::from);
        read.map_err(|e| e.at(place.map_or(fallback, |o| o.span)))
    };
    watermark.idle_timeout = duration(IDLE_TIMEOUT)?;
    watermark.allowed_lateness = duration(ALLOWED_LATENESS)?.unwrap_or_default();
    Ok(())
}

/// How records change a table: by its key, or by the weights of the format.
pub(super) fn changes(connector: &str, options: &Options, has_key: bool) -> Changes {
    let is_changelog = is_changelog(options);
    if connector.starts_with("upsert-")
        || connector.ends_with("-cdc")
        || (has_key && (is_changelog || connector == DEFAULT_CONNECTOR))
    {
        Changes::Upsert
    } else if is_changelog {
        Changes::Weighted
    } else {
        Changes::Append
    }
}
