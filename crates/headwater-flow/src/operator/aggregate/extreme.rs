//! `min` and `max`. On append-only input the best value so far is enough; else every value is kept, ordered, with its
//! count. Floats are ordered totally: NaN is the greatest, −0 below 0.

use std::collections::BTreeMap;
use std::marker::PhantomData;

use arrow::array::{Array, ArrayRef};
use arrow::datatypes::{ArrowNativeType, DataType};
use arrow::row::{RowConverter, SortField};

use super::rows::{Accumulator, Rows, natives, primitive};
use crate::error::Result;
use crate::state::{Paged, StateValue, StateVisitor};

/// A primitive value with a total order, through a sort key that is also the form in the state.
pub(super) trait Ranked: ArrowNativeType {
    type Key: StateValue + Ord + Copy;
    fn key(self) -> Self::Key;
    fn of(key: Self::Key) -> Self;
}

macro_rules! ranked {
    ($($native:ty => $key:ty, |$x:ident| $to:expr, |$k:ident| $from:expr;)*) => {$(
        impl Ranked for $native {
            type Key = $key;

            #[inline]
            fn key(self) -> $key {
                let $x = self;
                $to
            }

            #[inline]
            fn of($k: $key) -> Self {
                $from
            }
        }
    )*};
}

ranked! {
    i8 => i64, |x| i64::from(x), |k| k as i8;
    i16 => i64, |x| i64::from(x), |k| k as i16;
    i32 => i64, |x| i64::from(x), |k| k as i32;
    i64 => i64, |x| x, |k| k;
    u8 => i64, |x| i64::from(x), |k| k as u8;
    u16 => i64, |x| i64::from(x), |k| k as u16;
    u32 => i64, |x| i64::from(x), |k| k as u32;
    u64 => u64, |x| x, |k| k;
    i128 => i128, |x| x, |k| k;
    f32 => i64, |x| f64_key(f64::from(x)), |k| f64_of(k) as f32;
    f64 => i64, |x| f64_key(x), |k| f64_of(k);
}

/// The order of `f64::total_cmp` as an integer; its own inverse on the bits.
#[inline]
fn f64_key(x: f64) -> i64 {
    let bits = x.to_bits() as i64;
    bits ^ (((bits >> 63) as u64) >> 1) as i64
}

#[inline]
fn f64_of(key: i64) -> f64 {
    f64::from_bits((key ^ (((key >> 63) as u64) >> 1) as i64) as u64)
}

/// Turns a column into sort keys and back.
pub(super) trait Codec: Send {
    type Key: StateValue + Ord;

    /// Calls `f` with each selected row that is not null.
    fn each(
        &self,
        rows: &Rows<'_>,
        arg: usize,
        f: impl FnMut(u32, Found<'_, Self::Key>, i64),
    ) -> Result<()>;

    fn array(&self, keys: &[Option<&Self::Key>]) -> Result<ArrayRef>;
}

/// A key that is made only when it is kept.
pub(super) enum Found<'a, K> {
    Value(K),
    Bytes(&'a [u8]),
}

/// Keys of primitive types.
#[derive(Debug)]
pub(super) struct Primitive<N> {
    data_type: DataType,
    native: PhantomData<N>,
}

impl<N> Primitive<N> {
    pub(super) fn new(data_type: DataType) -> Self {
        Self {
            data_type,
            native: PhantomData,
        }
    }
}

impl<N: Ranked> Codec for Primitive<N> {
    type Key = N::Key;

    #[inline]
    fn each(
        &self,
        rows: &Rows<'_>,
        arg: usize,
        mut f: impl FnMut(u32, Found<'_, N::Key>, i64),
    ) -> Result<()> {
        let column = &rows.columns[arg];
        let values = natives::<N>(column)?;
        rows.each(column.nulls(), |i, slot, weight| {
            f(slot, Found::Value(values[i].key()), weight);
        });
        Ok(())
    }

    fn array(&self, keys: &[Option<&N::Key>]) -> Result<ArrayRef> {
        primitive(&self.data_type, keys.iter().map(|k| k.map(|k| N::of(*k))))
    }
}

/// Keys of all other types: Arrow's row format, which sorts as the values do.
#[derive(Debug)]
pub(super) struct Encoded {
    converter: RowConverter,
}

impl Encoded {
    pub(super) fn new(data_type: DataType) -> Result<Self> {
        Ok(Self {
            converter: RowConverter::new(vec![SortField::new(data_type)])?,
        })
    }
}

impl Codec for Encoded {
    type Key = Box<[u8]>;

