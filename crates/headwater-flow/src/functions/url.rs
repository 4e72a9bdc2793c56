//! `URL_ENCODE`, `URL_DECODE` (`application/x-www-form-urlencoded`, in UTF-8) and `PARSE_URL`.

use arrow::datatypes::DataType;
use datafusion_common::{Result, exec_err};
use datafusion_expr::{ColumnarValue, ScalarFunctionArgs};

use super::spec::{Spec, Text, all_texts, texts};

pub(super) static SPECS: [Spec; 3] = [
    Spec {
        name: "url_encode",
        aliases: &[],
        usage: "URL_ENCODE(text)",
        coerce: |types| all_texts(types, 1..=1),
        returns: |_| DataType::Utf8,
        invoke: |args| {
            let text = Text::new(&args.args[0])?;
            texts(args, |row| Ok(text.get(row).map(encoded)))
        },
    },
    Spec {
        name: "url_decode",
        aliases: &[],
        usage: "URL_DECODE(text)",
        coerce: |types| all_texts(types, 1..=1),
        returns: |_| DataType::Utf8,
        invoke: |args| {
            let text = Text::new(&args.args[0])?;
            texts(args, |row| Ok(text.get(row).and_then(decoded)))
        },
    },
    Spec {
        name: "parse_url",
        aliases: &[],
        usage: "PARSE_URL(url, 'HOST'[, key of the QUERY])",
        coerce: |types| all_texts(types, 2..=3),
        returns: |_| DataType::Utf8,
        invoke: parse_url,
    },
];

fn encoded(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'.' | b'-' | b'*' | b'_' => {
                out.push(char::from(byte));
            }
            b' ' => out.push('+'),
            _ => out.push_str(&format!("%{byte:02X}")),
        }
    }
    out
}

/// NULL for what is no such text.
fn decoded(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    let digit = |byte: Option<u8>| char::from(byte?).to_digit(16);
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'+' => b' ',
            b'%' => (digit(rest.next())? << 4 | digit(rest.next())?) as u8,
            other => other,
        });
    }
    String::from_utf8(bytes).ok()
}

/// A URL, taken apart.
struct Url<'a> {
    protocol: &'a str,
    user_info: Option<&'a str>,
    authority: &'a str,
    host: &'a str,
    path: &'a str,
    query: Option<&'a str>,
    reference: Option<&'a str>,
}

impl<'a> Url<'a> {
    fn new(text: &'a str) -> Option<Self> {
        let (protocol, rest) = text.split_once(':')?;
        let is_protocol = |c: char| c.is_ascii_alphanumeric() || "+-.".contains(c);
        if protocol.is_empty() || !protocol.chars().all(is_protocol) {
            return None;
        }
        let (rest, reference) = split(rest, '#');
        let (rest, query) = split(rest, '?');
        let after = rest.strip_prefix("//");
        let (authority, path) = match after {
            Some(after) => after.split_at(after.find('/').unwrap_or(after.len())),
            None => ("", rest),
        };
        let (user_info, place) = match authority.rsplit_once('@') {
            Some((user, place)) => (Some(user), place),
            None => (None, authority),
        };
        // The colons of an IPv6 address stand in brackets.
        let end = place.rfind(']').map_or(0, |bracket| bracket + 1);
        let host = place[end..].find(':').map_or(place, |c| &place[..end + c]);
        Some(Self {
            protocol,
            user_info,
            authority,
            host,
            path,
            query,
            reference,
        })
    }

    fn part(&self, name: &str) -> Result<Option<String>> {
        let part = match name {
            "HOST" => Some(self.host),
            "PATH" => Some(self.path),
            "QUERY" => self.query,
            "REF" => self.reference,
            "PROTOCOL" => Some(self.protocol),
            "AUTHORITY" => Some(self.authority),
            "USERINFO" => self.user_info,
            "FILE" => {
                let query = self.query.map(|q| format!("?{q}"));
                return Ok(Some(format!("{}{}", self.path, query.unwrap_or_default())));
            }
            other => {
                return exec_err!(
                    "'{other}' is not one of HOST, PATH, QUERY, REF, PROTOCOL, FILE, AUTHORITY and USERINFO"
                );
            }
        };
        Ok(part.map(str::to_owned))
    }

    fn value(&self, key: &str) -> Option<String> {
        let mut pairs = self
            .query?
            .split('&')
            .filter_map(|pair| pair.split_once('='));
        pairs.find(|(k, _)| *k == key).map(|(_, v)| v.to_owned())
    }
}

fn split(text: &str, at: char) -> (&str, Option<&str>) {
    match text.split_once(at) {
        Some((before, after)) => (before, Some(after)),
        None => (text, None),
    }
}

/// A part of a URL, or the value of a key in its query; NULL if there is no such thing.
fn parse_url(args: &ScalarFunctionArgs) -> Result<ColumnarValue> {
    let (url, part) = (Text::new(&args.args[0])?, Text::new(&args.args[1])?);
    let key = args.args.get(2).map(Text::new).transpose()?;
    texts(args, |row| {
        let (Some(url), Some(part)) = (url.get(row), part.get(row)) else {
            return Ok(None);
        };
        let Some(url) = Url::new(url) else {
            return Ok(None);
        };
        match &key {
            None => url.part(part),
            Some(key) if part == "QUERY" => Ok(key.get(row).and_then(|key| url.value(key))),
            Some(_) => Ok(None),
        }
    })
}
