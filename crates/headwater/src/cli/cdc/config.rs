//! What a file says of a capture.

use headwater_cdc::postgres::{Address, Settings, TableName};
use headwater_cdc::{Debezium, Decimals, Format, OnLoss, filled};

use crate::cli::exit::{Code, Failure, Outcome};

/// The slot unless said.
const SLOT: &str = "headwater";

#[derive(Debug, serde::Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct File {
    url: String,
    tables: Vec<String>,
    slot: Option<String>,
    publication: Option<String>,
    create_publication: Option<bool>,
    backfill: Option<bool>,
    #[serde(default)]
    on_loss: Loss,
    topic_prefix: Option<String>,
    #[serde(default)]
    format: Form,
    debezium: Option<Events>,
}

#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Form {
    #[default]
    Rows,
    DebeziumJson,
}

#[derive(Debug, Default, Clone, Copy, serde::Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct Events {
    schemas: Option<bool>,
    tombstones: Option<bool>,
    decimals: Option<Numbers>,
}

#[derive(Debug, Clone, Copy, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Numbers {
    Precise,
    String,
    Double,
}

impl Events {
    fn of(self, name: &str) -> Debezium {
        let usual = Debezium::new(name);
        Debezium {
            schemas: self.schemas.unwrap_or(usual.schemas),
            tombstones: self.tombstones.unwrap_or(usual.tombstones),
            decimals: match self.decimals {
                None => usual.decimals,
                Some(Numbers::Precise) => Decimals::Precise,
                Some(Numbers::String) => Decimals::String,
                Some(Numbers::Double) => Decimals::Double,
            },
            ..usual
        }
    }
}

#[derive(Debug, Default, Clone, Copy, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Loss {
    #[default]
    Stop,
    Backfill,
}

/// The settings of a capture.
pub(crate) fn settings(text: &str) -> Outcome<Settings> {
    let file: File = toml::from_str(text).map_err(|e| {
        // The error of the parser shows lines, and one may hold a password.
        Failure::new(
            Code::Config,
            format!("the file is not understood: {}", e.message()),
        )
        .with_hint("see headwater cdc run --help")
    })?;
    let mut settings = Settings::new(address(&file.url)?, file.slot.as_deref().unwrap_or(SLOT));
    if let Some(publication) = file.publication {
        settings.publication = publication;
    }
    settings.makes_publication = file.create_publication.unwrap_or(true);
    settings.backfills = file.backfill.unwrap_or(true);
    settings.on_loss = match file.on_loss {
        Loss::Stop => OnLoss::Stop,
        Loss::Backfill => OnLoss::Backfill,
    };
    let prefix = file
        .topic_prefix
        .unwrap_or_else(|| settings.address.database.clone());
    settings.format = match (file.format, file.debezium) {
        (Form::Rows, None) => Format::Rows,
        (Form::DebeziumJson, events) => Format::Debezium(events.unwrap_or_default().of(&prefix)),
        (Form::Rows, Some(_)) => {
            let text = "the file has a part 'debezium' but another format";
            return Err(
                Failure::new(Code::Config, text.to_owned()).with_hint("format = \"debezium-json\"")
            );
        }
    };
    let named = file.tables.iter().map(|t| table(t));
    settings.tables = named
        .map(|t| (t.clone(), format!("{prefix}.{t}")))
        .collect();
    Ok(settings)
}

/// A database by its URL, with variables of the environment.
pub(crate) fn address(url: &str) -> Outcome<Address> {
    let config = |e: headwater_cdc::Error| Failure {
        code: Code::Config,
        ..Failure::from(e)
    };
    let mut address: Address = url.parse().map_err(config)?;
    let fields = [
        &mut address.host,
        &mut address.user,
        &mut address.password,
        &mut address.database,
    ];
    for field in fields {
        *field = filled(field, &|name| std::env::var(name).ok()).map_err(config)?;
    }
    Ok(address)
}

/// A table by its name, with its schema or without.
pub(crate) fn table(name: &str) -> TableName {
    let (schema, name) = name.split_once('.').unwrap_or(("public", name));
    TableName::new(schema, name)
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn a_file_says_what_is_captured() {
        let text = "url = 'postgres://me:pw@db/shop'\ntables = ['orders', 'sales.lines']\non-loss = 'backfill'";
        let found = settings(text).unwrap();
        let topics: Vec<&str> = found
            .tables
            .iter()
            .map(|(_, topic)| topic.as_str())
            .collect();
        assert_eq!(topics, ["shop.public.orders", "shop.sales.lines"]);
        assert_eq!(
            (found.slot.as_str(), found.on_loss),
            ("headwater", OnLoss::Backfill)
        );
    }

    #[test]
    fn a_file_says_how_events_look() {
        let text =
            "url = 'postgres://me:pw@db/shop'\ntables = ['orders']\nformat = 'debezium-json'";
        let usual = Debezium::new("shop");
        assert_eq!(
            settings(text).unwrap().format,
            Format::Debezium(usual.clone())
        );
        let more = format!("{text}\n[debezium]\nschemas = true\ndecimals = 'string'");
        let want = Debezium {
            schemas: true,
            decimals: Decimals::String,
            ..usual
        };
        assert_eq!(settings(&more).unwrap().format, Format::Debezium(want));
        let rows = more.replace("debezium-json", "rows");
        assert!(settings(&rows).unwrap_err().message.contains("debezium"));
    }

    #[test]
    fn a_wrong_file_is_refused_without_its_password() {
        for text in [
            "url = 'postgres://me:s3cret@db/shop'\ntables = ['t']\nwhat = 1",
            "url = 'postgres://me:s3cret@db/shop' tables",
            "url = 'me:s3cret@db/shop'\ntables = ['t']",
        ] {
            let failure = settings(text).unwrap_err();
            assert_eq!(failure.code, Code::Config);
            assert!(!failure.message.contains("s3cret"), "{failure:?}");
        }
    }
}
