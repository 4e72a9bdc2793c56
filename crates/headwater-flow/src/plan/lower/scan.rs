//! The inputs of a circuit: the tables that plans scan, each once, with just the columns that all scans use.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use datafusion_common::{Column, Result, ScalarValue};
use datafusion_expr::{BinaryExpr, Expr, Operator};

use super::clock::reads_clock;
use super::expr::{calc, column, numbered, physical, substitute};
use super::reasons::Reasons;
use super::spec::ScanInput;
use super::usage::{Usage, Uses};
use crate::circuit::EpochClock;
use crate::plan::{ColumnKind, TableDef};

/// A table that is scanned, and what is used of its columns.
#[derive(Debug, Clone)]
pub(super) struct Scan {
    pub(super) def: Arc<TableDef>,
    /// For each declared column what is used of it.
    uses: Uses,
}

impl Scan {
    /// Whether it is the scan of this table; one with other options is another table.
    pub(super) fn is_of(&self, def: &TableDef) -> bool {
        self.def.name == def.name && self.def.options == def.options
    }

    /// All of a table.
    pub(super) fn whole(def: Arc<TableDef>) -> Self {
        let uses = Uses(vec![Usage::Whole; def.columns.len()]);
        Self { def, uses }
    }

    /// The declared columns that are used, ascending: the columns of the input.
    pub(super) fn columns(&self) -> Vec<usize> {
        let used = self
            .uses
            .0
            .iter()
            .enumerate()
            .filter(|(_, u)| **u != Usage::None);
        used.map(|(i, _)| i).collect()
    }

    /// The schema of the input's rows.
    pub(super) fn schema(&self) -> SchemaRef {
        numbered(self.columns().into_iter().map(|i| {
            let column = &self.def.columns[i];
            (self.uses.0[i].prune(&column.data_type), column.nullable)
        }))
    }

    /// The columns of the input that hold processing time.
    pub(super) fn processing_time(&self) -> BTreeSet<usize> {
        let columns = self.columns().into_iter().enumerate();
        let clocks = columns.filter(|(_, c)| match &self.def.columns[*c].kind {
            ColumnKind::Computed(expr) => reads_clock(expr),
            _ => false,
        });
        clocks.map(|(i, _)| i).collect()
    }

    /// The same table with just what was used of the input's columns, and what event time needs.
    pub(super) fn narrowed(&self, used: &Uses, timed: bool) -> Result<Self> {
        let mut uses = Uses::none(self.def.columns.len());
        for (usage, declared) in used.0.iter().zip(self.columns()) {
            uses.0[declared] = usage.clone();
        }
        if timed && let Some(watermark) = &self.def.watermark {
            uses.add(&watermark.expr, &|c| self.declared(c))?;
        }
        if self.def.changes != crate::plan::Changes::Append {
            for key in &self.def.primary_key {
                uses.add(&Expr::Column(Column::new_unqualified(key)), &|c| {
                    self.declared(c)
                })?;
            }
        }
        self.widen(&mut uses)?;
        Ok(Self {
            def: Arc::clone(&self.def),
            uses,
        })
    }

    /// A struct column that is used itself has also the fields that used computed columns read of it: it is decoded
    /// once, and handed on as it is decoded.
    fn widen(&self, uses: &mut Uses) -> Result<()> {
        let mut stored = uses.clone();
        for (column, usage) in self.def.columns.iter().zip(&uses.0) {
            if let (ColumnKind::Computed(expr), true) = (&column.kind, *usage != Usage::None) {
                stored.add(expr, &|c| self.declared(c))?;
            }
        }
        for (i, column) in self.def.columns.iter().enumerate() {
            let is_stored = !matches!(column.kind, ColumnKind::Computed(_));
            if is_stored && uses.0[i] != Usage::None {
                uses.0[i] = stored.0[i].clone();
            }
        }
        Ok(())
    }

    fn declared(&self, column: &Column) -> Option<usize> {
        self.def.columns.iter().position(|c| c.name == column.name)
    }

