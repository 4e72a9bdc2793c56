//! What the decoders of all envelopes share.

use std::ops::Range;
use std::sync::Arc;

use arrow::datatypes::{FieldRef, Schema, SchemaRef};
use headwater_flow::connector::{DecodedValues, Format, FormatRequest, ValueDecoder};
use headwater_flow::{Error, ErrorKind, Result};

use super::super::fault::Parsed;
use super::super::infer;
use super::super::reader::{Dialect, Strictness};
use super::metadata::Metadata;
use super::rows::{Columns, Rows};
use crate::column::StructShape;
use crate::lines;

/// Takes the records of one format apart.
pub(super) trait Envelope: Send + Sync {
    /// Adds the rows of a record.
    fn read<'a>(&self, record: &'a [u8], rows: &mut Rows<'a>) -> Parsed<()>;
}

/// A decoder of records in envelopes.
pub(super) struct ChangelogDecoder<E> {
    columns: Columns,
    strictness: Strictness,
    envelope: E,
}

impl<E: Envelope + 'static> ChangelogDecoder<E> {
    /// A decoder of `format`, whose metadata are `known`.
    ///
    /// # Errors
    /// `Unsupported` for a column type that JSON cannot carry; `Invalid` for wrong options or metadata.
    pub(super) fn of(
        request: &FormatRequest,
        format: &dyn Format,
        known: &[Metadata],
        dialect: Dialect,
        envelope: E,
    ) -> Result<Arc<dyn ValueDecoder>> {
        let lenient = format!("{}.ignore-parse-errors", format.name());
        Ok(Arc::new(Self {
            columns: columns(request, format.name(), known)?,
            strictness: Strictness {
                is_lenient: request.options.flag(&lenient, false)?,
                needs_all: false,
                dialect,
            },
            envelope,
        }))
    }
}

fn columns(request: &FormatRequest, format: &str, known: &[Metadata]) -> Result<Columns> {
    let (mut fields, mut about) = (Vec::<FieldRef>::new(), Vec::<FieldRef>::new());
    let (mut metadata, mut is_about) = (Vec::new(), Vec::new());
    for (place, field) in request.schema.fields().iter().enumerate() {
        let key = request.metadata.get(place).and_then(Option::as_deref);
        is_about.push(key.is_some());
        match key {
            Some(key) => {
                metadata.push(Metadata::find(known, format, key, field)?);
                about.push(Arc::clone(field));
            }
            None => fields.push(Arc::clone(field)),
        }
    }
    if !metadata.is_empty() && !request.is_keyed {
        // The row that a deletion takes away came with other metadata than the deletion.
        let text = format!("metadata of format '{format}' need a table with a primary key");
        let hint = "add PRIMARY KEY (…) NOT ENFORCED";
        return Err(Error::new(ErrorKind::Invalid, text).with_hint(hint));
    }
    let part = |fields: Vec<FieldRef>| -> Result<(SchemaRef, Arc<StructShape>)> {
        let schema: SchemaRef = Arc::new(Schema::new(fields));
        let shape = Arc::new(StructShape::new(schema.fields(), 0)?);
        Ok((schema, shape))
    };
    Ok(Columns {
        schema: Arc::clone(&request.schema),
        fields: part(fields)?,
        about: part(about)?,
        metadata,
        is_about,
    })
}

impl<E: Envelope> ValueDecoder for ChangelogDecoder<E> {
    fn decode(&self, values: &[Option<&[u8]>]) -> Result<DecodedValues> {
        let mut rows = Rows::new(&self.columns, self.strictness, values.len());
        for (index, value) in values.iter().enumerate() {
            // A tombstone follows the deletion that says the same.
            if let Some(record) = value {
                rows.record(index as u32, record, |rows| {
                    self.envelope.read(record, rows)
                });
            }
        }
        rows.finish()
    }

    fn split(&self, bytes: &[u8], first: bool) -> Vec<Range<usize>> {
        lines::split(bytes, first)
    }

    fn frame(&self, bytes: &[u8]) -> usize {
        lines::frame(bytes)
    }
}

/// The columns of the rows that `of` finds in sample values.
///
/// # Errors
/// `Invalid` if there are none.
pub(super) fn infer<'a>(
    sample: &[&'a [u8]],
    of: impl Fn(&'a [u8]) -> Parsed<Vec<&'a [u8]>>,
) -> Result<SchemaRef> {
    let rows = sample.iter().filter_map(|record| of(record).ok()).flatten();
    infer::schema(&rows.collect::<Vec<_>>())
}
