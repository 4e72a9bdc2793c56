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
    /// The values that it takes.
    pub kind: OptionKind,
    /// What it does and what holds without it, for the reference page.
    pub help: &'static str,
    /// Whether a table cannot do without.
    pub required: bool,
}

/// The values that an option takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OptionKind {
    /// Any text.
    Text,
    /// One character of ASCII, or an escape for one: `\t`, `\u0001`.
    Character,
    /// `true` or `false`.
    Flag,
    /// A whole number, not below zero.
    Count,
    /// A whole number.
    Number,
    /// A number and a unit: `500ms`, `5s`, `1min`, `2h`, `1d`.
    Duration,
    /// One of these.
    OneOf(&'static [&'static str]),
}

impl OptionSpec {
    /// An option that a table can do without.
    pub const fn new(name: &'static str, kind: OptionKind, help: &'static str) -> Self {
        Self {
            name,
            kind,
            help,
            required: false,
        }
    }

    /// The same, which a table cannot do without.
    #[must_use]
    pub const fn required(self) -> Self {
        Self {
            required: true,
            ..self
        }
    }

    fn is_called(&self, name: &str) -> bool {
        match self.name.strip_suffix('*') {
            Some(prefix) => name.starts_with(prefix),
            None => self.name == name,
        }
    }

    /// Checks a value, as whoever uses it will read it.
    fn check(&self, options: &Options) -> Result<()> {
        let Some(value) = options.get(self.name) else {
            return Ok(());
        };
        match self.kind {
            OptionKind::Text => Ok(()),
            OptionKind::Character => options.character(self.name).map(drop),
            OptionKind::Flag => options.flag(self.name, false).map(drop),
            OptionKind::Count => options.parse::<u64>(self.name).map(drop),
            OptionKind::Number => options.parse::<i64>(self.name).map(drop),
            OptionKind::Duration => options.duration(self.name).map(drop),
            OptionKind::OneOf(known) if known.contains(&value) => Ok(()),
            OptionKind::OneOf(known) => {
                let hint = match nearest(value, known.iter().copied()) {
                    Some(near) => format!("did you mean '{near}'?"),
                    None => format!("it is one of {}", known.join(", ")),
                };
                Err(not_understood(self.name, value).with_hint(hint))
            }
        }
    }
}

fn not_understood(name: &str, value: &str) -> Error {
    let text = format!("option '{name}' does not understand '{value}'");
    Error::new(ErrorKind::Invalid, text)
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
        let parsed = |v: &str| v.trim().parse().map_err(|_| not_understood(name, v));
        self.get(name).map(parsed).transpose()
    }

    /// A boolean: `true` or `false`.
    ///
    /// # Errors
    /// `Invalid` for anything else.
    pub fn flag(&self, name: &str, default: bool) -> Result<bool> {
        match self.get(name) {
            None => Ok(default),
            Some(v) => match v.trim().to_ascii_lowercase().as_str() {
                "true" => Ok(true),
                "false" => Ok(false),
                _ => Err(not_understood(name, v).with_hint("write true or false")),
            },
        }
    }

    /// One character of ASCII; `\t`, `\\` and `\u0001` may be written as in Java.
    ///
    /// # Errors
    /// `Invalid` for anything else, and for line ends.
    pub fn character(&self, name: &str) -> Result<Option<u8>> {
        let Some(text) = self.get(name) else {
            return Ok(None);
        };
        let found = match text.as_bytes() {
            [byte] if byte.is_ascii() => Some(*byte),
            b"\\t" => Some(b'\t'),
            b"\\\\" => Some(b'\\'),
            bytes => bytes
                .strip_prefix(b"\\u")
                .and_then(|hex| u32::from_str_radix(std::str::from_utf8(hex).ok()?, 16).ok())
                .and_then(|code| u8::try_from(code).ok())
                .filter(u8::is_ascii),
        };
        match found {
            Some(b'\n' | b'\r') | None => {
                let text = format!("option '{name}' must be one ASCII character, not '{text}'");
                Err(Error::new(ErrorKind::Invalid, text))
            }
            found => Ok(found),
        }
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

    /// Checks that every option is declared, with a value that it takes, and every required one there.
    ///
    /// # Errors
    /// `Invalid`, with the nearest known name or value as hint.
    pub fn check(&self, known: &[OptionSpec]) -> Result<()> {
        for (name, _) in self.iter() {
            if !known.iter().any(|spec| spec.is_called(name)) {
                let error = Error::new(ErrorKind::Invalid, format!("unknown option '{name}'"));
                return Err(match nearest(name, known.iter().map(|s| s.name)) {
                    Some(near) => error.with_hint(format!("did you mean '{near}'?")),
                    None => error,
                });
            }
        }
        known.iter().try_for_each(|spec| spec.check(self))?;
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
