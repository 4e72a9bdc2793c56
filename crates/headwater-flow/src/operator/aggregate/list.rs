//! Functions that depend on the order of rows: `array_agg`, `string_agg`, `first_value`, `last_value`.
//!
//! A slot's rows are kept sorted: by ORDER BY, then, on append-only input, by arrival. On input with deletions equal
//! rows cannot be told apart, and of the rows that DISTINCT lets through once the first is not known when sessions that
//! both have it become one: there the order is by ORDER BY and then by value, as in PostgreSQL. Functions that only
//! DataFusion has are computed from the same rows.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, LargeStringBuilder, ListArray, UInt64Array, new_null_array};
use arrow::buffer::{NullBuffer, OffsetBuffer};
use arrow::compute::{SortOptions, cast};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use arrow::row::{RowConverter, SortField};
use datafusion_common::ScalarValue;
use datafusion_expr::AggregateUDF;
use datafusion_physical_expr::PhysicalExpr;
use datafusion_physical_expr::aggregate::{AggregateExprBuilder, AggregateFunctionExpr};
use datafusion_physical_expr::expressions::Column;

use super::extreme::add;
use super::rows::{Accumulator, Rows};
use super::set::is_distinct;
use super::{AggregateCall, AggregateFunction};
use crate::error::{Error, ErrorKind, Result};
use crate::state::{Paged, StateVisitor};

/// The rows of slots, in order.
#[derive(Debug)]
pub(super) struct Ordered {
    function: AggregateFunction,
    other: Option<AggregateFunctionExpr>,
    args: Vec<usize>,
    order_by: Vec<usize>,
    skip_nulls: bool,
    return_type: DataType,
    /// The columns of a kept row: ORDER BY, arrival (if it counts), arguments.
    converter: RowConverter,
    width: usize,
    rows: Paged<BTreeMap<Box<[u8]>, i64>, 6>,
    /// The number of rows that have arrived, if it counts.
    arrivals: Paged<u64>,
    by_arrival: bool,
}

impl Ordered {
    pub(super) fn new(call: &AggregateCall, schema: &SchemaRef, updating: bool) -> Result<Self> {
        let field = |i: usize| schema.field(i).data_type().clone();
        let mut fields: Vec<SortField> = call
            .order_by
            .iter()
            .map(|(i, options)| SortField::new_with_options(field(*i), *options))
            .collect();
        let by_arrival = !updating && !is_distinct(call);
        if by_arrival {
            fields.push(SortField::new(DataType::UInt64));
        }
        let options = SortOptions::default();
        for arg in &call.args {
            fields.push(SortField::new_with_options(field(*arg), options));
        }
        let mut arrivals = Paged::new();
        arrivals.grow(1);
        Ok(Self {
            function: call.function.clone(),
            other: match &call.function {
                AggregateFunction::Other(function) => Some(other(function, call, schema)?),
                _ => None,
            },
            args: call.args.clone(),
            order_by: call.order_by.iter().map(|(i, _)| *i).collect(),
            skip_nulls: !call.function.sees_nulls(call.ignore_nulls),
            return_type: call.return_type.clone(),
            width: fields.len(),
            converter: RowConverter::new(fields)?,
            rows: Paged::new(),
            arrivals,
            by_arrival,
        })
    }

    /// Keeps the one row that matters, where only one can ever matter.
    fn prune(function: &AggregateFunction, rows: &mut BTreeMap<Box<[u8]>, i64>) {
        while rows.len() > 1 {
            match function {
                AggregateFunction::FirstValue => rows.pop_last(),
                AggregateFunction::LastValue => rows.pop_first(),
                _ => return,
            };
        }
    }

