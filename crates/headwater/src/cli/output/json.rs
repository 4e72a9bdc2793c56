//! Rows as JSON objects: every column present, decimals exact, times in RFC 3339, JSON as it is.

use std::sync::Arc;

use arrow::array::{Array, RecordBatch, StringArray};
use arrow::datatypes::FieldRef;
use arrow::error::ArrowError;
use arrow::json::WriterBuilder;
use arrow::json::writer::{
    Encoder, EncoderFactory, EncoderOptions, LineDelimited, NullableEncoder,
};

use crate::cli::exit::{Failure, Outcome};

/// One object a row, without line ends.
pub(super) fn lines(batch: &RecordBatch) -> Outcome<Vec<Vec<u8>>> {
    let builder = WriterBuilder::new()
        .with_explicit_nulls(true)
        .with_encoder_factory(Arc::new(AsItIs));
    let mut writer = builder.build::<_, LineDelimited>(Vec::new());
    let wrong = |e: ArrowError| Failure::failed(format!("cannot write rows as JSON: {e}"));
    writer.write(batch).map_err(wrong)?;
    writer.finish().map_err(wrong)?;
    let text = writer.into_inner();
    let lines = text.split(|b| *b == b'\n').filter(|l| !l.is_empty());
    Ok(lines.map(<[u8]>::to_vec).collect())
}

/// Writes columns that hold JSON as text (Arrow's extension type `arrow.json`) as they are.
#[derive(Debug)]
struct AsItIs;

impl EncoderFactory for AsItIs {
    fn make_default_encoder<'a>(
        &self,
        field: &'a FieldRef,
        array: &'a dyn Array,
        _: &'a EncoderOptions,
    ) -> Result<Option<NullableEncoder<'a>>, ArrowError> {
        let is_json = field.extension_type_name() == Some("arrow.json");
        let Some(texts) = array.as_any().downcast_ref::<StringArray>() else {
            return Ok(None);
        };
        let encoder = || NullableEncoder::new(Box::new(Raw(texts)), texts.nulls().cloned());
        Ok(is_json.then(encoder))
    }
}

struct Raw<'a>(&'a StringArray);

impl Encoder for Raw<'_> {
    fn encode(&mut self, row: usize, out: &mut Vec<u8>) {
        // Line ends stand only between the parts of JSON, never in them.
        let bytes = self.0.value(row).bytes();
        out.extend(bytes.map(|b| if matches!(b, b'\n' | b'\r') { b' ' } else { b }));
    }
}
