//! All aggregate functions of an operator.

use arrow::array::{Array, ArrayRef, Int64Array, RecordBatch};
use arrow::buffer::BooleanBuffer;
use arrow::compute::cast;
use arrow::datatypes::{DataType, SchemaRef, i256};

use super::count::Count;
use super::distinct::{DistinctTable, Member, TableMode};
use super::extreme::{Best, Codec, Encoded, Extremes, Primitive};
use super::float::ExactSum;
use super::list::Ordered;
use super::logical::Logical;
use super::rows::{Accumulator, Rows, true_rows};
use super::sum::{Finish, FloatSum, IntegerSum};
use super::variance::{Spread, Variance};
use super::{AggregateCall, AggregateFunction};
use crate::error::{Error, ErrorKind, Result};
use crate::functions::fits_128_bits;
use crate::state::StateVisitor;

/// What the functions must be able to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AggregateMode {
    /// Rows may be deleted.
    pub updating: bool,
    /// [`AggregateSet::merge`] will be called, and [`AggregateSet::clear`] with rows left (windows).
    pub merging: bool,
}

/// The state of all aggregate functions of an operator, by slot.
///
/// # Ordering
/// [`grow`](Self::grow) before a slot is used; a slot that is used anew must have been [cleared](Self::clear).
pub struct AggregateSet {
    plain: Vec<Plain>,
    distinct: Vec<DistinctTable>,
    calls: Vec<(Place, DataType)>,
}

struct Plain {
    filter: Option<usize>,
    accumulator: Box<dyn Accumulator>,
}

#[derive(Debug, Clone, Copy)]
enum Place {
    Plain(usize),
    Distinct { table: usize, member: usize },
}

impl AggregateSet {
    /// The functions of `calls` over rows of `schema`.
    ///
    /// # Errors
    /// `Unsupported` for a function of a type that it is not made for.
    pub fn new(calls: &[AggregateCall], schema: &SchemaRef, mode: AggregateMode) -> Result<Self> {
        let mut set = Self {
            plain: Vec::new(),
            distinct: Vec::new(),
            calls: Vec::new(),
        };
        for call in calls {
            let accumulator = accumulator(call, schema, mode)?;
            let place = if is_distinct(call) {
                set.add_distinct(call, schema, mode, accumulator)?
            } else {
                set.plain.push(Plain {
                    filter: call.filter,
                    accumulator,
                });
                Place::Plain(set.plain.len() - 1)
            };
            set.calls.push((place, call.return_type.clone()));
        }
        Ok(set)
    }

    fn add_distinct(
        &mut self,
        call: &AggregateCall,
        schema: &SchemaRef,
        mode: AggregateMode,
        inner: Box<dyn Accumulator>,
    ) -> Result<Place> {
        let sees_nulls = call.function.sees_nulls(call.ignore_nulls);
        let found = self
            .distinct
            .iter()
            .position(|t| t.takes(&call.args, sees_nulls));
        let table = match found {
            Some(table) => table,
            None => {
                let mode = TableMode {
                    updating: mode.updating,
                    linked: mode.merging,
                    sees_nulls,
                };
                self.distinct
                    .push(DistinctTable::new(&call.args, schema, mode)?);
                self.distinct.len() - 1
            }
        };
        let member = self.distinct[table].add(Member {
            filter: call.filter,
            inner,
        });
        Ok(Place::Distinct { table, member })
    }

    /// Makes sure that the slots below `slots` exist.
    pub fn grow(&mut self, slots: usize) {
        for plain in &mut self.plain {
            plain.accumulator.grow(slots);
        }
        for table in &mut self.distinct {
            table.grow(slots);
        }
    }

    /// Takes rows: row `i` belongs to `slots[i]`.
    ///
    /// # Errors
    /// `Bug` if a column has another type.
    pub fn update(
        &mut self,
        slots: &[u32],
        rows: &RecordBatch,
        weights: Option<&Int64Array>,
    ) -> Result<()> {
        let columns = rows.columns();
        let filters = self.filters(columns)?;
        let mask = |filter: Option<usize>| filter.and_then(|f| filters[f].as_ref());
        let rows = Rows {
            slots,
            weights: weights.map(|w| &w.values()[..]),
            selected: None,
            columns,
        };
        for plain in &mut self.plain {
            plain.accumulator.update(&Rows {
                selected: mask(plain.filter),
                ..rows
            })?;
        }
        for table in &mut self.distinct {
            let masks: Vec<_> = table.members.iter().map(|m| mask(m.filter)).collect();
            table.update(&rows, &masks)?;
        }
        Ok(())
    }

