//! What Maxwell and Canal have in common: the row lies beside what became of it, and an update has what changed of it
//! in `old`. What they call things is in their [`Words`].

use std::sync::Arc;

use arrow::datatypes::SchemaRef;
use headwater_flow::Result;
use headwater_flow::connector::{Format, FormatRequest, OptionSpec, ValueDecoder, ValueEncoder};

use super::super::decoder::JsonDecoder;
use super::super::fault::Parsed;
use super::super::members::{elements, is_null, members, text};
use super::super::reader::Dialect;
use super::decoder::{ChangelogDecoder, Envelope, infer};
use super::encoder::{ChangelogEncoder, Frames, key_encoder};
use super::included::Included;
use super::metadata::Metadata;
use super::rows::{Rows, wrong};

/// What a format calls things.
pub(super) struct Words {
    pub(super) name: &'static str,
    pub(super) options: &'static [OptionSpec],
    pub(super) metadata: &'static [Metadata],
    /// What became of rows, by `type`; a star stands for what may follow.
    pub(super) types: &'static [(&'static [u8], Became)],
    /// What is said of a record that has none of these.
    pub(super) no_change: &'static str,
    /// Whether `data` and `old` are arrays of rows.
    pub(super) has_many: bool,
    pub(super) frames: Frames,
}

/// What a record says of rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Became {
    Inserted,
    Updated,
    Deleted,
    /// All are gone.
    Emptied,
    /// Nothing: it is about a definition, or marks a place.
    Nothing,
}

/// A format whose records have the row beside what became of it.
#[derive(Clone, Copy)]
pub struct FlatJsonFormat(pub(super) &'static Words);

impl std::fmt::Debug for FlatJsonFormat {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("FlatJsonFormat").field(&self.0.name).finish()
    }
}

impl Format for FlatJsonFormat {
    fn name(&self) -> &'static str {
        self.0.name
    }

    fn options(&self) -> &'static [OptionSpec] {
        self.0.options
    }

    fn decoder(&self, request: &FormatRequest) -> Result<Arc<dyn ValueDecoder>> {
        let envelope = Flat {
            words: self.0,
            included: Included::new(&request.options, self.0.name)?,
            is_keyed: request.is_keyed,
        };
        ChangelogDecoder::of(request, self, self.0.metadata, Dialect::default(), envelope)
    }

    fn key_decoder(&self, request: &FormatRequest) -> Result<Arc<dyn ValueDecoder>> {
        Ok(Arc::new(JsonDecoder::new(request)?))
    }

    fn encoder(&self, request: &FormatRequest) -> Result<Arc<dyn ValueEncoder>> {
        ChangelogEncoder::of(request, self.0.name, self.0.frames)
    }

    fn key_encoder(&self, request: &FormatRequest) -> Result<Arc<dyn ValueEncoder>> {
        key_encoder(request, self.0.name)
    }

    fn infer(&self, sample: &[&[u8]]) -> Result<SchemaRef> {
        infer(sample, |record| {
            let [data] = members(record, ["data"])?;
            rows_of(data.map(|d| &record[d]), self.0.has_many)
        })
    }
}

struct Flat {
    words: &'static Words,
    included: Included,
    is_keyed: bool,
}

impl Envelope for Flat {
    fn read<'a>(&self, record: &'a [u8], rows: &mut Rows<'a>) -> Parsed<()> {
        let names = ["database", "table", "type", "isDdl", "data", "old"];
        let [database, table, kind, is_ddl, data, old] =
            members(record, names)?.map(|place| place.map(|p| &record[p]));
        if !self.included.has(database, table) {
            return Ok(());
        }
        let rows_of = |value| rows_of(value, self.words.has_many);
        let data = || match data {
            Some(data) if self.words.has_many || !is_null(data) => rows_of(Some(data)),
            _ => wrong("a change without 'data'"),
        };
        match self.became(kind.and_then(text)) {
            Some(Became::Inserted) => data()?.iter().try_for_each(|row| rows.push(1, &[row])),
            Some(Became::Deleted) => data()?.iter().try_for_each(|row| rows.push(-1, &[row])),
            Some(Became::Updated) => self.update(&data()?, &rows_of(old)?, rows),
            Some(Became::Emptied) => {
                wrong("the table was emptied: no record says which rows it had")
            }
            Some(Became::Nothing) => Ok(()),
            None if is_ddl == Some(b"true") => Ok(()),
            None => wrong(self.words.no_change),
        }
    }
}

impl Flat {
    fn became(&self, kind: Option<&[u8]>) -> Option<Became> {
        let kind = kind?;
        let is_it = |word: &[u8]| match word.strip_suffix(b"*") {
            Some(beginning) => kind.starts_with(beginning),
            None => kind == word,
        };
        let found = self.words.types.iter().find(|(word, _)| is_it(word));
        found.map(|(_, became)| *became)
    }

    /// `old` has of each row the columns that changed.
    fn update(&self, data: &[&[u8]], old: &[&[u8]], rows: &mut Rows<'_>) -> Parsed<()> {
        if old.is_empty() && !self.is_keyed && !data.is_empty() {
            return wrong("an update without 'old' needs a table with a primary key");
        }
        if old.len() != data.len() && !old.is_empty() {
            return wrong("'old' has other rows than 'data'");
        }
        for (at, row) in data.iter().enumerate() {
            match old.get(at) {
                Some(old) if is_null(old) => rows.push(-1, &[row])?,
                Some(old) => rows.push(-1, &[row, old])?,
                None => {}
            }
            rows.push(1, &[row])?;
        }
        Ok(())
    }
}

/// The rows in `data` or `old`; none if there is none.
fn rows_of(value: Option<&[u8]>, has_many: bool) -> Parsed<Vec<&[u8]>> {
    match value.filter(|v| !is_null(v)) {
        None => Ok(Vec::new()),
        Some(value) if has_many => Ok(elements(value)?.into_iter().map(|r| &value[r]).collect()),
        Some(value) => Ok(vec![value]),
    }
}