    /// How the input is decoded and prepared.
    pub(super) fn build(&self, timed: bool, judged: bool, clock: &EpochClock) -> Result<ScanInput> {
        let mut stored = self.uses.clone();
        for (i, column) in self.def.columns.iter().enumerate() {
            if let (ColumnKind::Computed(expr), true) =
                (&column.kind, self.uses.0[i] != Usage::None)
            {
                stored.0[i] = Usage::None;
                stored.add(expr, &|c| self.declared(c))?;
            }
        }
        let decoded: Vec<usize> = (0..stored.0.len())
            .filter(|i| stored.0[*i] != Usage::None)
            .collect();
        let field = |i: &usize| {
            let column = &self.def.columns[*i];
            Field::new(
                &column.name,
                stored.0[*i].prune(&column.data_type),
                column.nullable,
            )
        };
        let schema: SchemaRef =
            Arc::new(Schema::new(decoded.iter().map(field).collect::<Vec<_>>()));
        let metadata = decoded.iter().map(|i| match &self.def.columns[*i].kind {
            ColumnKind::Metadata { key, .. } => Some(key.clone()),
            _ => None,
        });
        let watermark = match (&self.def.watermark, timed) {
            (Some(watermark), true) => Some(physical(
                &self.over_input(&watermark.expr)?,
                &self.schema(),
                clock,
            )?),
            _ => None,
        };
        Ok(ScanInput {
            rows: self.schema(),
            prepare: self.prepare(&decoded, &schema, clock)?,
            metadata: metadata.collect(),
            judged: judged && watermark.is_some(),
            watermark,
            out_of_orderness: self.out_of_orderness(),
            def: Arc::clone(&self.def),
            schema,
            reasons: Reasons::default(),
        })
    }

    /// From decoded columns to the input's columns.
    fn prepare(
        &self,
        decoded: &[usize],
        schema: &SchemaRef,
        clock: &EpochClock,
    ) -> Result<Option<crate::operator::Calc>> {
        let base = numbered(
            schema
                .fields()
                .iter()
                .map(|f| (f.data_type().clone(), f.is_nullable())),
        );
        let names = datafusion_common::DFSchema::try_from(Arc::clone(schema))?;
        let numbers: Vec<Expr> = (0..decoded.len()).map(column).collect();
        let exprs = self
            .columns()
            .into_iter()
            .map(|i| match &self.def.columns[i].kind {
                ColumnKind::Computed(expr) => substitute(expr.clone(), &names, &numbers),
                _ => {
                    let at = decoded.iter().position(|d| *d == i);
                    Ok(column(at.ok_or_else(|| {
                        super::expr::unsupported("a column that is not decoded")
                    })?))
                }
            });
        let exprs = exprs.collect::<Result<Vec<_>>>()?;
        calc(&base, None, &exprs, &self.schema(), clock)
    }

    /// `expr` over declared names as an expression over the input's numbered columns.
    fn over_input(&self, expr: &Expr) -> Result<Expr> {
        let columns = self.columns();
        let fields = columns.iter().enumerate().map(|(at, i)| {
            let column = &self.def.columns[*i];
            (
                None,
                Arc::new(Field::new(
                    &column.name,
                    self.schema().field(at).data_type().clone(),
                    true,
                )),
            )
        });
        let names =
            datafusion_common::DFSchema::new_with_metadata(fields.collect(), Default::default())?;
        substitute(
            expr.clone(),
            &names,
            &(0..columns.len()).map(column).collect::<Vec<_>>(),
        )
    }

    /// The bound of a watermark `column - INTERVAL …`; zero for other forms.
    fn out_of_orderness(&self) -> Duration {
        let bound = self.def.watermark.as_ref().and_then(|w| match &w.expr {
            Expr::BinaryExpr(BinaryExpr {
                op: Operator::Minus,
                right,
                ..
            }) => interval(right),
            _ => None,
        });
        bound.unwrap_or_default()
    }
}

fn interval(expr: &Expr) -> Option<Duration> {
    let Expr::Literal(value, _) = expr else {
        return None;
    };
    match value
        .cast_to(&DataType::Duration(arrow::datatypes::TimeUnit::Microsecond))
        .ok()
    {
        Some(ScalarValue::DurationMicrosecond(Some(us))) => {
            Some(Duration::from_micros(us.try_into().ok()?))
        }
        _ => match value {
            ScalarValue::IntervalMonthDayNano(Some(i)) if i.months == 0 => {
                let nanos = i64::from(i.days) * 86_400_000_000_000 + i.nanoseconds;
                Some(Duration::from_nanos(nanos.try_into().ok()?))
            }
            ScalarValue::IntervalDayTime(Some(i)) => {
                let ms = i64::from(i.days) * 86_400_000 + i64::from(i.milliseconds);
                Some(Duration::from_millis(ms.try_into().ok()?))
            }
            _ => None,
        },
    }
}
