//! The `KafkaConnector` of Strimzi: of YAML what such a file needs, texts in maps in maps. What is beyond that is refused.

use headwater_log::{Error, ErrorKind, Result};

use super::text::CLASS;

/// The pairs of a `KafkaConnector`; `None`: the text is none.
pub(super) fn pairs(text: &str) -> Result<Option<Vec<(String, String)>>> {
    if !text
        .lines()
        .any(|line| line.trim_end() == "kind: KafkaConnector")
    {
        return Ok(None);
    }
    // The keys above the line, with how far they are from the margin.
    let mut above: Vec<(usize, String)> = Vec::new();
    let mut pairs = Vec::new();
    for (number, line) in text.lines().enumerate() {
        let inner = line.trim_start();
        if inner.is_empty() || inner.starts_with('#') || line == "---" {
            continue;
        }
        let wrong = || beyond(number + 1);
        let margin = line.len() - inner.len();
        let (key, rest) = entry(inner).ok_or_else(wrong)?;
        above.retain(|(m, _)| *m < margin);
        match rest {
            "" => above.push((margin, key)),
            rest => {
                let value = scalar(rest).ok_or_else(wrong)?;
                let path: Vec<&str> = above.iter().map(|(_, key)| key.as_str()).collect();
                pairs.extend(pair(&path, key, value));
            }
        }
    }
    Ok(Some(pairs))
}

/// What an entry says of the connector; what it is called and where it runs is nothing to us.
fn pair(path: &[&str], key: String, value: String) -> Option<(String, String)> {
    match (path, key.as_str()) {
        (["spec", "config"], _) => Some((key, value)),
        (["spec"], "class") => Some((CLASS.to_owned(), value)),
        (["spec"], "tasksMax") => Some(("tasks.max".to_owned(), value)),
        (["spec", inner @ ..], _) => {
            let path = ["spec"].iter().chain(inner).copied().chain([key.as_str()]);
            Some((path.collect::<Vec<_>>().join("."), value))
        }
        _ => None,
    }
}

/// A key and what is behind it.
fn entry(line: &str) -> Option<(String, &str)> {
    let (key, rest) = match line.chars().next()? {
        quote @ ('"' | '\'') => {
            let (key, rest) = line[1..].split_once(quote)?;
            (key, rest.trim_start().strip_prefix(':')?)
        }
        _ => match line.split_once(": ") {
            Some(parts) => parts,
            None => (line.trim_end().strip_suffix(':')?, ""),
        },
    };
    let is_plain = !key.is_empty() && !key.starts_with(['-', '?', '&', '*', '!', '{', '[']);
    let rest = rest.trim();
    let rest = if rest.starts_with('#') { "" } else { rest };
    is_plain.then(|| (key.trim().to_owned(), rest))
}

/// A text, quoted or not.
fn scalar(text: &str) -> Option<String> {
    let (value, rest) = match text.chars().next()? {
        '\'' => {
            let doubled = text[1..].replace("''", "\0");
            let (value, rest) = doubled.split_once('\'')?;
            (value.replace('\0', "'"), rest.to_owned())
        }
        '"' => double(&text[1..])?,
        '|' | '>' | '&' | '*' | '!' | '{' | '[' | '%' | '@' | '`' => return None,
        _ => {
            let plain = text.split(" #").next()?;
            (plain.trim_end().to_owned(), String::new())
        }
    };
    let rest = rest.trim_start();
    (rest.is_empty() || rest.starts_with('#')).then_some(value)
}

/// What is before the closing quote, and what is behind it.
fn double(text: &str) -> Option<(String, String)> {
    let mut value = String::new();
    let mut chars = text.chars();
    loop {
        match chars.next()? {
            '"' => return Some((value, chars.collect())),
            '\\' => value.push(match chars.next()? {
                'n' => '\n',
                't' => '\t',
                c @ ('"' | '\\' | '/') => c,
                _ => return None,
            }),
            c => value.push(c),
        }
    }
}

fn beyond(line: usize) -> Error {
    let text = format!("line {line} of the KafkaConnector is beyond what is understood of YAML");
    Error::new(ErrorKind::Unsupported, text)
        .with_hint("write each entry as `key: text` on a line of its own")
}
