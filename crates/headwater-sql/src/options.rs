//! Checks a table's connector and options against what the connectors and formats of the process declare.

use std::sync::Arc;

use arrow::datatypes::Field;
use headwater_flow::connector::{Connector, OptionKind, OptionSpec, Options, Registry};
use headwater_flow::plan::{ColumnKind, TableDef};
use sqlparser::tokenizer::Span;

use crate::error::{Result, SqlError};
use crate::planner::{ALLOWED_LATENESS, FORMAT_KEYS, IDLE_TIMEOUT};
use crate::statement::{TableColumn, TableOption};

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
        "What becomes of a record that does not decode, and of a row to be written that cannot be computed: it is kept in `<table>$errors` (keep, the default), or the pipeline stops (fail).",
    ),
];

/// Whether a connector has formats at all; one that is not known may have some.
pub(crate) fn has_formats(registry: &Registry, connector: &str) -> bool {
    let connector = registry.connector(connector);
    connector.map_or(true, |c| c.options().iter().any(|o| o.name == "format"))
}

/// Refuses metadata columns that the connector does not have, at their declarations.
pub(crate) fn check_metadata(
    registry: &Registry,
    table: &TableDef,
    declared: &[TableColumn],
    fallback: Span,
) -> Result<()> {
    let Ok(connector) = registry.connector(&table.connector) else {
        return Ok(());
    };
    for column in &table.columns {
        let ColumnKind::Metadata { key, .. } = &column.kind else {
            continue;
        };
        let field = Field::new(&column.name, column.data_type.clone(), column.nullable);
        connector
            .check_metadata(&table.options, key, &field)
            .map_err(|e| {
                let place = declared.iter().find(|d| d.name.value == column.name);
                SqlError::from(e).at(place.map_or(fallback, |d| d.name.span))
            })?;
    }
    Ok(())
}

/// Refuses an unknown connector, format or option, with the nearest known name, and a required one that is missing.
/// Errors are placed at the option among `given`, else at `fallback`.
pub(crate) fn check(
    registry: &Registry,
    table: &TableDef,
    given: &[TableOption],
    fallback: Span,
) -> Result<()> {
    // A session without any connector only plans.
    if registry.connectors().next().is_none() {
        return Ok(());
    }
    let connector = registry.connector(&table.connector);
    let connector = connector.map_err(|e| placed(e, given, fallback, |key| key == "connector"))?;
    check_given(registry, connector, &table.options, given, fallback)
}

/// The same of the options of a table whose connector is known.
pub(crate) fn check_given(
    registry: &Registry,
    connector: &Arc<dyn Connector>,
    options: &Options,
    given: &[TableOption],
    fallback: Span,
) -> Result<()> {
    let mut known: Vec<OptionSpec> = connector.options().to_vec();
    known.extend(TABLE_OPTIONS);
    for key in FORMAT_KEYS {
        if let Some(name) = options.get(key) {
            let format = registry.format(name);
            let format = format.map_err(|e| placed(e, given, fallback, |k| k == key))?;
            known.extend(format.options().iter().copied());
        }
    }
    // Without a format of its own a topic has the default one, and its options.
    if !FORMAT_KEYS.iter().any(|key| options.get(key).is_some())
        && let Ok(format) = registry.format("json")
    {
        known.extend(format.options().iter().copied());
    }
    options.check(&known).map_err(|e| {
        let message = e.to_string();
        placed(e, given, fallback, |key| {
            message.contains(&format!("'{key}'"))
        })
    })
}

/// The error at the option that is guilty, else at `fallback`.
fn placed(
    error: headwater_flow::Error,
    given: &[TableOption],
    fallback: Span,
    is_guilty: impl Fn(&str) -> bool,
) -> SqlError {
    let guilty = given.iter().find(|o| is_guilty(&o.key));
    SqlError::from(error).at(guilty.map_or(fallback, |o| o.span))
}
