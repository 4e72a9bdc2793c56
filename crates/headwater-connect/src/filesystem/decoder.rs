//! Chunks of files into rows: the format decodes the records, the columns about the file itself are added.

use std::path::Path;
use std::sync::{Arc, PoisonError, RwLock};

use arrow::array::{
    ArrayRef, Int64Array, RecordBatch, RecordBatchOptions, StringArray, UInt64Array,
};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use bytes::Bytes;
use headwater_flow::connector::{
    Chunk, Decoded, Decoder, Offsets, OriginalRecord, Payload, Reject, SourceRequest, ValueDecoder,
};
use headwater_flow::plan::type_name;
use headwater_flow::{Error, ErrorKind, Result};

/// The paths of the partitions, shared by the source and its decoder.
#[derive(Debug, Clone, Default)]
pub(super) struct FileNames(Arc<RwLock<Vec<String>>>);

impl FileNames {
    /// Adds the next partition's path.
    pub(super) fn push(&self, path: &Path) {
        let mut names = self.0.write().unwrap_or_else(PoisonError::into_inner);
        names.push(path.display().to_string());
    }

    /// Forgets them.
    pub(super) fn clear(&self) {
        let mut names = self.0.write().unwrap_or_else(PoisonError::into_inner);
        names.clear();
    }

    fn get(&self, partition: u32) -> String {
        let names = self.0.read().unwrap_or_else(PoisonError::into_inner);
        names.get(partition as usize).cloned().unwrap_or_default()
    }
}

/// What a metadata column of a file is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum FileColumn {
    /// The next column of the format.
    Physical,
    /// `file.path`.
    Path,
    /// `file.name`.
    Name,
    /// `offset`: where the record begins.
    Offset,
}

impl FileColumn {
    /// The metadata called `key`, for a column.
    ///
    /// # Errors
    /// `Invalid` if files have no such metadata, or if the column has another type.
    pub(super) fn of_metadata(key: &str, column: &Field) -> Result<Self> {
        let (metadata, data_type) = match key {
            "file.path" => (Self::Path, DataType::Utf8),
            "file.name" => (Self::Name, DataType::Utf8),
            "offset" => (Self::Offset, DataType::Int64),
            other => return Err(unknown_key(other)),
        };
        if column.data_type() == &data_type {
            return Ok(metadata);
        }
        let text = format!(
            "metadata column '{}' must have type {}",
            column.name(),
            type_name(&data_type)
        );
        Err(Error::new(ErrorKind::Invalid, text))
    }
}

/// Decodes chunks of files.
pub(super) struct FileDecoder {
    schema: SchemaRef,
    columns: Vec<FileColumn>,
    values: Arc<dyn ValueDecoder>,
    names: FileNames,
}

/// The columns of a request that the format decodes.
pub(super) fn physical(request: &SourceRequest) -> SchemaRef {
    let fields = request.schema.fields().iter().zip(&request.metadata);
    let fields = fields
        .filter(|(_, m)| m.is_none())
        .map(|(f, _)| Arc::clone(f));
    Arc::new(Schema::new(fields.collect::<Vec<_>>()))
}

impl FileDecoder {
    /// A decoder for `request` over the format's.
    ///
    /// # Errors
    /// `Invalid` for a metadata key that files do not have.
    pub(super) fn new(request: &SourceRequest, values: Arc<dyn ValueDecoder>) -> Result<Self> {
        let fields = request.schema.fields().iter().zip(&request.metadata);
        let column = |(field, key): (&Arc<Field>, &Option<String>)| match key {
            None => Ok(FileColumn::Physical),
            Some(key) => FileColumn::of_metadata(key, field),
        };
        Ok(Self {
            schema: Arc::clone(&request.schema),
            columns: fields.map(column).collect::<Result<_>>()?,
            values,
            names: FileNames::default(),
        })
    }

    /// The names of the partitions.
    pub(super) fn names(&self) -> FileNames {
        self.names.clone()
    }

    fn complete(
        &self,
        partition: u32,
        rows: &RecordBatch,
        offsets: &UInt64Array,
    ) -> Result<RecordBatch> {
        if self.columns.iter().all(|c| *c == FileColumn::Physical) {
            return Ok(rows.clone());
        }
        let path = self.names.get(partition);
        let count = rows.num_rows();
        let text = |s: &str| Arc::new(StringArray::from_iter_values(std::iter::repeat_n(s, count)));
        let mut physical = rows.columns().iter();
        let mut columns: Vec<ArrayRef> = Vec::with_capacity(self.columns.len());
        for column in &self.columns {
            columns.push(match column {
                FileColumn::Physical => Arc::clone(
                    physical
                        .next()
                        .ok_or_else(|| Error::new(ErrorKind::Bug, "the format lost a column"))?,
                ),
                FileColumn::Path => text(&path),
                FileColumn::Name => text(path.rsplit('/').next().unwrap_or(&path)),
                FileColumn::Offset => Arc::new(
                    offsets
                        .values()
                        .iter()
                        .map(|o| *o as i64)
                        .collect::<Int64Array>(),
                ),
            });
        }
        let options = RecordBatchOptions::new().with_row_count(Some(count));
        Ok(RecordBatch::try_new_with_options(
            Arc::clone(&self.schema),
            columns,
            &options,
        )?)
    }
}

fn unknown_key(key: &str) -> Error {
    Error::new(
        ErrorKind::Invalid,
        format!("files have no metadata '{key}'"),
    )
    .with_hint("they have file.path, file.name and offset")
}

fn bytes(chunk: &Chunk) -> Result<&Bytes> {
    match &chunk.payload {
        Payload::Bytes(bytes) => Ok(bytes),
        _ => Err(Error::new(ErrorKind::Bug, "a file's chunk without bytes")),
    }
}

impl Decoder for FileDecoder {
    fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
    }

    fn decode(&self, chunk: &Chunk) -> Result<Decoded> {
        let bytes = bytes(chunk)?;
        let from = chunk.range.from;
        let records = self.values.split(bytes, from == 0);
        let values: Vec<Option<&[u8]>> = records.iter().map(|r| Some(&bytes[r.clone()])).collect();
        let decoded = self.values.decode(&values)?;
        let start = |i: usize| from + records[i].start as u64;
        let offsets: UInt64Array = match &decoded.sources {
            None => (0..decoded.rows.num_rows()).map(start).collect(),
            Some(sources) => sources.iter().map(|s| start(*s as usize)).collect(),
        };
        let rejects = decoded.rejects.into_iter().map(|r| Reject {
            offset: start(r.index as usize),
            reason: r.reason,
        });
        Ok(Decoded {
            rows: self.complete(chunk.range.partition, &decoded.rows, &offsets)?,
            weights: decoded.weights,
            offsets: Offsets::Each(offsets),
            rejects: rejects.collect(),
        })
    }

    fn original(&self, chunk: &Chunk, offset: u64) -> Option<OriginalRecord> {
        let bytes = bytes(chunk).ok()?;
        let at = usize::try_from(offset.checked_sub(chunk.range.from)?).ok()?;
        let rest = bytes.get(at..)?;
        let record = self.values.split(rest, offset == 0).into_iter().next()?;
        Some(OriginalRecord {
            key: None,
            value: Some(bytes.slice(at + record.start..at + record.end)),
            headers: Vec::new(),
        })
    }
}