    /// By column the rows where it is true, for the columns that are filters.
    fn filters(&self, columns: &[ArrayRef]) -> Result<Vec<Option<BooleanBuffer>>> {
        let mut filters = vec![None; columns.len()];
        let plain = self.plain.iter().map(|p| p.filter);
        let members = self.distinct.iter().flat_map(|t| &t.members);
        for filter in plain.chain(members.map(|m| m.filter)).flatten() {
            if filters[filter].is_none() {
                filters[filter] = Some(true_rows(&columns[filter])?);
            }
        }
        Ok(filters)
    }

    /// Adds what slot `from` has to slot `into`.
    ///
    /// # Errors
    /// `Bug` only.
    pub fn merge(&mut self, into: u32, from: u32) -> Result<()> {
        for plain in &mut self.plain {
            plain.accumulator.merge(into, from);
        }
        for table in &mut self.distinct {
            table.merge(into, from)?;
        }
        Ok(())
    }

    /// The results of slots, one array a call.
    ///
    /// # Errors
    /// `Invalid` if a result does not fit its type.
    pub fn evaluate(&self, slots: &[u32]) -> Result<Vec<ArrayRef>> {
        let results = self.calls.iter().map(|(place, return_type)| {
            let array = match place {
                Place::Plain(i) => self.plain[*i].accumulator.evaluate(slots)?,
                Place::Distinct { table, member } => {
                    let member = &self.distinct[*table].members[*member];
                    member.inner.evaluate(slots)?
                }
            };
            if array.data_type() == return_type {
                Ok(array)
            } else {
                Ok(cast(&array, return_type)?)
            }
        });
        results.collect()
    }

    /// Puts a slot back to its beginning.
    pub fn clear(&mut self, slot: u32) {
        for plain in &mut self.plain {
            plain.accumulator.clear(slot);
        }
        for table in &mut self.distinct {
            table.clear(slot);
        }
    }

    /// Shows the visitor every column of state.
    ///
    /// # Errors
    /// What the visit fails with.
    pub fn visit_state(&mut self, visitor: &mut StateVisitor<'_>) -> Result<()> {
        for (i, plain) in self.plain.iter_mut().enumerate() {
            visitor.scope(format_args!("f{i}"), |v| plain.accumulator.visit_state(v))?;
        }
        for (i, table) in self.distinct.iter_mut().enumerate() {
            visitor.scope(format_args!("d{i}"), |v| table.visit_state(v))?;
        }
        Ok(())
    }
}

/// Whether DISTINCT makes a difference.
pub(super) fn is_distinct(call: &AggregateCall) -> bool {
    use AggregateFunction as F;
    match call.function {
        F::ApproxDistinct => true,
        F::Min | F::Max | F::BoolAnd | F::BoolOr | F::FirstValue | F::LastValue | F::Other(_) => {
            false
        }
        _ => call.distinct,
    }
}

