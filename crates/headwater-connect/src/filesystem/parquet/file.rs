//! One Parquet file: what it holds, and its rows by number.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use arrow::array::RecordBatch;
use arrow::compute;
use arrow::datatypes::{Field, SchemaRef};
use crc_fast::CrcAlgorithm::Crc64Nvme;
use headwater_flow::connector::Payload;
use headwater_flow::{Error, ErrorKind, Result};
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{
    ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReader,
    ParquetRecordBatchReaderBuilder, RowSelection, RowSelector,
};
use parquet::errors::ParquetError;

use super::conform::fits;
use crate::filesystem::file::{InputFile, Piece};
use crate::filesystem::listing;
use crate::filesystem::prefix::shorter;

/// The most rows of a chunk.
const CHUNK_ROWS: usize = 8_192;
/// How large a row is taken to be when the driver asks for bytes.
const ROW_BYTES: usize = 128;
/// Bytes that are hashed at a time.
const HASH_BYTES: usize = 1 << 20;

/// A Parquet file; a place in it is a row's number.
pub(in crate::filesystem) struct ParquetFile {
    path: PathBuf,
    metadata: ArrowReaderMetadata,
    /// The columns that are read.
    mask: ProjectionMask,
    rows: u64,
    /// The reader that reads on, and the row that it reads next.
    reading: Option<(u64, ParquetRecordBatchReader)>,
    groups: Vec<Group>,
}

/// A row group.
struct Group {
    /// Its first row.
    from: u64,
    /// Hash of the bytes of the columns that are read, once it is known.
    digest: Option<u64>,
}

impl ParquetFile {
    /// At most `count` rows from row `from` on, as the file has them; fewer only at the end of a batch.
    fn read(&mut self, from: u64, count: usize) -> Result<Option<RecordBatch>> {
        if from >= self.rows {
            return Ok(None);
        }
        let mut reader = match self.reading.take() {
            Some((next, reader)) if next == from => reader,
            _ => self.reader(from, count)?,
        };
        let batch = match reader.next() {
            Some(Ok(batch)) => batch,
            Some(Err(e)) => return Err(damaged(&self.path, e.into())),
            None => return Ok(None),
        };
        self.reading = Some((from + batch.num_rows() as u64, reader));
        let slice = batch.slice(0, batch.num_rows().min(count));
        if slice.num_rows() < batch.num_rows() {
            self.reading = None;
        }
        Ok(Some(slice))
    }

    fn reader(&self, from: u64, count: usize) -> Result<ParquetRecordBatchReader> {
        let (skip, select) = (from as usize, (self.rows - from) as usize);
        let selection =
            RowSelection::from(vec![RowSelector::skip(skip), RowSelector::select(select)]);
        let builder =
            ParquetRecordBatchReaderBuilder::new_with_metadata(self.file()?, self.metadata.clone());
        let builder = builder
            .with_projection(self.mask.clone())
            .with_batch_size(count)
            .with_row_selection(selection);
        builder.build().map_err(|e| damaged(&self.path, e))
    }

    fn file(&self) -> Result<File> {
        File::open(&self.path).map_err(|e| listing::failed(&self.path, e))
    }

    /// Hashes the groups that begin before row `to`, each once.
    fn hash_groups(&mut self, to: u64) -> Result<()> {
        for index in 0..self.groups.len() {
            if self.groups[index].from < to && self.groups[index].digest.is_none() {
                self.groups[index].digest = Some(self.hash_group(index)?);
            }
        }
        Ok(())
    }

    fn hash_group(&self, index: usize) -> Result<u64> {
        let file = self.file()?;
        let mut digest = crc_fast::Digest::new(Crc64Nvme);
        let mut buffer = vec![0; HASH_BYTES];
        let group = self.metadata.metadata().row_group(index);
        for (leaf, column) in group.columns().iter().enumerate() {
            if !self.mask.leaf_included(leaf) {
                continue;
            }
            let (mut at, length) = column.byte_range();
            let end = at + length;
            while at < end {
                let part = &mut buffer[..(end - at).min(HASH_BYTES as u64) as usize];
                let read = file.read_exact_at(part, at);
                read.map_err(|e| listing::failed(&self.path, e))?;
                digest.update(part);
                at += part.len() as u64;
            }
        }
        Ok(digest.finalize())
    }

