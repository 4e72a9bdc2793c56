//! How rows lie in bytes. A format decodes single records (topics) or framed bytes (files) straight into Arrow,
//! only the columns that are asked for, and encodes rows.

use std::ops::Range as ByteRange;
use std::sync::Arc;

use arrow::array::{Int64Array, RecordBatch};
use arrow::datatypes::SchemaRef;

use super::options::{OptionSpec, Options};
use crate::batch::ZBatch;
use crate::error::Result;

/// What a decoder or encoder is made for.
#[derive(Debug, Clone)]
pub struct FormatRequest {
    /// The columns, nested ones pruned to the fields that are used.
    pub schema: SchemaRef,
    /// For each column of `schema` the metadata of the format that it is read from, `None` for a field of the record; may be
    /// empty if all are.
    pub metadata: Vec<Option<String>>,
    /// Whether the table has a primary key: a change needs not say what the row was before.
    pub is_keyed: bool,
    /// All fields of a record in declared order, unpruned: formats without names find columns by their places.
    pub declared: SchemaRef,
    /// The table's options; the format reads those under its own prefix.
    pub options: Options,
}

/// A kind of bytes: `json`, `csv`, …
pub trait Format: Send + Sync {
    /// Its name in `'format' = '…'`.
    fn name(&self) -> &'static str;

    /// The options that it reads, with their full names (`json.ignore-parse-errors`).
    fn options(&self) -> &'static [OptionSpec];

    /// A decoder.
    ///
    /// # Errors
    /// `Invalid` if a column has a type that the format cannot carry.
    fn decoder(&self, request: &FormatRequest) -> Result<Arc<dyn ValueDecoder>>;

    /// A decoder of keys, where these lie otherwise than values.
    ///
    /// # Errors
    /// As [`Format::decoder`].
    fn key_decoder(&self, request: &FormatRequest) -> Result<Arc<dyn ValueDecoder>> {
        self.decoder(request)
    }

    /// An encoder.
    ///
    /// # Errors
    /// As [`Format::decoder`].
    fn encoder(&self, request: &FormatRequest) -> Result<Arc<dyn ValueEncoder>>;

    /// An encoder of keys, where these are written otherwise than values.
    ///
    /// # Errors
    /// As [`Format::decoder`].
    fn key_encoder(&self, request: &FormatRequest) -> Result<Arc<dyn ValueEncoder>> {
        self.encoder(request)
    }

    /// The columns found in sample values, for tables without DDL.
    ///
    /// # Errors
    /// `Invalid` if the sample is not of this format.
    fn infer(&self, sample: &[&[u8]]) -> Result<SchemaRef>;
}

/// Whether the values of a table with these options say how rows changed, so that a record may be several rows, or none.
pub fn is_changelog(options: &Options) -> bool {
    let format = options.get("value.format").or(options.get("format"));
    let format = format.unwrap_or_default();
    let kinds = ["debezium-", "maxwell-", "canal-"];
    kinds.iter().any(|kind| format.starts_with(kind))
}

/// Decodes values. Pure and shared by threads.
pub trait ValueDecoder: Send + Sync {
    /// Decodes one record a value. `None` values (tombstones) become rejects unless the format knows them.
    ///
    /// # Errors
    /// `Bug` only: what does not decode is a [`ValueReject`].
    fn decode(&self, values: &[Option<&[u8]>]) -> Result<DecodedValues>;

    /// Cuts framed bytes of a file into records (for line formats: the lines, without their ends).
    /// `first` says that `bytes` is the beginning of the file (a CSV header is skipped there).
    fn split(&self, bytes: &[u8], first: bool) -> Vec<ByteRange<usize>>;

    /// The length of the longest prefix of `bytes` that ends at a record's end; 0 if there is none.
    fn frame(&self, bytes: &[u8]) -> usize;
}

/// What a [`ValueDecoder`] made.
#[derive(Debug)]
pub struct DecodedValues {
    /// The rows, in the order of the values.
    pub rows: RecordBatch,
    /// Weights of changelog formats; `None`: all +1.
    pub weights: Option<Int64Array>,
    /// For each row the index of its value; `None`: row `i` is value `i`.
    pub sources: Option<Vec<u32>>,
    /// What did not decode.
    pub rejects: Vec<ValueReject>,
}

/// A value that did not decode.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ValueReject {
    /// Its index among the values.
    pub index: u32,
    /// Why, in a sentence without the record's values.
    pub reason: String,
}

/// Encodes rows.
pub trait ValueEncoder: Send + Sync {
    /// Appends one encoded value a row to `out` and its end to `ends`. Of weights a changelog format tells by their
    /// signs whether a row came or went; how often is the caller's affair.
    ///
    /// # Errors
    /// `Invalid` if a value cannot be carried.
    fn encode(&self, rows: &ZBatch, out: &mut Vec<u8>, ends: &mut Vec<usize>) -> Result<()>;
}
