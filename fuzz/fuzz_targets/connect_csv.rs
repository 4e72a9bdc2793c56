//! Any bytes as a CSV file of a table with typed columns, in two dialects.

#![no_main]

use std::sync::{Arc, LazyLock};

use arrow::datatypes::{DataType, Field, Schema, TimeUnit};
use headwater_connect::CsvFormat;
use headwater_flow::connector::{Format, FormatRequest, Options, ValueDecoder};
use libfuzzer_sys::fuzz_target;

static DECODERS: LazyLock<[Arc<dyn ValueDecoder>; 2]> = LazyLock::new(|| {
    let dialect = [
        ("csv.escape-character", "\\"),
        ("csv.allow-comments", "true"),
        ("csv.header", "true"),
        ("csv.ignore-parse-errors", "true"),
        ("csv.null-literal", "NULL"),
    ];
    let dialect = dialect.map(|(k, v)| (k.to_owned(), v.to_owned()));
    [Options::default(), Options::new(dialect)].map(decoder)
});

fn decoder(options: Options) -> Arc<dyn ValueDecoder> {
    let item = Arc::new(Field::new_list_field(DataType::Int32, true));
    let schema = Arc::new(Schema::new(vec![
        Field::new("id", DataType::Int64, true),
        Field::new("name", DataType::Utf8, true),
        Field::new("price", DataType::Decimal128(38, 9), true),
        Field::new("at", DataType::Timestamp(TimeUnit::Millisecond, None), true),
        Field::new("numbers", DataType::List(item), true),
    ]));
    let request = FormatRequest {
        declared: Arc::clone(&schema),
        schema,
        options,
    };
    CsvFormat.decoder(&request).expect("CSV carries these types")
}

fuzz_target!(|bytes: &[u8]| {
    for decoder in DECODERS.iter() {
        let framed = decoder.frame(bytes);
        for (part, first) in [(&bytes[..framed], true), (&bytes[framed..], false)] {
            let records = decoder.split(part, first);
            let values: Vec<Option<&[u8]>> = records.into_iter().map(|r| Some(&part[r])).collect();
            let decoded = decoder.decode(&values).expect("what does not decode is a reject");
            assert_eq!(decoded.rows.num_rows() + decoded.rejects.len(), values.len());
        }
    }
});
