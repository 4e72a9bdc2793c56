//! `'format' = 'maxwell-json'`.

use headwater_flow::connector::{OptionKind, OptionSpec};

use super::encoder::Frames;
use super::flat::{Became, FlatJsonFormat, Words};
use super::metadata::MAXWELL;

/// The JSON of Maxwell.
pub const MAXWELL_JSON: FlatJsonFormat = FlatJsonFormat(&Words {
    name: "maxwell-json",
    options: OPTIONS,
    metadata: MAXWELL,
    types: &[
        (b"insert", Became::Inserted),
        (b"update", Became::Updated),
        (b"delete", Became::Deleted),
        (b"bootstrap-insert", Became::Inserted),
        (b"bootstrap-start", Became::Nothing),
        (b"bootstrap-complete", Became::Nothing),
        // Changes of definitions, with `output_ddl`.
        (b"table-*", Became::Nothing),
        (b"database-*", Became::Nothing),
    ],
    no_change: "no change of Maxwell: its 'type' is none that is known",
    has_many: false,
    frames: Frames {
        came: ("{\"data\":", ",\"type\":\"insert\"}"),
        went: ("{\"data\":", ",\"type\":\"delete\"}"),
    },
});

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
        "How timestamps are written (default SQL); both are always read.",
    ),
    OptionSpec::new(
        "maxwell-json.encode.decimal-as-plain-number",
        OptionKind::OneOf(&["true"]),
        "Decimals are always written as plain numbers.",
    ),
    OptionSpec::new(
        "maxwell-json.encode.ignore-null-fields",
        OptionKind::Flag,
        "Leave null fields out when writing (default false).",
    ),
];
