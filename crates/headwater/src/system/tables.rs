//! The tables, as a session of SQL knows them.

use std::sync::Arc;

use arrow::array::RecordBatch;
use headwater_flow::connector::Options;
use headwater_flow::plan::{Changes, ColumnDef, ColumnKind, TableDef};

use super::rows::{Cell, Kind, batch};
use super::{CONNECTOR, log, projections, sagas};
use crate::engine::Headwater;
use crate::error::{Error, ErrorKind, Result};

/// A table: its name, its columns, and where its rows come from.
struct Table {
    name: &'static str,
    columns: &'static [(&'static str, Kind)],
    rows: fn(&Headwater) -> Result<Vec<Vec<Cell>>>,
}

const TABLES: &[Table] = &[
    Table {
        name: "system.log",
        columns: log::COLUMNS,
        rows: log::rows,
    },
    Table {
        name: "system.projections",
        columns: projections::COLUMNS,
        rows: projections::rows,
    },
    Table {
        name: "system.sagas",
        columns: sagas::SAGAS,
        rows: sagas::sagas,
    },
    Table {
        name: "system.saga_steps",
        columns: sagas::STEPS,
        rows: sagas::steps,
    },
    Table {
        name: "system.timers",
        columns: sagas::TIMERS,
        rows: sagas::timers,
    },
];

/// The definitions of the tables.
pub(crate) fn definitions() -> Vec<Arc<TableDef>> {
    let define = |table: &Table| {
        let columns = table.columns.iter().map(|(name, kind)| ColumnDef {
            name: (*name).to_owned(),
            data_type: kind.data_type(),
            nullable: true,
            kind: ColumnKind::Physical,
        });
        Arc::new(TableDef {
            name: table.name.to_owned(),
            columns: columns.collect(),
            watermark: None,
            primary_key: Vec::new(),
            changes: Changes::Append,
            connector: CONNECTOR.to_owned(),
            options: Options::default(),
        })
    };
    TABLES.iter().map(define).collect()
}

/// The present rows of a table.
///
/// # Errors
/// `NotFound`, and what reading event stores meets.
pub(crate) fn read(headwater: &Headwater, table: &str) -> Result<RecordBatch> {
    let found = TABLES.iter().find(|known| known.name == table);
    let Some(Table { columns, rows, .. }) = found else {
        let message = format!("table '{table}' does not exist");
        return Err(Error::new(ErrorKind::NotFound, message));
    };
    batch(columns, &rows(headwater)?)
        .map_err(|e| Error::new(ErrorKind::Bug, format!("rows of '{table}' do not fit: {e}")))
}
