//! Snapshots of state: what is frozen, its bytes, and what is restored from them. Frozen state is written by another
//! thread while the pipeline goes on; later snapshots hold only the pages that changed and are laid over earlier ones.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, RecordBatch};
use arrow::datatypes::{Field, Schema};
use arrow_ipc::CompressionType;
use arrow_ipc::reader::StreamReader;
use arrow_ipc::writer::{IpcWriteOptions, StreamWriter};

use crate::error::{Error, ErrorKind, Result};

const MAGIC: &[u8; 4] = b"HWS1";

/// Part of an operator's state that snapshots hold.
pub trait StateColumn {
    /// Freezes the pages that changed since the last snapshot, or `all` pages, and adds them to `column`.
    fn freeze(&mut self, all: bool, column: &mut FrozenColumn);

    /// Takes the pages of a snapshot, ascending and without gaps.
    ///
    /// # Errors
    /// `Corrupt` if they are of another type.
    fn restore(&mut self, pages: &[(u32, ArrayRef)]) -> Result<()>;
}

/// Walks over the state columns of operators, giving each a path of names.
pub struct StateVisitor<'a> {
    path: String,
    visit: &'a mut dyn FnMut(&str, &mut dyn StateColumn) -> Result<()>,
}

impl<'a> StateVisitor<'a> {
    /// A visitor that calls `visit` for every column.
    pub fn new(visit: &'a mut dyn FnMut(&str, &mut dyn StateColumn) -> Result<()>) -> Self {
        Self {
            path: String::new(),
            visit,
        }
    }

    /// Visits a column; its name is unique in its scope and stays the same over versions.
    ///
    /// # Errors
    /// What the visit fails with.
    pub fn column(&mut self, name: &str, column: &mut dyn StateColumn) -> Result<()> {
        let path = format!("{}{name}", self.path);
        (self.visit)(&path, column)
    }

    /// Visits columns under a common prefix.
    ///
    /// # Errors
    /// What the visit fails with.
    pub fn scope(
        &mut self,
        name: impl fmt::Display,
        inner: impl FnOnce(&mut Self) -> Result<()>,
    ) -> Result<()> {
        let len = self.path.len();
        self.path = format!("{}{name}/", self.path);
        let done = inner(self);
        self.path.truncate(len);
        done
    }
}

/// A page that can become an array, on any thread.
pub(crate) trait EncodePage: Send + Sync {
    fn to_array(&self) -> Result<ArrayRef>;
}

/// The frozen pages of one column.
pub struct FrozenColumn {
    name: String,
    pages: Vec<(u32, Arc<dyn EncodePage>)>,
}

impl FrozenColumn {
    /// A column without pages.
    pub fn new(name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            pages: Vec::new(),
        }
    }

    pub(crate) fn push(&mut self, number: u32, page: Arc<dyn EncodePage>) {
        self.pages.push((number, page));
    }

    /// The number of pages.
    pub fn pages(&self) -> usize {
        self.pages.len()
    }

    /// The pages as arrays.
    ///
    /// # Errors
    /// `Unsupported` if a page is too large.
    pub fn arrays(&self) -> Result<Vec<(u32, ArrayRef)>> {
        let pages = self.pages.iter();
        pages.map(|(n, p)| Ok((*n, p.to_array()?))).collect()
    }
}

/// What changed in the state of a circuit since the last snapshot, or all of it.
#[derive(Default)]
pub struct FrozenState {
    columns: Vec<FrozenColumn>,
}

impl FrozenState {
    /// The bytes that its columns have in memory.
    ///
    /// # Errors
    /// `Unsupported` if a page is too large.
    pub fn memory_bytes(&self) -> Result<usize> {
        let columns = self.columns.iter().map(|column| {
            let pages = column.arrays()?.into_iter();
            Ok(pages
                .map(|(_, page)| page.get_array_memory_size())
                .sum::<usize>())
        });
        columns.sum()
    }

