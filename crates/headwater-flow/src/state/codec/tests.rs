//! Keys against Arrow's rows: the same order, the same equality, and the values come back.

use std::sync::Arc;

use arrow::array::{
    ArrayRef, BinaryArray, Decimal128Array, Float64Array, Int8Array, Int16Array, StringArray,
    TimestampMicrosecondArray, UInt32Array, UInt64Array,
};
use arrow::datatypes::DataType;
use arrow::row::{RowConverter, SortField};
use proptest::collection::vec;
use proptest::prelude::*;

use super::KeyCodec;
use crate::error::ErrorKind;

fn codec(columns: &[ArrayRef]) -> KeyCodec {
    KeyCodec::new(columns.iter().map(|c| c.data_type().clone())).expect("types have equality")
}

fn check(columns: &[ArrayRef]) {
    let rows = columns[0].len();
    let codec = codec(columns);
    let keys = codec.encode(columns, rows).expect("encodes");
    assert_eq!(keys.len(), rows);
    if let Some(width) = codec.width() {
        assert!(
            keys.iter().all(|k| k.len() == width),
            "keys are {width} long"
        );
    }
    let fields = columns
        .iter()
        .map(|c| SortField::new(c.data_type().clone()));
    let arrow = RowConverter::new(fields.collect()).expect("types have equality");
    let arrow = arrow.convert_columns(columns).expect("converts");
    for a in 0..rows {
        for b in 0..rows {
            let want = arrow.row(a).cmp(&arrow.row(b));
            assert_eq!(keys.key(a).cmp(keys.key(b)), want, "rows {a} and {b}");
        }
    }
    assert_eq!(codec.decode(keys.iter()).expect("decodes"), columns);
    let sliced: Vec<_> = columns.iter().map(|c| c.slice(1, rows - 1)).collect();
    let part = codec.encode(&sliced, rows - 1).expect("encodes");
    assert!(
        part.iter().eq(keys.iter().skip(1)),
        "a slice has its rows' keys"
    );
}

/// One of few values, or none, so that equal ones meet.
fn some<T: Clone + std::fmt::Debug + 'static>(values: &[T]) -> BoxedStrategy<Option<T>> {
    prop::option::of(prop::sample::select(values.to_vec())).boxed()
}

proptest! {
    #[test]
    fn keys_of_numbers_order_and_decode_as_their_rows(
        rows in vec((
            some(&[i8::MIN, -1, 0, 1, i8::MAX]),
            some(&[i16::MIN, -1, 0, 256, i16::MAX]),
            some(&[0, 1, 255, 256, u32::MAX]),
            some(&[0, 1, 255, 1 << 40, u64::MAX]),
            some(&[i64::MIN, -1, 0, 1, i64::MAX]),
            some(&[-(1_i128 << 100), -1, 0, 1, 1_i128 << 100]),
        ), 1..20),
    ) {
        let decimals = rows.iter().map(|r| r.5).collect::<Decimal128Array>();
        check(&[
            Arc::new(rows.iter().map(|r| r.0).collect::<Int8Array>()),
            Arc::new(rows.iter().map(|r| r.1).collect::<Int16Array>()),
            Arc::new(rows.iter().map(|r| r.2).collect::<UInt32Array>()),
            Arc::new(rows.iter().map(|r| r.3).collect::<UInt64Array>()),
            Arc::new(rows.iter().map(|r| r.4).collect::<TimestampMicrosecondArray>()),
            Arc::new(decimals.with_precision_and_scale(38, 3).expect("fits")),
        ]);
    }

    #[test]
    fn keys_of_text_order_and_decode_as_their_rows(
        rows in vec((
            some(&["", "a", "a\0", "a\0b", "ab", "\0", "\0\0", "ÿ"]),
            some(&[&b""[..], b"\0", b"\0\xff", b"\xff", b"\xff\0", b"\x01"]),
            some(&[-1.5, 0.0, 2.5, f64::INFINITY]),
            some(&["x", "y\0"]),
        ), 1..20),
    ) {
        check(&[
            Arc::new(rows.iter().map(|r| r.0).collect::<StringArray>()),
            Arc::new(rows.iter().map(|r| r.1).collect::<BinaryArray>()),
            Arc::new(rows.iter().map(|r| r.2).collect::<Float64Array>()),
            Arc::new(rows.iter().map(|r| r.3).collect::<StringArray>()),
        ]);
    }

    #[test]
    fn damaged_keys_are_an_error_and_no_panic(bytes in vec(any::<u8>(), 0..24)) {
        let codec = KeyCodec::new([DataType::Int32, DataType::Utf8, DataType::Int64]).expect("fits");
        if let Ok(columns) = codec.decode([&bytes[..]]) {
            let keys = codec.encode(&columns, 1).expect("encodes");
            // Zeros of a null are not looked at.
            prop_assert_eq!(keys.key(0).len(), bytes.len());
        }
    }
}

#[test]
fn columns_of_another_type_or_length_are_refused() {
    let codec = KeyCodec::new([DataType::Int8]).expect("fits");
    let wrong: ArrayRef = Arc::new(Int16Array::from(vec![1]));
    let short: ArrayRef = Arc::new(Int8Array::from(vec![1]));
    for (columns, rows) in [(vec![wrong], 1), (vec![short], 2), (Vec::new(), 1)] {
        let kind = codec.encode(&columns, rows).map_err(|e| e.kind());
        assert_eq!(kind.err(), Some(ErrorKind::Bug));
    }
}

#[test]
fn no_columns_are_one_key_without_bytes() {
    let codec = KeyCodec::new([]).expect("fits");
    let keys = codec.encode(&[], 3).expect("encodes");
    assert_eq!((keys.len(), keys.key(2)), (3, &b""[..]));
}
