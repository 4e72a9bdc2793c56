//! `'format' = 'canal-json'`.

use headwater_flow::connector::{OptionKind, OptionSpec};

use super::encoder::Frames;
use super::flat::{Became, FlatJsonFormat, Words};
use super::metadata::CANAL;

/// The JSON of Canal.
pub const CANAL_JSON: FlatJsonFormat = FlatJsonFormat(&Words {
    name: "canal-json",
    options: OPTIONS,
    metadata: CANAL,
    types: &[
        (b"INSERT", Became::Inserted),
        (b"UPDATE", Became::Updated),
        (b"DELETE", Became::Deleted),
        (b"TRUNCATE", Became::Emptied),
    ],
    no_change: "no change of Canal: its 'type' is none that is known",
    has_many: true,
    frames: Frames {
        came: ("{\"data\":[", "],\"type\":\"INSERT\"}"),
        went: ("{\"data\":[", "],\"type\":\"DELETE\"}"),
    },
});

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
        "How timestamps are written (default SQL); both are always read.",
    ),
    OptionSpec::new(
        "canal-json.encode.decimal-as-plain-number",
        OptionKind::OneOf(&["true"]),
        "Decimals are always written as plain numbers.",
    ),
    OptionSpec::new(
        "canal-json.encode.ignore-null-fields",
        OptionKind::Flag,
        "Leave null fields out when writing (default false).",
    ),
];
