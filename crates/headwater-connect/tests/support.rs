//! What the tests share.

use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::{DataType, Field, Fields, Schema, SchemaRef, TimeUnit};
use headwater_connect::{PrintTarget, register_all};
use headwater_flow::ZBatch;
use headwater_flow::connector::{
    DecodedValues, FormatRequest, Options, Registry, ValueDecoder, ValueEncoder,
};

/// Options from pairs.
pub(crate) fn options(pairs: &[(&str, &str)]) -> Options {
    Options::new(
        pairs
            .iter()
            .map(|(k, v)| ((*k).to_owned(), (*v).to_owned())),
    )
}

/// A registry with everything, which prints nowhere.
pub(crate) fn registry() -> Registry {
    let mut registry = Registry::default();
    register_all(&mut registry, PrintTarget::new(std::io::sink()));
    registry
}

/// A nullable schema.
pub(crate) fn schema(fields: &[(&str, DataType)]) -> SchemaRef {
    Arc::new(Schema::new(fields_of(fields)))
}

/// Nullable fields.
pub(crate) fn fields_of(fields: &[(&str, DataType)]) -> Fields {
    let field = |(name, data_type): &(&str, DataType)| Field::new(*name, data_type.clone(), true);
    fields.iter().map(field).collect()
}

/// TIMESTAMP(3).
pub(crate) fn timestamp3() -> DataType {
    DataType::Timestamp(TimeUnit::Millisecond, None)
}

/// A decoder of a format.
pub(crate) fn decoder(
    format: &str,
    schema: &SchemaRef,
    pairs: &[(&str, &str)],
) -> Arc<dyn ValueDecoder> {
    let request = FormatRequest {
        schema: Arc::clone(schema),
        metadata: Vec::new(),
        is_keyed: false,
        declared: Arc::clone(schema),
        options: options(pairs),
    };
    registry()
        .format(format)
        .unwrap()
        .decoder(&request)
        .unwrap()
}

/// An encoder of a format.
pub(crate) fn encoder(
    format: &str,
    schema: &SchemaRef,
    pairs: &[(&str, &str)],
) -> Arc<dyn ValueEncoder> {
    let request = FormatRequest {
        schema: Arc::clone(schema),
        metadata: Vec::new(),
        is_keyed: false,
        declared: Arc::clone(schema),
        options: options(pairs),
    };
    registry()
        .format(format)
        .unwrap()
        .encoder(&request)
        .unwrap()
}

/// Decodes values, all of them present.
pub(crate) fn decode(decoder: &dyn ValueDecoder, values: &[&str]) -> DecodedValues {
    let values: Vec<Option<&[u8]>> = values.iter().map(|v| Some(v.as_bytes())).collect();
    decoder.decode(&values).unwrap()
}

/// The rows of a batch as the JSON encoder shows them.
pub(crate) fn show(rows: &RecordBatch) -> Vec<String> {
    let mut out = Vec::new();
    let mut ends = Vec::new();
    encoder("json", &rows.schema(), &[])
        .encode(&ZBatch::append_only(rows.clone()), &mut out, &mut ends)
        .unwrap();
    let mut start = 0;
    let cut = |end: usize| {
        let text = String::from_utf8(out[start..end].to_vec()).unwrap();
        start = end;
        text
    };
    ends.into_iter().map(cut).collect()
}