    fn each(
        &self,
        rows: &Rows<'_>,
        arg: usize,
        mut f: impl FnMut(u32, Found<'_, Self::Key>, i64),
    ) -> Result<()> {
        let column = &rows.columns[arg];
        let encoded = self
            .converter
            .convert_columns(std::slice::from_ref(column))?;
        let nulls = column.logical_nulls();
        rows.each(nulls.as_ref(), |i, slot, weight| {
            f(slot, Found::Bytes(encoded.row(i).data()), weight);
        });
        Ok(())
    }

    fn array(&self, keys: &[Option<&Box<[u8]>>]) -> Result<ArrayRef> {
        let parser = self.converter.parser();
        let null = self.null()?;
        let rows = keys
            .iter()
            .map(|k| parser.parse(k.map_or(&null[..], |k| &k[..])));
        let mut columns = self.converter.convert_rows(rows)?;
        Ok(columns.remove(0))
    }
}

impl Encoded {
    /// The row of a null.
    fn null(&self) -> Result<Box<[u8]>> {
        let data_type = self.converter.convert_rows([])?.remove(0);
        let null = arrow::array::new_null_array(data_type.data_type(), 1);
        let rows = self.converter.convert_columns(&[null])?;
        Ok(rows.row(0).data().into())
    }
}

/// Makes a kept key of a found one; `Found::Bytes` come of [`Encoded`] only.
pub(super) trait Keep: Sized {
    fn keep(found: Found<'_, Self>) -> Self;
    fn beats(found: &Found<'_, Self>, best: &Self, greatest: bool) -> bool;
}

macro_rules! keep_value {
    ($($key:ty),*) => {$(
        impl Keep for $key {
            #[inline]
            fn keep(found: Found<'_, Self>) -> Self {
                match found {
                    Found::Value(value) => value,
                    Found::Bytes(_) => unreachable!("primitive keys are values"),
                }
            }

            #[inline]
            fn beats(found: &Found<'_, Self>, best: &Self, greatest: bool) -> bool {
                match found {
                    Found::Value(value) => if greatest { value > best } else { value < best },
                    Found::Bytes(_) => unreachable!("primitive keys are values"),
                }
            }
        }
    )*};
}

keep_value!(i64, u64, i128);

impl Keep for Box<[u8]> {
    fn keep(found: Found<'_, Self>) -> Self {
        match found {
            Found::Value(value) => value,
            Found::Bytes(bytes) => bytes.into(),
        }
    }

    fn beats(found: &Found<'_, Self>, best: &Self, greatest: bool) -> bool {
        let bytes = match found {
            Found::Value(value) => &value[..],
            Found::Bytes(bytes) => bytes,
        };
        if greatest {
            bytes > &best[..]
        } else {
            bytes < &best[..]
        }
    }
}

/// Least or greatest values of append-only input.
#[derive(Debug)]
pub(super) struct Best<C: Codec> {
    arg: usize,
    greatest: bool,
    codec: C,
    best: Paged<(bool, C::Key)>,
}

impl<C: Codec> Best<C> {
    pub(super) fn new(arg: usize, greatest: bool, codec: C) -> Self {
        Self {
            arg,
            greatest,
            codec,
            best: Paged::new(),
        }
    }
}

impl<C: Codec> Accumulator for Best<C>
where
    C::Key: Keep,
{
    fn grow(&mut self, slots: usize) {
        self.best.grow(slots);
    }

    fn update(&mut self, rows: &Rows<'_>) -> Result<()> {
        let (best, greatest) = (&mut self.best, self.greatest);
        self.codec.each(rows, self.arg, |slot, found, _| {
            let (is_set, value) = best.get(slot);
            if !is_set || Keep::beats(&found, value, greatest) {
                *best.get_mut(slot) = (true, Keep::keep(found));
            }
        })
    }

    fn merge(&mut self, into: u32, from: u32) {
        let (is_set, value) = self.best.get(from).clone();
        let (has, best) = self.best.get_mut(into);
        if is_set
            && (!*has
                || if self.greatest {
                    value > *best
                } else {
                    value < *best
                })
        {
            (*has, *best) = (true, value);
        }
    }

    fn evaluate(&self, slots: &[u32]) -> Result<ArrayRef> {
        let keys = slots.iter().map(|slot| {
            let (is_set, value) = self.best.get(*slot);
            is_set.then_some(value)
        });
        self.codec.array(&keys.collect::<Vec<_>>())
    }

    fn clear(&mut self, slot: u32) {
        self.best.clear(slot);
    }

    fn visit_state(&mut self, visitor: &mut StateVisitor<'_>) -> Result<()> {
        visitor.column("best", &mut self.best)
    }
}

/// Least or greatest values of input with deletions: all values with their counts.
#[derive(Debug)]
pub(super) struct Extremes<C: Codec> {
    arg: usize,
    greatest: bool,
    codec: C,
    values: Paged<BTreeMap<C::Key, i64>, 6>,
}

impl<C: Codec> Extremes<C> {
    pub(super) fn new(arg: usize, greatest: bool, codec: C) -> Self {
        Self {
            arg,
            greatest,
            codec,
            values: Paged::new(),
        }
    }
}

/// Adds to a count and forgets it at zero.
pub(super) fn add<K: Ord>(counts: &mut BTreeMap<K, i64>, key: K, weight: i64) {
    use std::collections::btree_map::Entry;
    if weight == 0 {
        return;
    }
    match counts.entry(key) {
        Entry::Vacant(vacant) => {
            vacant.insert(weight);
        }
        Entry::Occupied(mut found) => {
            *found.get_mut() += weight;
            if *found.get() == 0 {
                found.remove();
            }
        }
    }
}

impl<C: Codec> Accumulator for Extremes<C>
where
    C::Key: Keep,
{
    fn grow(&mut self, slots: usize) {
        self.values.grow(slots);
    }

    fn update(&mut self, rows: &Rows<'_>) -> Result<()> {
        let values = &mut self.values;
        self.codec.each(rows, self.arg, |slot, found, weight| {
            add(values.get_mut(slot), Keep::keep(found), weight);
        })
    }

    fn merge(&mut self, into: u32, from: u32) {
        let from = self.values.get(from).clone();
        let into = self.values.get_mut(into);
        for (key, count) in from {
            add(into, key, count);
        }
    }

    fn evaluate(&self, slots: &[u32]) -> Result<ArrayRef> {
        let keys = slots.iter().map(|slot| {
            let mut present = self.values.get(*slot).iter().filter(|(_, n)| **n > 0);
            let found = if self.greatest {
                present.next_back()
            } else {
                present.next()
            };
            found.map(|(key, _)| key)
        });
        self.codec.array(&keys.collect::<Vec<_>>())
    }

    fn clear(&mut self, slot: u32) {
        self.values.clear(slot);
    }

    fn visit_state(&mut self, visitor: &mut StateVisitor<'_>) -> Result<()> {
        visitor.column("values", &mut self.values)
    }
}
