//! Any bytes as a JSON record of a table with nested and exact columns.

#![no_main]

use std::sync::{Arc, LazyLock};

use arrow::datatypes::{DataType, Field, Schema, TimeUnit};
use headwater_connect::JsonFormat;
use headwater_flow::connector::{Format, FormatRequest, Options, ValueDecoder};
use libfuzzer_sys::fuzz_target;

static DECODER: LazyLock<Arc<dyn ValueDecoder>> = LazyLock::new(|| {
    let item = Arc::new(Field::new("item", DataType::Int64, true));
    let row = DataType::Struct(vec![Field::new("x", DataType::Utf8, true)].into());
    let schema = Arc::new(Schema::new(vec![
        Field::new("id", DataType::Int64, true),
        Field::new("price", DataType::Decimal128(38, 9), true),
        Field::new("at", DataType::Timestamp(TimeUnit::Millisecond, Some("UTC".into())), true),
        Field::new("tags", DataType::List(item), true),
        Field::new("row", row, true),
        Field::new("ok", DataType::Boolean, true),
        Field::new("f", DataType::Float64, true),
    ]));
    let request = FormatRequest {
        declared: Arc::clone(&schema),
        schema,
        options: Options::default(),
    };
    JsonFormat.decoder(&request).expect("JSON carries these types")
});

fuzz_target!(|bytes: &[u8]| {
    let decoded = DECODER.decode(&[Some(bytes)]);
    assert!(decoded.is_ok(), "what does not decode is a reject, not an error");
});