fn accumulator(
    call: &AggregateCall,
    schema: &SchemaRef,
    mode: AggregateMode,
) -> Result<Box<dyn Accumulator>> {
    use AggregateFunction as F;
    let spread = |sample, root| Spread { sample, root };
    if call.function == F::Count && !call.distinct {
        return Ok(Box::new(Count::new(call.args.clone())));
    }
    let Some(arg) = call.args.first().copied() else {
        return Err(Error::new(
            ErrorKind::Unsupported,
            "an aggregate function without an argument",
        ));
    };
    Ok(match call.function {
        F::Count if call.args.len() > 1 => {
            return Err(Error::new(
                ErrorKind::Unsupported,
                "count(DISTINCT …) of more than one column",
            ));
        }
        F::Count | F::ApproxDistinct => Box::new(Count::new(Vec::new())),
        F::Sum | F::Avg => sum(call, arg, schema, mode)?,
        F::Min | F::Max => extreme(call.function == F::Max, arg, schema, mode)?,
        F::VarSamp => Box::new(Variance::new(arg, spread(true, false))),
        F::VarPop => Box::new(Variance::new(arg, spread(false, false))),
        F::StddevSamp => Box::new(Variance::new(arg, spread(true, true))),
        F::StddevPop => Box::new(Variance::new(arg, spread(false, true))),
        F::BoolAnd | F::BoolOr => Box::new(Logical::new(arg, call.function == F::BoolAnd)),
        F::ArrayAgg | F::StringAgg | F::FirstValue | F::LastValue | F::Other(_) => {
            Box::new(Ordered::new(call, schema, mode.updating)?)
        }
    })
}

fn sum(
    call: &AggregateCall,
    arg: usize,
    schema: &SchemaRef,
    mode: AggregateMode,
) -> Result<Box<dyn Accumulator>> {
    let mean = call.function == AggregateFunction::Avg;
    let finish = |factor| match mean {
        true => Finish::Mean { factor },
        false => Finish::Sum,
    };
    let return_type = call.return_type.clone();
    Ok(match (schema.field(arg).data_type(), &call.return_type) {
        // When sessions become one depends on how the input was cut into epochs: the sum must not.
        (DataType::Float64, _) if mode.updating || mode.merging => {
            Box::new(FloatSum::<ExactSum>::new(arg, mean))
        }
        (DataType::Float64, _) => Box::new(FloatSum::<(f64, i64)>::new(arg, mean)),
        (DataType::Int64 | DataType::Duration(_), _) => {
            Box::new(IntegerSum::<i64, i128>::new(arg, finish(1), return_type))
        }
        (DataType::UInt64, _) => {
            Box::new(IntegerSum::<u64, i128>::new(arg, finish(1), return_type))
        }
        (
            DataType::Decimal128(digits, from),
            DataType::Decimal128(_, to) | DataType::Decimal256(_, to),
        ) if to >= from => {
            let more = to.abs_diff(*from);
            let finish = finish(10_i128.pow(u32::from(more)));
            match fits_128_bits(digits.saturating_add(more)) {
                true => Box::new(IntegerSum::<i128, i128>::new(arg, finish, return_type)),
                false => Box::new(IntegerSum::<i128, i256>::new(arg, finish, return_type)),
            }
        }
        (other, _) => {
            let name = if mean { "avg" } else { "sum" };
            return Err(Error::new(
                ErrorKind::Unsupported,
                format!("{name} of a column of type {other}"),
            ));
        }
    })
}

fn extreme(
    greatest: bool,
    arg: usize,
    schema: &SchemaRef,
    mode: AggregateMode,
) -> Result<Box<dyn Accumulator>> {
    use DataType as T;
    let data_type = schema.field(arg).data_type().clone();
    macro_rules! of {
        ($native:ty) => {
            pick(arg, greatest, mode, Primitive::<$native>::new(data_type))
        };
    }
    Ok(match data_type {
        T::Int8 => of!(i8),
        T::Int16 => of!(i16),
        T::Int32 | T::Date32 | T::Time32(_) => of!(i32),
        T::Int64 | T::Date64 | T::Time64(_) | T::Timestamp(..) | T::Duration(_) => of!(i64),
        T::UInt8 => of!(u8),
        T::UInt16 => of!(u16),
        T::UInt32 => of!(u32),
        T::UInt64 => of!(u64),
        T::Float32 => of!(f32),
        T::Float64 => of!(f64),
        T::Decimal128(..) => of!(i128),
        other => pick(arg, greatest, mode, Encoded::new(other)?),
    })
}

fn pick<C>(arg: usize, greatest: bool, mode: AggregateMode, codec: C) -> Box<dyn Accumulator>
where
    C: Codec + 'static,
    C::Key: super::extreme::Keep,
{
    if mode.updating {
        Box::new(Extremes::new(arg, greatest, codec))
    } else {
        Box::new(Best::new(arg, greatest, codec))
    }
}
