//! What a file says of an outbox.

use headwater_cdc::outbox::{From, OutboxSettings, Router};
use toml::Value;

use super::config::{postgres_address, postgres_table};
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
    #[serde(default)]
    prune: bool,
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
    let from = match (file.outbox, file.messages, file.ask) {
        (Some(name), None, false) => From::Log(postgres_table(&name)),
        (Some(name), None, true) => From::Asking(postgres_table(&name)),
        (None, Some(prefix), false) => From::Messages(prefix),
        (None, _, true) => {
            return Err(
                config("messages cannot be asked for").with_hint("outbox = \"public.outbox\"")
            );
        }
        _ => {
            return Err(
                config("the file has 'outbox' and 'messages'").with_hint("leave one of them out")
            );
        }
    };
    let mut options = Vec::new();
    flatten("", &file.router, &mut options)?;
    let pairs = options
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_str()));
    Ok(Some(OutboxSettings {
        router: Router::new(pairs).map_err(|e| Failure {
            code: Code::Config,
            ..Failure::from(e)
        })?,
        partitions: file.partitions.unwrap_or(1),
        prunes: file.prune,
        has_backlog: file.backlog.unwrap_or(true),
        ..OutboxSettings::new(
            postgres_address(&file.url)?,
            file.name.as_deref().unwrap_or(NAME),
            from,
        )
    }))
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
        assert_eq!(
            (found.from, found.prunes, found.name.as_str()),
            (From::Log(table.clone()), true, NAME)
        );
        let found = read("outbox = 'outbox'\nask = true").unwrap().unwrap();
        assert_eq!(found.from, From::Asking(table));
        let found = read("messages = 'shop'\nname = 'events'\npartitions = 4")
            .unwrap()
            .unwrap();
        assert_eq!(
            (found.from, found.partitions),
            (From::Messages("shop".to_owned()), 4)
        );
        assert!(read("tables = ['orders']").unwrap().is_none());
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
