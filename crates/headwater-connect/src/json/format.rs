//! `'format' = 'json'`.

use std::sync::Arc;

use arrow::datatypes::SchemaRef;
use headwater_flow::Result;
use headwater_flow::connector::{Format, FormatRequest, OptionSpec, ValueDecoder, ValueEncoder};

use super::decoder::JsonDecoder;
use super::encoder::JsonEncoder;
use super::infer;

/// The `json` format.
#[derive(Debug, Default)]
pub struct JsonFormat;

const OPTIONS: &[OptionSpec] = &[
    OptionSpec {
        name: "json.fail-on-missing-field",
        help: "Reject records that lack a column (default false: it is null).",
        required: false,
    },
    OptionSpec {
        name: "json.ignore-parse-errors",
        help: "Make fields null that do not fit their column (default false: the record is rejected).",
        required: false,
    },
    OptionSpec {
        name: "json.timestamp-format.standard",
        help: "How timestamps are written: SQL (default) or ISO-8601; both are always read.",
        required: false,
    },
    OptionSpec {
        name: "json.encode.decimal-as-plain-number",
        help: "Accepted; decimals are always written as plain numbers.",
        required: false,
    },
    OptionSpec {
        name: "json.encode.ignore-null-fields",
        help: "Leave null fields out when writing (default false).",
        required: false,
    },
    OptionSpec {
        name: "json.map-null-key.mode",
        help: "Accepted for compatibility; maps with null keys are refused (FAIL).",
        required: false,
    },
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