    /// Freezes what `walk` visits.
    ///
    /// # Errors
    /// What the walk fails with.
    pub fn freeze(
        all: bool,
        walk: impl FnOnce(&mut StateVisitor<'_>) -> Result<()>,
    ) -> Result<Self> {
        let mut columns = Vec::new();
        let mut visit = |name: &str, column: &mut dyn StateColumn| {
            let mut frozen = FrozenColumn::new(name);
            column.freeze(all, &mut frozen);
            if frozen.pages() > 0 {
                columns.push(frozen);
            }
            Ok(())
        };
        walk(&mut StateVisitor::new(&mut visit))?;
        Ok(Self { columns })
    }

    /// The number of pages in it.
    pub fn pages(&self) -> usize {
        self.columns.iter().map(FrozenColumn::pages).sum()
    }

    /// The bytes of the snapshot: per column its name, its page numbers and an Arrow IPC stream with one batch a page.
    ///
    /// # Errors
    /// `Unsupported` if a page is too large.
    pub fn encode(&self) -> Result<Vec<u8>> {
        let mut out = MAGIC.to_vec();
        put_u32(&mut out, self.columns.len());
        for column in &self.columns {
            put_u32(&mut out, column.name.len());
            out.extend_from_slice(column.name.as_bytes());
            put_u32(&mut out, column.pages.len());
            for (number, _) in &column.pages {
                out.extend_from_slice(&number.to_le_bytes());
            }
            let stream = encode_pages(column)?;
            out.extend_from_slice(&(stream.len() as u64).to_le_bytes());
            out.extend_from_slice(&stream);
        }
        Ok(out)
    }
}

fn put_u32(out: &mut Vec<u8>, value: usize) {
    out.extend_from_slice(&(value as u32).to_le_bytes());
}

fn encode_pages(column: &FrozenColumn) -> Result<Vec<u8>> {
    let mut writer: Option<StreamWriter<Vec<u8>>> = None;
    for (_, page) in &column.pages {
        let array = page.to_array()?;
        let field = Field::new("v", array.data_type().clone(), true);
        let schema = Arc::new(Schema::new(vec![field]));
        let batch = RecordBatch::try_new(Arc::clone(&schema), vec![array])?;
        let writer = match &mut writer {
            Some(writer) => writer,
            none => {
                let options = IpcWriteOptions::default()
                    .try_with_compression(Some(CompressionType::LZ4_FRAME))?;
                none.insert(StreamWriter::try_new_with_options(
                    Vec::new(),
                    &schema,
                    options,
                )?)
            }
        };
        writer.write(&batch)?;
    }
    match writer {
        Some(writer) => Ok(writer.into_inner()?),
        None => Ok(Vec::new()),
    }
}

/// The state that one or more snapshots hold, the later laid over the earlier.
#[derive(Debug, Default)]
pub struct SavedState {
    columns: BTreeMap<String, BTreeMap<u32, ArrayRef>>,
}

impl SavedState {
    /// Lays the bytes of a later snapshot over what is here.
    ///
    /// # Errors
    /// `Corrupt` if they are not a snapshot.
    pub fn overlay(&mut self, bytes: &[u8]) -> Result<()> {
        let mut rest = bytes;
        if take(&mut rest, 4)? != MAGIC {
            return Err(damaged("its first bytes are unknown"));
        }
        for _ in 0..take_u32(&mut rest)? {
            let len = take_u32(&mut rest)?;
            let name = std::str::from_utf8(take(&mut rest, len)?)
                .map_err(|_| damaged("a column's name is not text"))?;
            let count = take_u32(&mut rest)?;
            let mut numbers = Vec::new();
            for _ in 0..count {
                numbers.push(take_u32(&mut rest)? as u32);
            }
            let len = take(&mut rest, 8)?;
            let len = u64::from_le_bytes(len.try_into().map_err(|_| damaged("it ends early"))?);
            let stream = take(&mut rest, len as usize)?;
            self.overlay_column(name, &numbers, stream)?;
        }
        Ok(())
    }

    fn overlay_column(&mut self, name: &str, numbers: &[u32], stream: &[u8]) -> Result<()> {
        let column = self.columns.entry(name.to_owned()).or_default();
        let reader =
            StreamReader::try_new(stream, None).map_err(|e| damaged("a column").with_source(e))?;
        let mut read = 0;
        for (batch, number) in reader.zip(numbers) {
            let batch = batch.map_err(|e| damaged("a page").with_source(e))?;
            column.insert(*number, Arc::clone(batch.column(0)));
            read += 1;
        }
        if read != numbers.len() {
            return Err(damaged("a page is missing"));
        }
        Ok(())
    }

    /// Restores what `walk` visits. A column that the snapshots do not know becomes empty.
    ///
    /// # Errors
    /// `Corrupt` if a column does not fit or is unknown: another version wrote it; or if pages are missing.
    pub fn restore(&self, walk: impl FnOnce(&mut StateVisitor<'_>) -> Result<()>) -> Result<()> {
        let mut visited = BTreeSet::new();
        let mut visit = |name: &str, column: &mut dyn StateColumn| {
            visited.insert(name.to_owned());
            let pages: Vec<(u32, ArrayRef)> = match self.columns.get(name) {
                Some(pages) => pages.iter().map(|(n, a)| (*n, Arc::clone(a))).collect(),
                None => Vec::new(),
            };
            if pages.iter().enumerate().any(|(i, (n, _))| i != *n as usize) {
                return Err(damaged(&format!("column '{name}' has a gap")));
            }
            let restored = column.restore(&pages);
            restored.map_err(|e| other_layout(&format!("column '{name}': {e}")))
        };
        walk(&mut StateVisitor::new(&mut visit))?;
        let unknown = self.columns.keys().find(|name| !visited.contains(*name));
        match unknown {
            Some(name) => Err(other_layout(&format!("column '{name}' is unknown"))),
            None => Ok(()),
        }
    }
}

/// The error for state that is whole, but that this version does not know how to read.
pub(crate) fn other_layout(what: &str) -> Error {
    let text = format!("the stored state has another layout than this version reads: {what}");
    Error::new(ErrorKind::Corrupt, text).with_hint(
        "go on with the version that wrote it, or drop the view or job and create it again",
    )
}

fn damaged(what: &str) -> Error {
    Error::new(ErrorKind::Corrupt, format!("a snapshot is damaged: {what}"))
}

fn take<'a>(rest: &mut &'a [u8], len: usize) -> Result<&'a [u8]> {
    let (head, tail) = rest
        .split_at_checked(len)
        .ok_or_else(|| damaged("it ends early"))?;
    *rest = tail;
    Ok(head)
}

fn take_u32(rest: &mut &[u8]) -> Result<usize> {
    let bytes = take(rest, 4)?;
    let bytes = bytes.try_into().map_err(|_| damaged("it ends early"))?;
    Ok(u32::from_le_bytes(bytes) as usize)
}

#[cfg(test)]
mod tests;
