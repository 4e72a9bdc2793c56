//! What a file says of columns, rows and changes that are not taken over as they are, and of what comes besides.

use std::collections::BTreeMap;
use std::time::Duration;

use headwater_cdc::postgres::Messages;
use headwater_cdc::{Algorithm, Filters, Hash, Hashed, Heartbeat, Pattern, Treatment, filled};

use super::config::config;
use crate::cli::exit::Outcome;

/// The part `columns`: patterns of schema, table and column.
#[derive(Debug, Default, serde::Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub(super) struct Columns {
    include: Vec<String>,
    exclude: Vec<String>,
    key: Vec<String>,
    mask: BTreeMap<String, usize>,
    truncate: BTreeMap<String, usize>,
    hash: BTreeMap<String, HashOf>,
}

/// How a text is hashed: a salt, or more.
#[derive(Debug, serde::Deserialize)]
#[serde(untagged)]
enum HashOf {
    Salt(String),
    Said(HashSaid),
}

#[derive(Debug, serde::Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct HashSaid {
    salt: String,
    algorithm: Option<String>,
    /// As which of Debezium's two.
    debezium: Option<DebeziumHash>,
}

#[derive(Debug, Clone, Copy, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
enum DebeziumHash {
    V1,
    V2,
}

impl HashOf {
    fn hash(&self) -> Outcome<Hash> {
        let fill = |salt: &str| filled(salt, &|name| std::env::var(name).ok()).map_err(config);
        let said = match self {
            Self::Salt(salt) => return Ok(Hash::new(fill(salt)?)),
            Self::Said(said) => said,
        };
        let usual = Hash::new(fill(&said.salt)?);
        let algorithm: Option<Algorithm> = match &said.algorithm {
            Some(name) => Some(name.parse().map_err(config)?),
            None => None,
        };
        Ok(Hash {
            algorithm: algorithm.unwrap_or(usual.algorithm),
            of: match said.debezium {
                Some(DebeziumHash::V1) => Hashed::JavaObject,
                Some(DebeziumHash::V2) | None => Hashed::Text,
            },
            is_shortened: said.debezium.is_some(),
            ..usual
        })
    }
}

/// The part `logical-messages`.
#[derive(Debug, serde::Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct LogicalMessages {
    topic: String,
    #[serde(default)]
    prefixes: Vec<String>,
}

/// The part `heartbeat`.
#[derive(Debug, serde::Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct Beats {
    interval_ms: u64,
    pub(super) statement: Option<String>,
}

/// # Errors
/// One of them is not a regular expression.
pub(super) fn patterns(texts: &[String]) -> Outcome<Vec<Pattern>> {
    let parsed = texts.iter().map(|text| text.parse().map_err(config));
    parsed.collect()
}

impl Columns {
    /// # Errors
    /// A pattern is not a regular expression, a kind of changes is not known, or a variable is not set.
    pub(super) fn filters(&self, skip: Option<&str>) -> Outcome<Filters> {
        let mut treatments = Vec::new();
        let mut add = |pattern: &str, treatment| -> Outcome {
            treatments.push((pattern.parse().map_err(config)?, treatment));
            Ok(())
        };
        for (pattern, length) in &self.mask {
            add(pattern, Treatment::Mask(*length))?;
        }
        for (pattern, hash) in &self.hash {
            add(pattern, Treatment::Hash(hash.hash()?))?;
        }
        for (pattern, length) in &self.truncate {
            add(pattern, Treatment::Truncate(*length))?;
        }
        let skipped = skip.map(str::parse).transpose().map_err(config)?;
        Ok(Filters {
            included: patterns(&self.include)?,
            excluded: patterns(&self.exclude)?,
            treatments,
            skipped: skipped.unwrap_or_default(),
            keyed: patterns(&self.key)?,
        })
    }
}

impl LogicalMessages {
    pub(super) fn messages(self) -> Outcome<Messages> {
        Ok(Messages {
            prefixes: patterns(&self.prefixes)?,
            topic: self.topic,
        })
    }
}

impl Beats {
    pub(super) fn heartbeat(self) -> Heartbeat {
        Heartbeat {
            interval: Duration::from_millis(self.interval_ms),
            statement: self.statement,
        }
    }
}