    /// The columns of kept rows.
    fn columns<'a>(&self, rows: impl Iterator<Item = &'a [u8]>) -> Result<Vec<ArrayRef>> {
        let parser = self.converter.parser();
        let rows: Vec<_> = rows.collect();
        let rows = rows.iter().map(|r| parser.parse(r));
        Ok(self.converter.convert_rows(rows)?)
    }

    /// The kept rows of a slot, each as often as it is there.
    fn present(&self, slot: u32) -> impl Iterator<Item = &[u8]> {
        let rows = self.rows.get(slot).iter();
        rows.flat_map(|(row, n)| (0..*n).map(move |_| &row[..]))
    }

    fn lists(&self, slots: &[u32]) -> Result<ArrayRef> {
        let DataType::List(field) = &self.return_type else {
            return Err(Error::new(ErrorKind::Bug, "array_agg without a list type"));
        };
        let lengths: Vec<usize> = slots.iter().map(|s| self.present(*s).count()).collect();
        let rows = slots.iter().flat_map(|s| self.present(*s));
        let values = self.columns(rows)?.swap_remove(self.width - 1);
        let values = cast(&values, field.data_type())?;
        let nulls = NullBuffer::from_iter(lengths.iter().map(|n| *n > 0));
        let offsets = OffsetBuffer::from_lengths(lengths);
        let list = ListArray::try_new(Arc::clone(field), offsets, values, Some(nulls))?;
        Ok(Arc::new(list))
    }

    fn texts(&self, slots: &[u32]) -> Result<ArrayRef> {
        let rows = slots.iter().flat_map(|s| self.present(*s));
        let columns = self.columns(rows)?;
        let text = |i: usize| cast(&columns[i], &DataType::LargeUtf8);
        let (values, delimiters) = (text(self.width - 2)?, text(self.width - 1)?);
        let (values, delimiters) = (strings(&values)?, strings(&delimiters)?);
        let mut at = 0;
        let mut out = LargeStringBuilder::new();
        for slot in slots {
            let end = at + self.present(*slot).count();
            let mut joined = String::new();
            for i in at..end {
                if i > at && delimiters.is_valid(i) {
                    joined.push_str(delimiters.value(i));
                }
                joined.push_str(values.value(i));
            }
            out.append_option((end > at).then_some(joined));
            at = end;
        }
        Ok(Arc::new(out.finish()))
    }

    /// The results of a function of DataFusion's, computed from all rows of each slot.
    fn recomputed(&self, slots: &[u32], function: &AggregateFunctionExpr) -> Result<ArrayRef> {
        let rows = slots.iter().flat_map(|s| self.present(*s));
        let columns = self.columns(rows)?;
        let args = &columns[self.width - self.args.len()..];
        let (mut results, mut at) = (Vec::with_capacity(slots.len()), 0);
        for slot in slots {
            let count = self.present(*slot).count();
            let args: Vec<ArrayRef> = args.iter().map(|a| a.slice(at, count)).collect();
            let mut accumulator = function.create_accumulator()?;
            if count > 0 {
                accumulator.update_batch(&args)?;
            }
            results.push(accumulator.evaluate()?);
            at += count;
        }
        Ok(ScalarValue::iter_to_array(results)?)
    }

    fn single(&self, slots: &[u32]) -> Result<ArrayRef> {
        let rows: Vec<Option<&[u8]>> = slots
            .iter()
            .map(|slot| {
                let mut rows = self.rows.get(*slot).iter().filter(|(_, n)| **n > 0);
                let found = match self.function {
                    AggregateFunction::FirstValue => rows.next(),
                    _ => rows.next_back(),
                };
                found.map(|(row, _)| &row[..])
            })
            .collect();
        let values = self
            .columns(rows.iter().flatten().copied())?
            .swap_remove(self.width - 1);
        let mut next = 0;
        let indices = rows.iter().map(|row| {
            row.map(|_| {
                next += 1;
                next - 1
            })
        });
        let indices: UInt64Array = indices.collect();
        if values.is_empty() {
            return Ok(new_null_array(values.data_type(), slots.len()));
        }
        Ok(arrow::compute::take(&values, &indices, None)?)
    }
}

/// DataFusion's function over the argument columns of kept rows.
fn other(
    function: &Arc<AggregateUDF>,
    call: &AggregateCall,
    schema: &SchemaRef,
) -> Result<AggregateFunctionExpr> {
    let fields = call.args.iter().map(|i| schema.field(*i).clone());
    let fields: Vec<Field> = fields.collect();
    let columns = fields.iter().enumerate();
    let args = columns.map(|(i, f)| Arc::new(Column::new(f.name(), i)) as Arc<dyn PhysicalExpr>);
    let built = AggregateExprBuilder::new(Arc::clone(function), args.collect())
        .schema(Arc::new(Schema::new(fields)))
        .alias(function.name())
        .with_distinct(call.distinct)
        .with_ignore_nulls(call.ignore_nulls)
        .build()
        .and_then(|expr| expr.create_accumulator().map(|_| expr));
    built.map_err(|e| {
        Error::new(
            ErrorKind::Unsupported,
            format!(
                "aggregate function '{}' in a continuous query",
                function.name()
            ),
        )
        .with_source(e)
    })
}

fn strings(array: &ArrayRef) -> Result<&arrow::array::LargeStringArray> {
    let strings = array.as_any().downcast_ref();
    strings.ok_or_else(|| Error::new(ErrorKind::Bug, "string_agg of no strings"))
}

impl Accumulator for Ordered {
    fn grow(&mut self, slots: usize) {
        self.rows.grow(slots);
    }

    fn update(&mut self, rows: &Rows<'_>) -> Result<()> {
        let mut columns: Vec<ArrayRef> = self
            .order_by
            .iter()
            .map(|i| Arc::clone(&rows.columns[*i]))
            .collect();
        if self.by_arrival {
            let first = *self.arrivals.get(0);
            let next = first + rows.slots.len() as u64;
            columns.push(Arc::new(UInt64Array::from_iter_values(first..next)));
            *self.arrivals.get_mut(0) = next;
        }
        columns.extend(self.args.iter().map(|i| Arc::clone(&rows.columns[*i])));
        let encoded = self.converter.convert_columns(&columns)?;
        let nulls = match self.skip_nulls {
            true => rows.columns[self.args[0]].logical_nulls(),
            false => None,
        };
        rows.each(nulls.as_ref(), |i, slot, weight| {
            let kept = self.rows.get_mut(slot);
            add(kept, encoded.row(i).data().into(), weight);
            if self.by_arrival {
                Self::prune(&self.function, kept);
            }
        });
        Ok(())
    }

    fn merge(&mut self, into: u32, from: u32) {
        let from = self.rows.get(from).clone();
        let into = self.rows.get_mut(into);
        for (row, count) in from {
            add(into, row, count);
        }
        if self.by_arrival {
            Self::prune(&self.function, into);
        }
    }

    fn evaluate(&self, slots: &[u32]) -> Result<ArrayRef> {
        if let Some(function) = &self.other {
            return self.recomputed(slots, function);
        }
        match self.function {
            AggregateFunction::ArrayAgg => self.lists(slots),
            AggregateFunction::StringAgg => self.texts(slots),
            _ => self.single(slots),
        }
    }

    fn clear(&mut self, slot: u32) {
        self.rows.clear(slot);
    }

    fn visit_state(&mut self, visitor: &mut StateVisitor<'_>) -> Result<()> {
        visitor.column("rows", &mut self.rows)?;
        visitor.column("arrivals", &mut self.arrivals)?;
        self.arrivals.grow(1);
        Ok(())
    }
}
