//! What a file says of an outbox.

use headwater_cdc::outbox::{From, OutboxSettings, Router};
use headwater_cdc::{mysql, postgres};
use toml::Value;

use super::config::{Address, mysql_table, postgres_table};
use crate::cli::exit::{Code, Failure, Outcome};

/// The name of an outbox unless said.
const NAME: &str = "headwater_outbox";

#[derive(Debug, serde::Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct File {
    url: String,
    outbox: Option<String>,
    messages: Option<String>,
    name: Option<String>,
    #[serde(default)]
    ask: bool,
    prune: Option<bool>,
    backlog: Option<bool>,
    partitions: Option<u32>,
    #[serde(default)]
    router: toml::Table,
}

/// The settings of an outbox, if the file is about one.
pub(crate) fn outbox(text: &str) -> Outcome<Option<OutboxSettings>> {
    let Ok(file) = text.parse::<toml::Table>() else {
        // Whoever reads it as something else says what is wrong.
        return Ok(None);
    };
    if !file.contains_key("outbox") && !file.contains_key("messages") {
        return Ok(None);
    }
    let file: File = Value::Table(file)
        .try_into()
        .map_err(|e: toml::de::Error| {
            config(&format!("the file is not understood: {}", e.message()))
                .with_hint("see headwater cdc run --help")
        })?;
    let from = match Address::of(&file.url)? {
        Address::PostgreSql(address) => of_postgres(address, &file)?,
        Address::MySql(address) => of_mysql(address, &file)?,
    };
    let mut options = Vec::new();
    flatten("", &file.router, &mut options)?;
    let pairs = options
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_str()));
    let usual = OutboxSettings::new(file.name.as_deref().unwrap_or(NAME), from);
    Ok(Some(OutboxSettings {
        router: Router::new(pairs).map_err(|e| Failure {
            code: Code::Config,
            ..Failure::from(e)
        })?,
        partitions: file.partitions.unwrap_or(1),
        has_backlog: file.backlog.unwrap_or(true),
        prunes: file.prune.unwrap_or(usual.prunes),
        ..usual
    }))
}

fn of_postgres(address: postgres::Address, file: &File) -> Outcome<From> {
    match (&file.outbox, &file.messages, file.ask) {
        (Some(name), None, false) => Ok(From::Log(address, postgres_table(name))),
        (Some(name), None, true) => Ok(From::Asking(address, postgres_table(name))),
        (None, Some(prefix), false) => Ok(From::Messages(address, prefix.clone())),
        (None, _, true) => {
            Err(config("messages cannot be asked for").with_hint("outbox = \"public.outbox\""))
        }
        _ => Err(config("the file has 'outbox' and 'messages'").with_hint("leave one of them out")),
    }
}

fn of_mysql(address: mysql::Address, file: &File) -> Outcome<From> {
    let (Some(name), None) = (&file.outbox, &file.messages) else {
        return Err(config("MariaDB and MySQL have no messages beside tables")
            .with_hint("outbox = \"shop.outbox\""));
    };
    let table = mysql_table(name, &address.database)?;
    Ok(match file.ask {
        true => From::Emptied(address, table),
        false => From::Binlog(address, table),
    })
}

fn config(text: &str) -> Failure {
    Failure::new(Code::Config, text)
}

/// `route.topic.replacement = "…"` is a table in a table in TOML: back to names with points.
fn flatten(prefix: &str, table: &toml::Table, into: &mut Vec<(String, String)>) -> Outcome {
    for (name, value) in table {
        let name = match prefix {
            "" => name.clone(),
            prefix => format!("{prefix}.{name}"),
        };
        match value {
            Value::Table(inner) => flatten(&name, inner, into)?,
            Value::String(text) => into.push((name, text.clone())),
            Value::Boolean(flag) => into.push((name, flag.to_string())),
            _ => {
                return Err(config(&format!(
                    "option '{name}' of the router is neither a text nor a flag"
                )));
            }
        }
    }
    Ok(())
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;
    use headwater_cdc::postgres::TableName;

    const URL: &str = "url = 'postgres://me:s3cret@db/shop'\n";

    fn read(text: &str) -> Outcome<Option<OutboxSettings>> {
        outbox(&format!("{URL}{text}"))
    }

    #[test]
    fn a_file_says_where_events_are_written() {
        let table = TableName::new("public", "outbox");
        let found = read(
            "outbox = 'outbox'\nprune = true\n[router]\nroute.topic.replacement = 'x.${routedByValue}'\ntable.expand.json.payload = true",
        );
        let found = found.unwrap().unwrap();
        assert!(matches!(&found.from, From::Log(_, of) if *of == table));
        assert_eq!((found.prunes, found.name.as_str()), (true, NAME));
        let found = read("outbox = 'outbox'\nask = true").unwrap().unwrap();
        assert!(matches!(&found.from, From::Asking(_, of) if *of == table));
        let found = read("messages = 'shop'\nname = 'events'\npartitions = 4")
            .unwrap()
            .unwrap();
        assert!(matches!(&found.from, From::Messages(_, prefix) if prefix == "shop"));
        assert_eq!((found.name.as_str(), found.partitions), ("events", 4));
        assert!(read("tables = ['orders']").unwrap().is_none());
    }

    #[test]
    fn an_outbox_of_mariadb_is_read_from_its_log_or_emptied() {
        let read = |text: &str| outbox(&format!("url = 'mariadb://me:s3cret@db/shop'\n{text}"));
        let table = mysql::TableName::new("shop", "outbox");
        let found = read("outbox = 'outbox'").unwrap().unwrap();
        assert!(matches!(&found.from, From::Binlog(_, of) if *of == table));
        assert!(!found.prunes);
        let found = read("outbox = 'shop.outbox'\nask = true").unwrap().unwrap();
        assert!(matches!(&found.from, From::Emptied(_, of) if *of == table));
        assert!(found.prunes);
        let failure = read("messages = 'shop'").unwrap_err();
        assert!(failure.message.contains("messages"), "{failure:?}");
    }

    #[test]
    fn a_wrong_file_is_refused_without_its_password() {
        for text in [
            "outbox = 'outbox'\nwhat = 1",
            "outbox = 'outbox'\nmessages = 'shop'",
            "messages = 'shop'\nask = true",
            "outbox = 'outbox'\n[router]\nroute.topic = 'x'",
            "outbox = 'outbox'\n[router]\ntable.expand.json.payload = 1",
        ] {
            let failure = read(text).unwrap_err();
            assert_eq!(failure.code, Code::Config, "{text}");
            assert!(!failure.message.contains("s3cret"), "{failure:?}");
        }
    }
}
