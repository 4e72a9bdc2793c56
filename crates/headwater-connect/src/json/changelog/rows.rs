//! Rows with weights under construction: a record gives none, one or many, or is taken back whole.

use std::sync::Arc;

use arrow::array::{ArrayRef, Int64Array, RecordBatch, RecordBatchOptions};
use arrow::datatypes::SchemaRef;
use headwater_flow::connector::{DecodedValues, ValueReject};
use headwater_flow::{Error, ErrorKind, Result};

use super::super::fault::{Fault, Parsed};
use super::super::reader::{Reader, Strictness};
use super::metadata::Metadata;
use crate::column::{StructColumn, StructShape};

/// What the rows of a table are made of.
#[derive(Debug)]
pub(super) struct Columns {
    /// All columns, in order.
    pub(super) schema: SchemaRef,
    /// Those that lie in the row itself.
    pub(super) fields: (SchemaRef, Arc<StructShape>),
    /// Those about the change.
    pub(super) about: (SchemaRef, Arc<StructShape>),
    /// What these are.
    pub(super) metadata: Vec<Metadata>,
    /// For each column whether it is about the change.
    pub(super) is_about: Vec<bool>,
}

/// The rows of a batch of records.
pub(super) struct Rows<'a> {
    of: &'a Columns,
    fields: StructColumn,
    about: StructColumn,
    weights: Vec<i64>,
    sources: Vec<u32>,
    rejects: Vec<ValueReject>,
    scratch: Vec<u8>,
    /// How the record's rows are read.
    pub(super) strictness: Strictness,
    /// The record that rows come from now, and its envelope.
    source: u32,
    envelope: &'a [u8],
}

impl<'a> Rows<'a> {
    /// None yet, with room for `capacity`.
    pub(super) fn new(of: &'a Columns, strictness: Strictness, capacity: usize) -> Self {
        Self {
            of,
            fields: StructColumn::new(&of.fields.1, capacity),
            about: StructColumn::new(&of.about.1, 0),
            weights: Vec::with_capacity(capacity),
            sources: Vec::with_capacity(capacity),
            rejects: Vec::new(),
            scratch: Vec::new(),
            strictness,
            source: 0,
            envelope: &[],
        }
    }

    /// Takes the rows that `read` finds in record `source`, all or, with a reject, none.
    pub(super) fn record(
        &mut self,
        source: u32,
        bytes: &'a [u8],
        read: impl FnOnce(&mut Self) -> Parsed<()>,
    ) {
        (self.source, self.envelope) = (source, bytes);
        let (before, strictness) = (self.weights.len(), self.strictness);
        if let Err(fault) = read(self) {
            self.fields.truncate(before);
            self.about.truncate(before);
            self.weights.truncate(before);
            self.sources.truncate(before);
            self.rejects.push(ValueReject {
                index: source,
                reason: fault.sentence(),
            });
        }
        self.strictness = strictness;
    }

    /// The envelope that metadata are in, if it is not the whole record.
    pub(super) fn within(&mut self, envelope: &'a [u8]) {
        self.envelope = envelope;
    }

    /// A row, as the objects `parts` say one after the other.
    pub(super) fn push(&mut self, weight: i64, parts: &[&[u8]]) -> Parsed<()> {
        let row = self.weights.len();
        for part in parts {
            Reader::new(part, &mut self.scratch, self.strictness).record(&mut self.fields, row)?;
        }
        for (metadata, column) in self.of.metadata.iter().zip(&mut self.about.fields) {
            metadata.read(self.envelope, column, row)?;
        }
        self.weights.push(weight);
        self.sources.push(self.source);
        Ok(())
    }

    /// What was made of the records.
    ///
    /// # Errors
    /// `Bug` if columns do not fit.
    pub(super) fn finish(self) -> Result<DecodedValues> {
        let (of, count) = (self.of, self.weights.len());
        let finish = |columns: StructColumn, schema: &SchemaRef| {
            columns.finish(schema, count).map_err(|e| {
                Error::new(ErrorKind::Bug, "decoded columns do not fit").with_source(e)
            })
        };
        let fields = finish(self.fields, &of.fields.0)?;
        let rows = match of.metadata.is_empty() {
            true => fields,
            false => woven(of, &fields, &finish(self.about, &of.about.0)?, count)?,
        };
        Ok(DecodedValues {
            rows,
            weights: Some(Int64Array::from(self.weights)),
            sources: Some(self.sources),
            rejects: self.rejects,
        })
    }
}

/// Both kinds of columns, in order.
fn woven(
    of: &Columns,
    fields: &RecordBatch,
    about: &RecordBatch,
    count: usize,
) -> Result<RecordBatch> {
    let (mut fields, mut about) = (fields.columns().iter(), about.columns().iter());
    let next = |is_about: &bool| match is_about {
        true => about.next().cloned(),
        false => fields.next().cloned(),
    };
    let columns: Vec<ArrayRef> = of.is_about.iter().filter_map(next).collect();
    let options = RecordBatchOptions::new().with_row_count(Some(count));
    Ok(RecordBatch::try_new_with_options(
        Arc::clone(&of.schema),
        columns,
        &options,
    )?)
}

/// A record that cannot be a change.
pub(super) fn wrong<T>(reason: &'static str) -> Parsed<T> {
    Err(Fault::syntax(reason))
}
