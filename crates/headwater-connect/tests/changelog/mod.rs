//! The formats of Debezium, Maxwell and Canal: what the records of a topic add up to is what the table is.

mod debezium;
mod envelopes;
mod properties;
mod written;

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::datatypes::SchemaRef;
use headwater_flow::Result;
use headwater_flow::connector::{DecodedValues, FormatRequest, ValueDecoder};

use crate::support::{options, registry, show};

/// A request for a table with a primary key or without.
pub(super) fn request(
    schema: &SchemaRef,
    is_keyed: bool,
    metadata: &[Option<&str>],
    pairs: &[(&str, &str)],
) -> FormatRequest {
    FormatRequest {
        schema: Arc::clone(schema),
        metadata: metadata.iter().map(|m| m.map(str::to_owned)).collect(),
        is_keyed,
        declared: Arc::clone(schema),
        options: options(pairs),
    }
}

/// A decoder for columns that lie in the rows.
pub(super) fn decoder(
    format: &str,
    schema: &SchemaRef,
    is_keyed: bool,
    pairs: &[(&str, &str)],
) -> Arc<dyn ValueDecoder> {
    try_decoder(format, &request(schema, is_keyed, &[], pairs)).unwrap()
}

pub(super) fn try_decoder(format: &str, request: &FormatRequest) -> Result<Arc<dyn ValueDecoder>> {
    registry().format(format).unwrap().decoder(request)
}

/// Decodes records, of which some are tombstones.
pub(super) fn decode<T: AsRef<[u8]>>(
    decoder: &dyn ValueDecoder,
    values: &[Option<T>],
) -> DecodedValues {
    let values: Vec<Option<&[u8]>> = values.iter().map(|v| v.as_ref().map(T::as_ref)).collect();
    decoder.decode(&values).unwrap()
}

/// Rows with their weights.
pub(super) fn weighted(decoded: &DecodedValues) -> Vec<(i64, String)> {
    let weights = decoded.weights.as_ref().unwrap();
    weights
        .values()
        .iter()
        .copied()
        .zip(show(&decoded.rows))
        .collect()
}

/// The reasons why records were rejected, by their places.
pub(super) fn rejected(decoded: &DecodedValues) -> Vec<(u32, &str)> {
    let reasons = decoded.rejects.iter();
    reasons.map(|r| (r.index, r.reason.as_str())).collect()
}

/// What a table with the primary key `id` is after these records.
pub(super) fn table(decoded: &DecodedValues) -> Vec<String> {
    let mut table = BTreeMap::new();
    for (weight, row) in weighted(decoded) {
        let value: serde_json::Value = serde_json::from_str(&row).unwrap();
        let key = value["id"].as_i64().unwrap();
        match weight {
            1 => drop(table.insert(key, row)),
            _ => drop(table.remove(&key)),
        }
    }
    table.into_values().collect()
}

/// What a table without a key is.
pub(super) fn sum(decoded: &DecodedValues) -> BTreeMap<String, i64> {
    let mut sum = BTreeMap::new();
    for (weight, row) in weighted(decoded) {
        *sum.entry(row).or_insert(0) += weight;
    }
    sum.retain(|_, weight| *weight != 0);
    sum
}
