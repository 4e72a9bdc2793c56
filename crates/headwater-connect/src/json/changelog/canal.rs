//! `'format' = 'canal-json'`.

use std::sync::Arc;

use arrow::datatypes::SchemaRef;
use headwater_flow::Result;
use headwater_flow::connector::{
    Format, FormatRequest, OptionKind, OptionSpec, ValueDecoder, ValueEncoder,
};

use super::super::decoder::JsonDecoder;
use super::super::fault::Parsed;
use super::super::members::{elements, is_null, members, text};
use super::super::reader::Dialect;
use super::decoder::{ChangelogDecoder, Envelope, infer, no_encoder};
use super::included::Included;
use super::metadata::CANAL;
use super::rows::{Rows, wrong};

const NAME: &str = "canal-json";

/// The JSON of Canal.
#[derive(Debug, Default)]
pub struct CanalJsonFormat;

const OPTIONS: &[OptionSpec] = &[
    OptionSpec::new(
        "canal-json.ignore-parse-errors",
        OptionKind::Flag,
        "Fields that do not fit their column become null (default false: the record is kept in `$errors`).",
    ),
    OptionSpec::new(
        "canal-json.database.include",
        OptionKind::Text,
        "Only changes of databases whose whole name matches this regular expression.",
    ),
    OptionSpec::new(
        "canal-json.table.include",
        OptionKind::Text,
        "Only changes of tables whose whole name matches this regular expression.",
    ),
    OptionSpec::new(
        "canal-json.timestamp-format.standard",
        OptionKind::OneOf(&["SQL", "ISO-8601"]),
        "Without effect: both are read.",
    ),
];

impl Format for CanalJsonFormat {
    fn name(&self) -> &'static str {
        NAME
    }

    fn options(&self) -> &'static [OptionSpec] {
        OPTIONS
    }

    fn decoder(&self, request: &FormatRequest) -> Result<Arc<dyn ValueDecoder>> {
        let envelope = Canal {
            included: Included::new(&request.options, NAME)?,
            is_keyed: request.is_keyed,
        };
        ChangelogDecoder::of(request, self, CANAL, Dialect::default(), envelope)
    }

    fn key_decoder(&self, request: &FormatRequest) -> Result<Arc<dyn ValueDecoder>> {
        Ok(Arc::new(JsonDecoder::new(request)?))
    }

    fn encoder(&self, _: &FormatRequest) -> Result<Arc<dyn ValueEncoder>> {
        no_encoder(NAME)
    }

    fn infer(&self, sample: &[&[u8]]) -> Result<SchemaRef> {
        infer(sample, |record| {
            let [data] = members(record, ["data"])?;
            array(data.map(|d| &record[d]))
        })
    }
}

struct Canal {
    included: Included,
    is_keyed: bool,
}

impl Envelope for Canal {
    fn read<'a>(&self, record: &'a [u8], rows: &mut Rows<'a>) -> Parsed<()> {
        let names = ["database", "table", "type", "isDdl", "data", "old"];
        let [database, table, kind, is_ddl, data, old] =
            members(record, names)?.map(|place| place.map(|p| &record[p]));
        if !self.included.has(database, table) {
            return Ok(());
        }
        match kind.and_then(text) {
            Some(b"INSERT") => array(data)?.iter().try_for_each(|row| rows.push(1, &[row])),
            Some(b"DELETE") => array(data)?
                .iter()
                .try_for_each(|row| rows.push(-1, &[row])),
            Some(b"UPDATE") => self.update(&array(data)?, &array(old)?, rows),
            Some(b"TRUNCATE") => wrong("the table was emptied: no record says which rows it had"),
            _ if is_ddl == Some(b"true") => Ok(()),
            _ => wrong("no change of Canal: its 'type' is none that is known"),
        }
    }
}

impl Canal {
    /// `old` has of each row the columns that changed.
    fn update(&self, data: &[&[u8]], old: &[&[u8]], rows: &mut Rows<'_>) -> Parsed<()> {
        if old.len() != data.len() && !(self.is_keyed && old.is_empty()) {
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

/// The elements of an array; none if there is none.
fn array(value: Option<&[u8]>) -> Parsed<Vec<&[u8]>> {
    let Some(value) = value.filter(|v| !is_null(v)) else {
        return Ok(Vec::new());
    };
    Ok(elements(value)?.into_iter().map(|r| &value[r]).collect())
}
