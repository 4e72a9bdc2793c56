//! The options of a table of PostgreSQL, named as in Flink CDC.

use headwater_cdc::SILENCE;
use headwater_cdc::postgres::{Address, Settings, TableName, Tls, TlsMode};
use headwater_flow::Result;
use headwater_flow::connector::{OptionKind, OptionSpec, Options};

use crate::cdc::{
    Environment, FILTER_OPTIONS, SCAN_OPTIONS, backfills, condition, fill, filters, on_loss,
    to_topic,
};

/// The longest name of a slot.
const SLOT_NAME_BYTES_MAX: usize = 63;

pub(super) const OPTIONS: &[OptionSpec] = &[
    OptionSpec::new("hostname", OptionKind::Text, "Host of the database.").required(),
    OptionSpec::new("port", OptionKind::Count, "Its port (default 5432)."),
    OptionSpec::new(
        "username",
        OptionKind::Text,
        "The user, who may replicate and read the table.",
    )
    .required(),
    OptionSpec::new(
        "password",
        OptionKind::Text,
        "The password; `${env:NAME}` stands for a variable of the environment, here and in the other options of the connection.",
    ),
    OptionSpec::new(
        "debezium.database.sslmode",
        OptionKind::OneOf(TlsMode::NAMES),
        "Whether sessions are encrypted (default prefer: if the server can); verify-ca and verify-full also look who the server is.",
    ),
    OptionSpec::new(
        "debezium.database.sslrootcert",
        OptionKind::Text,
        "A file with the certificates that sign servers' own (default: the public ones).",
    ),
    OptionSpec::new("database-name", OptionKind::Text, "The database.").required(),
    OptionSpec::new(
        "schema-name",
        OptionKind::Text,
        "The schema (default public).",
    ),
    OptionSpec::new("table-name", OptionKind::Text, "The table.").required(),
    OptionSpec::new(
        "topic",
        OptionKind::Text,
        "The topic that its rows are kept in (default: database.schema.table).",
    ),
    OptionSpec::new(
        "slot.name",
        OptionKind::Text,
        "The replication slot, one a table; it is made if it is not there (default: made of schema and table).",
    ),
    OptionSpec::new(
        "decoding.plugin.name",
        OptionKind::OneOf(&["pgoutput"]),
        "Only pgoutput, which every server has.",
    ),
    OptionSpec::new(
        "debezium.publication.name",
        OptionKind::Text,
        "The publication (default: called as the slot).",
    ),
    OptionSpec::new(
        "debezium.publication.autocreate.mode",
        OptionKind::OneOf(&["filtered", "disabled"]),
        "filtered (default): the publication is made, and the table added to it, where that is missing; disabled: it must be there.",
    ),
    SCAN_OPTIONS[0],
    SCAN_OPTIONS[1],
    SCAN_OPTIONS[2],
    FILTER_OPTIONS[0],
    FILTER_OPTIONS[1],
    FILTER_OPTIONS[2],
    FILTER_OPTIONS[3],
    FILTER_OPTIONS[4],
    FILTER_OPTIONS[5],
    FILTER_OPTIONS[6],
];

/// What a capture of the table is told.
///
/// # Errors
/// `Invalid` for a wrong option, `NotFound` for a variable that is not set.
pub(super) fn settings(options: &Options, environment: &Environment) -> Result<Settings> {
    let get = |name: &str| fill(name, options.require(name)?, environment);
    let address = Address {
        host: get("hostname")?,
        port: options.parse("port")?.unwrap_or(5432),
        user: get("username")?,
        password: fill("password", options.get_or("password", ""), environment)?,
        database: get("database-name")?,
        tls: Tls {
            mode: options
                .get("debezium.database.sslmode")
                .and_then(TlsMode::named)
                .unwrap_or_default(),
            root_certificates: options.get("debezium.database.sslrootcert").map(Into::into),
        },
        silence: SILENCE,
    };
    let schema = options.get_or("schema-name", "public");
    let table = TableName::new(schema, options.require("table-name")?);
    let slot = match options.get("slot.name") {
        Some(name) => name.to_owned(),
        None => slot_name(&table),
    };
    let mut settings = Settings::new(address, slot);
    if let Some(name) = options.get("debezium.publication.name") {
        name.clone_into(&mut settings.publication);
    }
    let mode = options.get("debezium.publication.autocreate.mode");
    settings.makes_publication = mode != Some("disabled");
    settings.backfills = backfills(options);
    settings.on_loss = on_loss(options);
    settings.filters = filters(options, &table.to_string(), environment)?;
    let condition = condition(options).map(|condition| (table.clone(), condition));
    settings.conditions = condition.into_iter().collect();
    settings = settings.table(table);
    to_topic(options, &mut settings.tables);
    Ok(settings)
}

/// A name that slots can have: other letters become `_`, and what is too long is cut.
fn slot_name(table: &TableName) -> String {
    let plain = |c: char| match c.to_ascii_lowercase() {
        c if c.is_ascii_lowercase() || c.is_ascii_digit() => c,
        _ => '_',
    };
    let name = format!("headwater_{}_{}", table.schema, table.name);
    name.chars().map(plain).take(SLOT_NAME_BYTES_MAX).collect()
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use std::sync::Arc;

    use headwater_flow::ErrorKind;

    use super::*;

    #[test]
    fn variables_are_filled_in_and_never_shown() {
        let environment: Environment = Arc::new(|name| (name == "PW").then(|| "s3cret".to_owned()));
        let pairs = |password: &str| {
            let pairs = [
                ("hostname", "db"),
                ("username", "me"),
                ("password", password),
                ("database-name", "shop"),
                ("table-name", "Order Lines"),
            ];
            Options::new(pairs.map(|(k, v)| (k.to_owned(), v.to_owned())))
        };
        let found = settings(&pairs("a${env:PW}b"), &environment).unwrap();
        assert_eq!(found.address.password, "as3cretb");
        assert_eq!(found.slot, "headwater_public_order_lines");
        assert_eq!(found.tables[0].1, "shop.public.Order Lines");
        assert!(!format!("{found:?}").contains("s3cret"));
        let error = settings(&pairs("${env:OTHER}"), &environment).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NotFound);
        let error = settings(&pairs("${env:OTHER"), &environment).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Invalid);
    }
}
