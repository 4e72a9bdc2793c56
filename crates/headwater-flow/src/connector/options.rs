//! Options of tables: `WITH ('key' = 'value')`. Every option is declared by who reads it; one that nobody declares
//! is an error that suggests the nearest known name.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::error::{Error, ErrorKind, Result};

/// One option that a connector or format understands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OptionSpec {
    /// Full name; a trailing `.*` stands for a family (`properties.*`).
    pub name: &'static str,
    /// One sentence for the reference page.
    pub help: &'static str,
    /// Whether a table cannot do without.
    pub required: bool,
}

/// The options of one table.
#[derive(Debug, Clone, PartialEq, Eq, Default, serde::Serialize, serde::Deserialize)]
pub struct Options(BTreeMap<String, String>);

impl Options {
    /// Options from pairs.
    pub fn new(pairs: impl IntoIterator<Item = (String, String)>) -> Self {
        Self(pairs.into_iter().collect())
    }

    /// The value of `name`.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }

    /// The value of `name`, or `default`.
    pub fn get_or<'a>(&'a self, name: &str, default: &'a str) -> &'a str {
        self.get(name).unwrap_or(default)
    }

    /// Sets an option.
    pub fn set(&mut self, name: impl Into<String>, value: impl Into<String>) {
        self.0.insert(name.into(), value.into());
    }

    /// All pairs, by name.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(k, v)| (k.as_str(), v.as_str()))
    }

    /// The value of a required option.
    ///
    /// # Errors
    /// `Invalid` if it is missing.
    pub fn require(&self, name: &str) -> Result<&str> {
        self.get(name)
            .ok_or_else(|| Error::new(ErrorKind::Invalid, format!("option '{name}' is missing")))
    }

    /// A parsed value.
    ///
    /// # Errors
    /// `Invalid` if it does not parse.
    pub fn parse<T: std::str::FromStr>(&self, name: &str) -> Result<Option<T>> {
        self.get(name)
            .map(|v| {
                v.trim().parse().map_err(|_| {
                    Error::new(
                        ErrorKind::Invalid,
                        format!("option '{name}' does not understand '{v}'"),
                    )
                })
            })
            .transpose()
    }

    /// A boolean: `true` or `false`.
    ///
    /// # Errors
    /// `Invalid` for anything else.
    pub fn flag(&self, name: &str, default: bool) -> Result<bool> {
        Ok(self.parse::<bool>(name)?.unwrap_or(default))
    }

    /// A duration: `500ms`, `5 s`, `1min`, `2 h`, `1 d`.
    ///
    /// # Errors
    /// `Invalid` for anything else.
    pub fn duration(&self, name: &str) -> Result<Option<Duration>> {
        self.get(name)
            .map(|v| {
                parse_duration(v).ok_or_else(|| {
                    Error::new(
                        ErrorKind::Invalid,
                        format!("option '{name}' is not a duration: '{v}'"),
                    )
                    .with_hint("write a number and a unit: 500ms, 5s, 1min, 2h, 1d")
                })
            })
            .transpose()
    }

    /// Checks that every option is declared and every required one there.
    ///
    /// # Errors
    /// `Invalid`, with the nearest known name as hint.
    pub fn check(&self, known: &[OptionSpec]) -> Result<()> {
        for (name, _) in self.iter() {
            let declared = known.iter().any(|spec| match spec.name.strip_suffix('*') {
                Some(prefix) => name.starts_with(prefix),
                None => spec.name == name,
            });
            if !declared {
                let error = Error::new(ErrorKind::Invalid, format!("unknown option '{name}'"));
                return Err(match nearest(name, known.iter().map(|s| s.name)) {
                    Some(near) => error.with_hint(format!("did you mean '{near}'?")),
                    None => error,
                });
            }
        }
        known
            .iter()
            .filter(|s| s.required)
            .try_for_each(|s| self.require(s.name).map(drop))
    }
}

/// The known name nearest to `name`, if one is near enough to be meant.
pub(crate) fn nearest<'a>(name: &str, known: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    known
        .map(|k| {
            (
                strsim::damerau_levenshtein(&name.to_lowercase(), &k.to_lowercase()),
                k,
            )
        })
        .filter(|(distance, k)| *distance <= 1 + k.len().max(name.len()) / 3)
        .min()
        .map(|(_, k)| k)
}

fn parse_duration(text: &str) -> Option<Duration> {
    let text = text.trim();
    let digits = text
        .find(|c: char| !c.is_ascii_digit())
        .unwrap_or(text.len());
    let amount: u64 = text[..digits].parse().ok()?;
    let ms = match text[digits..].trim().to_ascii_lowercase().as_str() {
        "" | "ms" | "milli" | "millis" | "millisecond" | "milliseconds" => 1,
        "s" | "sec" | "second" | "seconds" => 1_000,
        "m" | "min" | "minute" | "minutes" => 60_000,
        "h" | "hour" | "hours" => 3_600_000,
        "d" | "day" | "days" => 86_400_000,
        _ => return None,
    };
    Some(Duration::from_millis(amount.checked_mul(ms)?))
}
