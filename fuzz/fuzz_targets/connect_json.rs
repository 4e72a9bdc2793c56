//! Any bytes as JSON records of a table with nested and exact columns.

#![no_main]

use std::sync::{Arc, LazyLock};

use arrow::datatypes::{DataType, Field, Schema, TimeUnit};
use headwater_connect::JsonFormat;
use headwater_flow::connector::{Format, FormatRequest, Options, ValueDecoder};
use libfuzzer_sys::fuzz_target;

static DECODERS: LazyLock<[Arc<dyn ValueDecoder>; 2]> = LazyLock::new(|| {
    let lenient = [("json.ignore-parse-errors".to_owned(), "true".to_owned())];
    [Options::default(), Options::new(lenient)].map(decoder)
});

fn decoder(options: Options) -> Arc<dyn ValueDecoder> {
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
        options,
    };
    JsonFormat.decoder(&request).expect("JSON carries these types")
}

fuzz_target!(|bytes: &[u8]| {
    for decoder in DECODERS.iter() {
        let records = decoder.split(bytes, true);
        let values: Vec<Option<&[u8]>> = records.into_iter().map(|r| Some(&bytes[r])).collect();
        let decoded = decoder.decode(&values).expect("what does not decode is a reject");
        assert_eq!(decoded.rows.num_rows() + decoded.rejects.len(), values.len());
    }
});
