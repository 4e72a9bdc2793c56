//! What a `TableScan` of a streaming plan refers to.

use std::sync::Arc;
use std::time::Duration;

use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use datafusion_expr::{Expr, TableProviderFilterPushDown, TableSource};

use crate::connector::Options;

/// A declared table, as the engine needs it.
#[derive(Debug, Clone)]
pub struct TableDef {
    /// Its name.
    pub name: String,
    /// The columns in declared order.
    pub columns: Vec<ColumnDef>,
    /// `WATERMARK FOR column AS expr`.
    pub watermark: Option<WatermarkDef>,
    /// Names of the primary-key columns.
    pub primary_key: Vec<String>,
    /// How records change the table.
    pub changes: Changes,
    /// Name of the connector.
    pub connector: String,
    /// `WITH (…)`, without `connector`.
    pub options: Options,
}

/// A column of a table.
#[derive(Debug, Clone)]
pub struct ColumnDef {
    /// Its name, with its case.
    pub name: String,
    /// Its type.
    pub data_type: DataType,
    /// Whether it may be null.
    pub nullable: bool,
    /// Where it comes from.
    pub kind: ColumnKind,
}

/// Where a column comes from.
#[derive(Debug, Clone)]
pub enum ColumnKind {
    /// Decoded from the record.
    Physical,
    /// Read from the record's metadata under this key; a virtual one is not written.
    Metadata {
        /// `METADATA FROM 'key'`, else the column's name.
        key: String,
        /// Declared `VIRTUAL`.
        is_virtual: bool,
    },
    /// Computed from physical and metadata columns (unqualified names).
    Computed(Expr),
    /// How often the row is there that the others make up, which are the primary key: a view whose rows nothing else
    /// identifies. Stored as a physical column, the last one, and never seen by queries.
    Count,
}

impl ColumnKind {
    /// Whether it lies in the record's value or key.
    pub fn is_physical(&self) -> bool {
        matches!(self, Self::Physical | Self::Count)
    }
}

impl ColumnDef {
    /// The column of kind [`ColumnKind::Count`].
    pub fn count() -> Self {
        Self {
            name: "$count".to_owned(),
            data_type: DataType::Int64,
            nullable: false,
            kind: ColumnKind::Count,
        }
    }
}

/// How event time advances with the rows of a table.
#[derive(Debug, Clone)]
pub struct WatermarkDef {
    /// The event-time column.
    pub column: String,
    /// The watermark after a row, over the table's columns (unqualified names).
    pub expr: Expr,
    /// `scan.watermark.idle-timeout`, if it is set.
    pub idle_timeout: Option<Duration>,
    /// Allowed lateness of the table's rows.
    pub allowed_lateness: Duration,
}

/// How a table's records change it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Changes {
    /// Every record is a new row.
    Append,
    /// A record replaces the row of the same primary key; a tombstone deletes it.
    Upsert,
    /// The format carries weights itself (debezium-json, …).
    Weighted,
}

impl TableDef {
    /// The columns that queries see, in declared order.
    pub fn schema(&self) -> SchemaRef {
        let seen = self.columns.iter();
        let seen = seen.filter(|c| !matches!(c.kind, ColumnKind::Count));
        let fields = seen.map(|c| Field::new(&c.name, c.data_type.clone(), c.nullable));
        Arc::new(Schema::new(fields.collect::<Vec<_>>()))
    }

    /// Whether its records say how often their row is there.
    pub fn is_counted(&self) -> bool {
        let last = self.columns.last();
        last.is_some_and(|c| matches!(c.kind, ColumnKind::Count))
    }
}

/// A [`TableDef`] as DataFusion's planner sees it.
#[derive(Debug, Clone)]
pub struct StreamTable {
    def: Arc<TableDef>,
    schema: SchemaRef,
}

impl StreamTable {
    /// Wraps a definition.
    pub fn new(def: Arc<TableDef>) -> Self {
        Self {
            schema: def.schema(),
            def,
        }
    }

    /// The definition.
    pub fn def(&self) -> &Arc<TableDef> {
        &self.def
    }
}

impl TableSource for StreamTable {
    fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
    }

    fn supports_filters_pushdown(
        &self,
        filters: &[&Expr],
    ) -> datafusion_common::Result<Vec<TableProviderFilterPushDown>> {
        Ok(vec![
            TableProviderFilterPushDown::Unsupported;
            filters.len()
        ])
    }
}
