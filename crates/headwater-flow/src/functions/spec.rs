//! A scalar function as a table entry, and the arguments and results of kernels.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, BinaryArray, StringArray, StringBuilder};
use arrow::datatypes::DataType;
use datafusion_common::{Result, ScalarValue};
use datafusion_expr::{ColumnarValue, ScalarFunctionArgs};

use super::{
    charset, collections, hash, json, maps, numbers, printf, regex, strings, texts, time, url,
};

/// What one function is.
#[derive(Debug)]
pub struct Spec {
    /// Lower-case name.
    pub name: &'static str,
    /// Other names.
    pub aliases: &'static [&'static str],
    /// How it is called, for errors.
    pub usage: &'static str,
    /// The types that its arguments are cast to; `None`: it does not take these.
    pub coerce: fn(&[DataType]) -> Option<Vec<DataType>>,
    /// The type of its result, given coerced arguments.
    pub returns: fn(&[DataType]) -> DataType,
    /// The kernel.
    pub invoke: fn(&ScalarFunctionArgs) -> Result<ColumnarValue>,
}

/// All functions.
pub fn specs() -> impl Iterator<Item = &'static Spec> {
    let families: [&'static [Spec]; 14] = [
        &charset::SPECS,
        &collections::SPECS,
        &hash::SPECS,
        &json::JOIN,
        &json::READ,
        &json::WRITE,
        &maps::SPECS,
        &numbers::SPECS,
        &printf::SPECS,
        &regex::SPECS,
        &strings::SPECS,
        &texts::SPECS,
        &time::SPECS,
        &url::SPECS,
    ];
    families.into_iter().flatten()
}

/// Whether a type is a string or the untyped NULL.
pub(super) fn is_text(data_type: &DataType) -> bool {
    matches!(
        data_type,
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View | DataType::Null
    )
}

/// Whether a type is an integer or the untyped NULL.
pub(super) fn is_whole(data_type: &DataType) -> bool {
    data_type.is_integer() || data_type.is_null()
}

/// Whether a type is bytes or the untyped NULL.
pub(super) fn is_bytes(data_type: &DataType) -> bool {
    matches!(
        data_type,
        DataType::Binary | DataType::LargeBinary | DataType::BinaryView | DataType::Null
    )
}

/// A string argument: one for all rows, or one a row.
pub(super) enum Text {
    /// The same for all rows.
    One(Option<String>),
    /// One a row.
    Each(StringArray),
}

impl Text {
    pub(super) fn new(value: &ColumnarValue) -> Result<Self> {
        Ok(match value {
            ColumnarValue::Scalar(s) => Self::One(s.try_as_str().flatten().map(str::to_owned)),
            ColumnarValue::Array(a) => Self::Each(strings(a)?),
        })
    }

    pub(super) fn get(&self, row: usize) -> Option<&str> {
        match self {
            Self::One(value) => value.as_deref(),
            Self::Each(array) => array.is_valid(row).then(|| array.value(row)),
        }
    }
}

/// A string array, cast if it is one of another kind.
pub(super) fn strings(array: &ArrayRef) -> Result<StringArray> {
    if let Some(strings) = array.as_string_opt::<i32>() {
        return Ok(strings.clone());
    }
    let cast = arrow::compute::cast(array, &DataType::Utf8)?;
    Ok(cast.as_string::<i32>().clone())
}

/// The bytes of an argument, one a row or one for all.
pub(super) enum Bytes {
    /// The same for all rows.
    One(Option<Vec<u8>>),
    /// One a row.
    Each(BinaryArray),
}

impl Bytes {
    pub(super) fn new(value: &ColumnarValue) -> Self {
        match value {
            ColumnarValue::Scalar(ScalarValue::Binary(bytes)) => Self::One(bytes.clone()),
            ColumnarValue::Scalar(_) => Self::One(None),
            ColumnarValue::Array(array) => Self::Each(array.as_binary::<i32>().clone()),
        }
    }

    pub(super) fn get(&self, row: usize) -> Option<&[u8]> {
        match self {
            Self::One(bytes) => bytes.as_deref(),
            Self::Each(array) => array.is_valid(row).then(|| array.value(row)),
        }
    }
}

/// An integer argument: one for all rows, or one a row.
pub(super) enum Whole {
    /// The same for all rows.
    One(Option<i64>),
    /// One a row.
    Each(arrow::array::Int64Array),
}

impl Whole {
    pub(super) fn new(value: &ColumnarValue) -> Result<Self> {
        Ok(match value {
            ColumnarValue::Scalar(ScalarValue::Int64(v)) => Self::One(*v),
            ColumnarValue::Scalar(s) => match s.cast_to(&DataType::Int64)? {
                ScalarValue::Int64(v) => Self::One(v),
                _ => Self::One(None),
            },
            ColumnarValue::Array(a) => {
                let cast = arrow::compute::cast(a, &DataType::Int64)?;
                Self::Each(cast.as_primitive::<arrow::datatypes::Int64Type>().clone())
            }
        })
    }

    pub(super) fn get(&self, row: usize) -> Option<i64> {
        match self {
            Self::One(value) => *value,
            Self::Each(array) => array.is_valid(row).then(|| array.value(row)),
        }
    }
}

/// How many rows to compute: one if all arguments are constants.
pub(super) fn rows(args: &ScalarFunctionArgs) -> usize {
    let constant = args
        .args
        .iter()
        .all(|a| matches!(a, ColumnarValue::Scalar(_)));
    if constant { 1 } else { args.number_rows }
}

/// The result of [`rows`] rows: a constant if all arguments are.
pub(super) fn result(args: &ScalarFunctionArgs, array: ArrayRef) -> Result<ColumnarValue> {
    let constant = args
        .args
        .iter()
        .all(|a| matches!(a, ColumnarValue::Scalar(_)));
    if constant {
        return Ok(ColumnarValue::Scalar(ScalarValue::try_from_array(
            &array, 0,
        )?));
    }
    Ok(ColumnarValue::Array(array))
}

/// As many texts as that.
pub(super) fn all_texts(
    types: &[DataType],
    count: std::ops::RangeInclusive<usize>,
) -> Option<Vec<DataType>> {
    let fits = count.contains(&types.len()) && types.iter().all(is_text);
    fits.then(|| vec![DataType::Utf8; types.len()])
}

/// One text a row.
pub(super) fn texts(
    args: &ScalarFunctionArgs,
    mut text: impl FnMut(usize) -> Result<Option<String>>,
) -> Result<ColumnarValue> {
    let mut out = StringBuilder::new();
    for row in 0..rows(args) {
        out.append_option(text(row)?);
    }
    result(args, Arc::new(out.finish()))
}
