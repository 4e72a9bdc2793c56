//! `'format' = 'maxwell-json'`.

use std::sync::Arc;

use arrow::datatypes::SchemaRef;
use headwater_flow::Result;
use headwater_flow::connector::{
    Format, FormatRequest, OptionKind, OptionSpec, ValueDecoder, ValueEncoder,
};

use super::super::decoder::JsonDecoder;
use super::super::fault::Parsed;
use super::super::members::{is_null, members, text};
use super::super::reader::Dialect;
use super::decoder::{ChangelogDecoder, Envelope, infer, no_encoder};
use super::included::Included;
use super::metadata::MAXWELL;
use super::rows::{Rows, wrong};

const NAME: &str = "maxwell-json";

/// The JSON of Maxwell.
#[derive(Debug, Default)]
pub struct MaxwellJsonFormat;

const OPTIONS: &[OptionSpec] = &[
    OptionSpec::new(
        "maxwell-json.ignore-parse-errors",
        OptionKind::Flag,
        "Fields that do not fit their column become null (default false: the record is kept in `$errors`).",
    ),
    OptionSpec::new(
        "maxwell-json.database.include",
        OptionKind::Text,
        "Only changes of databases whose whole name matches this regular expression.",
    ),
    OptionSpec::new(
        "maxwell-json.table.include",
        OptionKind::Text,
        "Only changes of tables whose whole name matches this regular expression.",
    ),
    OptionSpec::new(
        "maxwell-json.timestamp-format.standard",
        OptionKind::OneOf(&["SQL", "ISO-8601"]),
        "Without effect: both are read.",
    ),
];

impl Format for MaxwellJsonFormat {
    fn name(&self) -> &'static str {
        NAME
    }

    fn options(&self) -> &'static [OptionSpec] {
        OPTIONS
    }

    fn decoder(&self, request: &FormatRequest) -> Result<Arc<dyn ValueDecoder>> {
        let envelope = Maxwell {
            included: Included::new(&request.options, NAME)?,
            is_keyed: request.is_keyed,
        };
        ChangelogDecoder::of(request, self, MAXWELL, Dialect::default(), envelope)
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
            Ok(data.map(|d| &record[d]).into_iter().collect())
        })
    }
}

struct Maxwell {
    included: Included,
    is_keyed: bool,
}

impl Envelope for Maxwell {
    fn read<'a>(&self, record: &'a [u8], rows: &mut Rows<'a>) -> Parsed<()> {
        let names = ["database", "table", "type", "data", "old"];
        let [database, table, kind, data, old] =
            members(record, names)?.map(|place| place.map(|p| &record[p]));
        if !self.included.has(database, table) {
            return Ok(());
        }
        let data = || match data {
            Some(data) => Ok(data),
            None => wrong("a change without 'data'"),
        };
        match kind.and_then(text) {
            Some(b"insert" | b"bootstrap-insert") => rows.push(1, &[data()?]),
            Some(b"delete") => rows.push(-1, &[data()?]),
            Some(b"update") => {
                match old.filter(|old| !is_null(old)) {
                    Some(old) => rows.push(-1, &[data()?, old])?,
                    None if self.is_keyed => {}
                    None => {
                        return wrong("an update without 'old' needs a table with a primary key");
                    }
                }
                rows.push(1, &[data()?])
            }
            Some(b"bootstrap-start" | b"bootstrap-complete") => Ok(()),
            // Changes of definitions, with `output_ddl`.
            Some(kind) if kind.starts_with(b"table-") || kind.starts_with(b"database-") => Ok(()),
            _ => wrong("no change of Maxwell: its 'type' is none that is known"),
        }
    }
}