    /// Folds the digests of the groups that `chosen` chooses by the rows from which on and before which they lie.
    fn fold(&self, digest: u64, chosen: impl Fn(u64, u64) -> bool) -> u64 {
        let ends = self.groups.iter().skip(1).map(|g| g.from);
        let ends = ends.chain([self.rows]);
        let groups = self.groups.iter().zip(ends);
        let groups = groups.filter(|(g, end)| chosen(g.from, *end));
        groups.fold(digest, |digest, (group, end)| {
            let known = group.digest.unwrap_or_default();
            let all = [digest, known, group.from, end].map(u64::to_le_bytes);
            crc_fast::checksum(Crc64Nvme, all.as_flattened())
        })
    }
}

fn piece(from: u64, rows: RecordBatch) -> Piece {
    Piece {
        to: from + rows.num_rows() as u64,
        payload: Payload::Rows(rows),
    }
}

impl InputFile for ParquetFile {
    type Reading = SchemaRef;

    fn open(path: PathBuf, schema: &SchemaRef) -> Result<Self> {
        let file = File::open(&path).map_err(|e| listing::failed(&path, e))?;
        let metadata = ArrowReaderMetadata::load(&file, ArrowReaderOptions::new())
            .map_err(|e| damaged(&path, e))?;
        let rows = metadata.metadata().file_metadata().num_rows().max(0) as u64;
        let whole = metadata.schema().fields().iter().enumerate();
        let mut roots = Vec::new();
        for (root, found) in whole {
            if let Ok(wanted) = schema.field_with_name(found.name()) {
                check_type(&path, found, wanted)?;
                roots.push(root);
            }
        }
        let mut from = 0;
        let groups = metadata.metadata().row_groups().iter().map(|group| {
            let begins = from;
            from += group.num_rows().max(0) as u64;
            Group {
                from: begins,
                digest: None,
            }
        });
        Ok(Self {
            groups: groups.collect(),
            mask: ProjectionMask::roots(metadata.parquet_schema(), roots),
            path,
            rows,
            reading: None,
            metadata,
        })
    }

    fn path(&self) -> &Path {
        &self.path
    }

    fn next(
        &mut self,
        from: u64,
        max_bytes: usize,
        _grows: bool,
        _schema: &SchemaRef,
    ) -> Result<Option<Piece>> {
        let count = (max_bytes / ROW_BYTES).clamp(1, CHUNK_ROWS);
        let rows = self.read(from, count)?;
        Ok(rows.map(|rows| piece(from, rows)))
    }

    fn again(&mut self, from: u64, to: u64, _schema: &SchemaRef) -> Result<Piece> {
        let mut parts = Vec::new();
        let mut at = from;
        while at < to {
            let count = usize::try_from(to - at).unwrap_or(usize::MAX);
            let Some(rows) = self.read(at, count.min(CHUNK_ROWS))? else {
                return Err(shorter(&self.path));
            };
            at += rows.num_rows() as u64;
            parts.push(rows);
        }
        let Some(first) = parts.first() else {
            return Err(Error::new(ErrorKind::Corrupt, "a recorded range is empty"));
        };
        let rows = compute::concat_batches(&first.schema(), &parts)?;
        Ok(piece(from, rows))
    }

    fn hash(&mut self, from: u64, piece: &Piece) -> Result<u64> {
        self.hash_groups(piece.to)?;
        Ok(self.fold(0, |begins, ends| begins < piece.to && ends > from))
    }

    fn extended(&self, digest: u64, from: u64, to: u64, _hash: u64) -> u64 {
        self.fold(digest, |begins, _| (from..to).contains(&begins))
    }

    fn digest(&mut self, to: u64) -> Result<u64> {
        if to > self.rows {
            return Err(shorter(&self.path));
        }
        self.hash_groups(to)?;
        Ok(self.fold(0, |begins, _| begins < to))
    }

    fn close(&mut self) {
        self.reading = None;
    }
}

/// Whether a column can be what the table says that it is.
fn check_type(path: &Path, found: &Field, wanted: &Field) -> Result<()> {
    let (name, found, wanted) = (wanted.name(), found.data_type(), wanted.data_type());
    if fits(found, wanted) {
        return Ok(());
    }
    let text = format!(
        "column '{name}' of '{}' has type {found}, not {wanted}",
        path.display()
    );
    Err(Error::new(ErrorKind::Invalid, text)
        .with_hint("declare the column with the type that it has"))
}

fn damaged(path: &Path, e: ParquetError) -> Error {
    let text = format!("'{}' is no sound parquet file", path.display());
    Error::new(ErrorKind::Corrupt, text).with_source(e)
}
