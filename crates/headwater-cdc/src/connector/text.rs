//! Properties and JSON as pairs of texts.

use headwater_log::{Error, ErrorKind, Result};
use serde_json::Value;

use super::yaml;

/// What keys of Debezium Server begin with.
const SERVER: &str = "debezium.source.";
/// What every configuration of a connector has.
pub(super) const CLASS: &str = "connector.class";

/// The pairs of a configuration; `None`: the text is none.
pub(super) fn pairs(text: &str) -> Result<Option<Vec<(String, String)>>> {
    if let Some(pairs) = yaml::pairs(text)? {
        return Ok(Some(pairs));
    }
    let pairs = match text.trim_start().starts_with('{') {
        true => json(text)?,
        false => properties(text),
    };
    let is_server = pairs.iter().any(|(key, _)| key.starts_with(SERVER));
    let pairs: Vec<_> = match is_server {
        true => pairs.into_iter().filter_map(of_server).collect(),
        false => pairs,
    };
    Ok(pairs.iter().any(|(key, _)| key == CLASS).then_some(pairs))
}

/// Of Debezium Server what its source is told; its formats are those of converters.
fn of_server((key, value): (String, String)) -> Option<(String, String)> {
    if let Some(key) = key.strip_prefix(SERVER) {
        return Some((key.to_owned(), value));
    }
    match key.strip_prefix("debezium.format.")? {
        key @ ("key" | "value") if value == "json" => {
            let converter = "org.apache.kafka.connect.json.JsonConverter";
            Some((format!("{key}.converter"), converter.to_owned()))
        }
        key @ ("key.schemas.enable" | "value.schemas.enable") => {
            Some((key.replacen('.', ".converter.", 1), value))
        }
        key => Some((format!("debezium.format.{key}"), value)),
    }
}

/// `{"name": …, "config": {…}}`, or the inner object alone.
fn json(text: &str) -> Result<Vec<(String, String)>> {
    let wrong = || {
        Error::new(
            ErrorKind::Invalid,
            "the configuration of a connector is no JSON object of texts",
        )
    };
    let whole: Value = serde_json::from_str(text).map_err(|_| wrong())?;
    let config = whole.get("config").unwrap_or(&whole);
    let pair = |(key, value): (&String, &Value)| match value {
        Value::String(text) => Some((key.clone(), text.clone())),
        Value::Bool(_) | Value::Number(_) => Some((key.clone(), value.to_string())),
        _ => None,
    };
    let members = config.as_object().ok_or_else(wrong)?;
    members
        .iter()
        .map(pair)
        .collect::<Option<_>>()
        .ok_or_else(wrong)
}

/// `key=value` a line; a backslash at the end of a line joins the next one, others stand for what follows.
fn properties(text: &str) -> Vec<(String, String)> {
    let mut joined = String::new();
    let mut pairs = Vec::new();
    for line in text.lines() {
        let line = line.trim_start();
        if joined.is_empty() && (line.is_empty() || line.starts_with(['#', '!'])) {
            continue;
        }
        let slashes = line.chars().rev().take_while(|c| *c == '\\').count();
        if slashes % 2 == 1 {
            joined += &line[..line.len() - 1];
            continue;
        }
        joined += line;
        let line = std::mem::take(&mut joined);
        if let Some((key, value)) = line.split_once(['=', ':']) {
            pairs.push((key.trim().to_owned(), plain(value.trim())));
        }
    }
    pairs
}

fn plain(value: &str) -> String {
    let mut out = String::new();
    let mut chars = value.chars();
    while let Some(c) = chars.next() {
        match c {
            '\\' => match chars.next() {
                Some('t') => out.push('\t'),
                Some('n') => out.push('\n'),
                Some(c) => out.push(c),
                None => {}
            },
            c => out.push(c),
        }
    }
    out
}
