//! The options of a table of MariaDB or MySQL, named as in Flink CDC.

use headwater_cdc::SILENCE;
use headwater_cdc::mysql::{Address, Settings, TableName, Tls};
use headwater_flow::connector::{OptionKind, OptionSpec, Options};
use headwater_flow::{Error, ErrorKind, Result};

use crate::cdc::{
    Environment, FILTER_OPTIONS, SCAN_OPTIONS, backfills, condition, fill, filters, on_loss,
    to_topic,
};

pub(super) const OPTIONS: &[OptionSpec] = &[
    OptionSpec::new("hostname", OptionKind::Text, "Host of the server.").required(),
    OptionSpec::new("port", OptionKind::Count, "Its port (default 3306)."),
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
    OptionSpec::new("database-name", OptionKind::Text, "The database.").required(),
    OptionSpec::new("table-name", OptionKind::Text, "The table.").required(),
    OptionSpec::new(
        "topic",
        OptionKind::Text,
        "The topic that its rows are kept in (default: database.table).",
    ),
    OptionSpec::new(
        "capture.name",
        OptionKind::Text,
        "The capture, one a table; needed where tables of two servers are called the same (default: made of database and table).",
    ),
    OptionSpec::new(
        "ssl-mode",
        OptionKind::OneOf(&["disabled", "required", "verify-ca", "verify-identity"]),
        "Whether the connection is encrypted and what the server must prove: disabled (default), required (nothing), verify-ca (its certificate is signed by a known authority), verify-identity (and for its name).",
    ),
    OptionSpec::new(
        "ssl-ca",
        OptionKind::Text,
        "A file with the certificates of authorities in PEM (default: those that browsers know).",
    ),
    OptionSpec::new(
        "server-id",
        OptionKind::Text,
        "The number by which the server knows this reader, as which no other may have, or the first of a range such as 5400-5408 (default: one is made up).",
    ),
    OptionSpec::new(
        "scan.incremental.snapshot.chunk.size",
        OptionKind::Count,
        "How many rows of the table are read at a time (default 8192).",
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
        port: options.parse("port")?.unwrap_or(3306),
        user: get("username")?,
        password: fill("password", options.get_or("password", ""), environment)?,
        database: get("database-name")?,
        tls: tls(options)?,
        silence: SILENCE,
    };
    let table = TableName::new(&address.database, options.require("table-name")?);
    let name = match options.get("capture.name") {
        Some(name) => name.to_owned(),
        None => format!("mysql_{}_{}", table.database, table.name).replace('/', "_"),
    };
    let mut settings = Settings::new(address, name);
    settings.server_id = options.get("server-id").map(server_id).transpose()?;
    if let Some(rows) = options.parse("scan.incremental.snapshot.chunk.size")? {
        settings.range_rows = rows;
    }
    settings.backfills = backfills(options);
    settings.on_loss = on_loss(options);
    settings.filters = filters(options, &table.to_string(), environment)?;
    let condition = condition(options).map(|condition| (table.clone(), condition));
    settings.conditions = condition.into_iter().collect();
    settings = settings.table(table);
    to_topic(options, &mut settings.tables);
    Ok(settings)
}

/// # Errors
/// `Invalid` for authorities where nothing is verified.
fn tls(options: &Options) -> Result<Tls> {
    let mode = options.get_or("ssl-mode", "disabled").parse()?;
    Ok(Tls::new(mode, options.get("ssl-ca").map(Into::into))?)
}

/// A number, or the first of a range: one session reads.
fn server_id(text: &str) -> Result<u32> {
    let first = text.split_once('-').map_or(text, |(first, _)| first);
    let id = first.trim().parse().ok().filter(|id| *id > 0);
    id.ok_or_else(|| {
        let text = format!("option 'server-id': '{text}' is no number of a server");
        Error::new(ErrorKind::Invalid, text).with_hint("write 5400, or 5400-5408")
    })
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use std::sync::Arc;

    use headwater_cdc::mysql::TlsMode;

    use super::*;

    fn found(more: &[(&str, &str)]) -> Result<Settings> {
        let environment: Environment = Arc::new(|name| (name == "PW").then(|| "s3cret".to_owned()));
        let pairs = [
            ("hostname", "db"),
            ("username", "me"),
            ("password", "${env:PW}"),
            ("database-name", "shop"),
            ("table-name", "Order Lines"),
        ];
        let pairs = pairs.iter().chain(more);
        let options = Options::new(pairs.map(|(k, v)| ((*k).to_owned(), (*v).to_owned())));
        settings(&options, &environment)
    }

    #[test]
    fn a_table_is_captured_by_what_its_options_say() {
        let usual = found(&[]).unwrap();
        assert_eq!(usual.name, "mysql_shop_Order Lines");
        assert_eq!(usual.tables[0].1, "shop.Order Lines");
        assert_eq!((usual.server_id, usual.address.port), (None, 3306));
        assert_eq!(usual.address.password, "s3cret");
        assert!(!format!("{usual:?}").contains("s3cret"));
        let told = found(&[
            ("server-id", "5400-5408"),
            ("topic", "lines"),
            ("capture.name", "c"),
            ("scan.startup.mode", "latest-offset"),
            ("scan.incremental.snapshot.chunk.size", "7"),
        ])
        .unwrap();
        assert_eq!((told.server_id, told.range_rows), (Some(5400), 7));
        assert_eq!(
            (told.name.as_str(), told.tables[0].1.as_str()),
            ("c", "lines")
        );
        assert!(!told.backfills);
    }

    #[test]
    fn connections_are_encrypted_on_wish() {
        let mode = |more: &[(&str, &str)]| found(more).map(|settings| settings.address.tls.mode);
        assert_eq!(mode(&[]).unwrap(), TlsMode::Disabled);
        let verified = [("ssl-mode", "verify-ca"), ("ssl-ca", "ca.pem")];
        assert_eq!(mode(&verified).unwrap(), TlsMode::VerifyCa);
        let error = mode(&[("ssl-ca", "ca.pem")]).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Invalid, "{error}");
    }

    #[test]
    fn a_server_has_a_number() {
        for wrong in ["0", "x", "-5", "4294967296"] {
            let error = found(&[("server-id", wrong)]).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Invalid, "{wrong}");
            assert!(error.message().contains(wrong), "{error}");
        }
    }
}
