//! A table that is being defined: columns, then watermark, key and options.

use std::time::Duration;

use arrow::datatypes::{DataType, Schema};
use headwater_flow::connector::Options;
use headwater_flow::plan::{ColumnDef, ColumnKind, TableDef, WatermarkDef};
use sqlparser::ast::Spanned;
use sqlparser::tokenizer::Span;

use super::describe::plain;
use super::expression::{expression, inline};
use super::options::{DEFAULT_CONNECTOR, changes, set_times};
use crate::error::{Result, SqlError, suggestion};
use crate::planner::context::Names;
use crate::statement::{ColumnSource, CreateTable, Name, type_name};

pub(super) struct Builder {
    name: String,
    pub(super) columns: Vec<ColumnDef>,
    pub(super) watermark: Option<WatermarkDef>,
    pub(super) primary_key: Vec<String>,
}

impl Builder {
    pub(super) fn new(name: String) -> Self {
        Self {
            name,
            columns: Vec::new(),
            watermark: None,
            primary_key: Vec::new(),
        }
    }

    /// Adds the declared columns: first those with types, then the computed ones, each where it was written.
    pub(super) fn declare(&mut self, create: &CreateTable, names: &dyn Names) -> Result<()> {
        let typed: Vec<ColumnDef> = create.columns.iter().filter_map(typed_column).collect();
        let known: Vec<ColumnDef> = self.columns.iter().cloned().chain(typed).collect();
        let mut declared: Vec<ColumnDef> = Vec::new();
        for column in &create.columns {
            if self.columns.iter().any(|c| c.name == column.name.value) {
                let message = format!(
                    "column '{}' is inherited by LIKE already",
                    column.name.value
                );
                return Err(SqlError::invalid(message).at(column.name.span));
            }
            let def = match (&column.source, typed_column(column)) {
                (ColumnSource::Computed { expr, .. }, _) => {
                    let computed = declared
                        .iter()
                        .filter(|c| matches!(c.kind, ColumnKind::Computed(_)));
                    let visible: Vec<ColumnDef> = known.iter().chain(computed).cloned().collect();
                    let planned = expression(expr, &visible, names)?;
                    ColumnDef {
                        name: column.name.value.clone(),
                        data_type: planned.data_type,
                        nullable: planned.nullable,
                        kind: ColumnKind::Computed(inline(planned.expr, &visible)?),
                    }
                }
                (_, Some(def)) => def,
                (_, None) => continue,
            };
            declared.push(def);
        }
        self.columns.extend(declared);
        Ok(())
    }

    pub(super) fn derive(&mut self, schema: Option<&Schema>) {
        let fields = schema.map(|s| s.fields().clone()).unwrap_or_default();
        self.columns.extend(fields.iter().map(|f| ColumnDef {
            name: f.name().clone(),
            data_type: plain(f.data_type()),
            nullable: f.is_nullable(),
            kind: ColumnKind::Physical,
        }));
    }

    fn column(&self, name: &Name) -> Result<&ColumnDef> {
        let exact = self.columns.iter().find(|c| c.name == name.value);
        let mut near = self
            .columns
            .iter()
            .filter(|c| !name.quoted && c.name.eq_ignore_ascii_case(&name.value));
        let found = exact.or_else(|| near.next().filter(|_| near.next().is_none()));
        found.ok_or_else(|| {
            SqlError::not_found(format!("column '{}' not found", name.value))
                .at(name.span)
                .with_hint_opt(suggestion(
                    &name.value,
                    self.columns.iter().map(|c| c.name.as_str()),
                ))
        })
    }

    pub(super) fn set_watermark(&mut self, create: &CreateTable, names: &dyn Names) -> Result<()> {
        let Some(clause) = &create.watermark else {
            return Ok(());
        };
        let column = self.column(&clause.column)?.clone();
        if !matches!(column.data_type, DataType::Timestamp(_, _)) {
            return Err(not_a_timestamp(&column, clause.column.span));
        }
        let planned = expression(&clause.expr, &self.columns, names)?;
        if !matches!(planned.data_type, DataType::Timestamp(_, _)) {
            let message = format!(
                "the watermark is of type {}, not TIMESTAMP",
                type_name(&planned.data_type)
            );
            return Err(SqlError::invalid(message)
                .at(clause.expr.span())
                .with_hint(format!(
                    "write WATERMARK FOR {0} AS {0} - INTERVAL '5' SECOND",
                    column.name
                )));
        }
        self.watermark = Some(WatermarkDef {
            column: column.name,
            expr: planned.expr,
            idle_timeout: None,
            allowed_lateness: Duration::ZERO,
        });
        Ok(())
    }

    pub(super) fn set_primary_key(&mut self, names: &[Name]) -> Result<()> {
        if names.is_empty() {
            return Ok(());
        }
        let mut key = Vec::new();
        for name in names {
            let column = self.column(name)?;
            if matches!(column.kind, ColumnKind::Computed(_)) {
                let message = format!("computed column '{}' cannot be a primary key", column.name);
                return Err(SqlError::invalid(message).at(name.span));
            }
            key.push(column.name.clone());
        }
        for column in &mut self.columns {
            column.nullable &= !key.contains(&column.name);
        }
        self.primary_key = key;
        Ok(())
    }

    pub(super) fn finish(
        mut self,
        create: &CreateTable,
        inherited: Option<&TableDef>,
    ) -> Result<TableDef> {
        let mut options = inherited.map_or_else(Options::default, |b| b.options.clone());
        let mut connector = inherited.map(|b| b.connector.clone());
        for option in &create.options {
            if option.key == "connector" {
                connector = Some(option.value.clone());
            } else {
                options.set(option.key.clone(), option.value.clone());
            }
        }
        let connector = connector.unwrap_or_else(|| DEFAULT_CONNECTOR.to_owned());
        if let Some(watermark) = &mut self.watermark {
            set_times(watermark, &options, &create.options, create.name.span)?;
        }
        let changes = changes(&connector, &options, !self.primary_key.is_empty());
        Ok(TableDef {
            name: self.name,
            columns: self.columns,
            watermark: self.watermark,
            primary_key: self.primary_key,
            changes,
            connector,
            options,
        })
    }
}

fn not_a_timestamp(column: &ColumnDef, span: Span) -> SqlError {
    let message = format!(
        "the event-time column '{}' has type {}, not TIMESTAMP",
        column.name,
        type_name(&column.data_type)
    );
    let hint = match column.data_type {
        DataType::Int64 => format!("add a column AS TO_TIMESTAMP_LTZ({}, 3)", column.name),
        DataType::Utf8 => format!("add a column AS TO_TIMESTAMP({})", column.name),
        _ => "add a computed column that is a TIMESTAMP".to_owned(),
    };
    SqlError::invalid(message).at(span).with_hint(hint)
}

fn typed_column(column: &crate::statement::TableColumn) -> Option<ColumnDef> {
    let (data_type, nullable, kind) = match &column.source {
        ColumnSource::Physical {
            data_type,
            nullable,
        } => (data_type, *nullable, ColumnKind::Physical),
        ColumnSource::Metadata {
            data_type,
            key,
            is_virtual,
        } => {
            let kind = ColumnKind::Metadata {
                key: key.clone().unwrap_or_else(|| column.name.value.clone()),
                is_virtual: *is_virtual,
            };
            (data_type, true, kind)
        }
        ColumnSource::Computed { .. } => return None,
    };
    Some(ColumnDef {
        name: column.name.value.clone(),
        data_type: data_type.clone(),
        nullable,
        kind,
    })
}
