//! `'format' = 'json'`.

use std::sync::Arc;

use arrow::datatypes::SchemaRef;
use headwater_flow::Result;
use headwater_flow::connector::{
    Format, FormatRequest, OptionKind, OptionSpec, ValueDecoder, ValueEncoder,
};

use super::decoder::JsonDecoder;
use super::encoder::JsonEncoder;
use super::infer;

/// The `json` format.
#[derive(Debug, Default)]
pub struct JsonFormat;

const OPTIONS: &[OptionSpec] = &[
    OptionSpec::new(
        "json.fail-on-missing-field",
        OptionKind::Flag,
        "A record that lacks a column is kept in `$errors` (default false: the column is null).",
    ),
    OptionSpec::new(
        "json.ignore-parse-errors",
        OptionKind::Flag,
        "Fields that do not fit their column become null (default false: the record is kept in `$errors`).",
    ),
    OptionSpec::new(
        "json.timestamp-format.standard",
        OptionKind::OneOf(&["SQL", "ISO-8601"]),
        "How timestamps are written (default SQL); both are always read.",
    ),
    OptionSpec::new(
        "json.encode.decimal-as-plain-number",
        OptionKind::OneOf(&["true"]),
        "Decimals are always written as plain numbers.",
    ),
    OptionSpec::new(
        "json.encode.ignore-null-fields",
        OptionKind::Flag,
        "Leave null fields out when writing (default false).",
    ),
    OptionSpec::new(
        "json.map-null-key.mode",
        OptionKind::OneOf(&["FAIL", "DROP", "LITERAL"]),
        "Without effect: the keys of maps are never null.",
    ),
    OptionSpec::new(
        "json.map-null-key.literal",
        OptionKind::Text,
        "Without effect: the keys of maps are never null.",
    ),
];

impl Format for JsonFormat {
    fn name(&self) -> &'static str {
        "json"
    }

    fn options(&self) -> &'static [OptionSpec] {
        OPTIONS
    }

    fn decoder(&self, request: &FormatRequest) -> Result<Arc<dyn ValueDecoder>> {
        Ok(Arc::new(JsonDecoder::new(request)?))
    }

    fn encoder(&self, request: &FormatRequest) -> Result<Arc<dyn ValueEncoder>> {
        Ok(Arc::new(JsonEncoder::new(request)?))
    }

    fn infer(&self, sample: &[&[u8]]) -> Result<SchemaRef> {
        infer::schema(sample)
    }
}
