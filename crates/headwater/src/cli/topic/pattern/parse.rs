//! The parts of a pattern: literal text, and verbs with their modifiers in braces.

use crate::cli::exit::{Failure, Outcome};

/// A part of a pattern.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Part {
    /// These bytes.
    Literal(Vec<u8>),
    /// `%t` topic, `%k` key, `%v` value.
    Text(char, Encoding),
    /// `%p` partition, `%o` offset, `%d` timestamp, `%T` `%K` `%V` lengths, `%H` number of headers, `%i` records so far.
    Number(char, Digits),
    /// `%d{strftime[…]}`.
    Time(String),
    /// `%h{…}`: this for each header, whose key and value are `%k` and `%v`.
    Headers(Vec<Part>),
}

/// How text is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Encoding {
    /// As it is.
    Raw,
    /// Hexadecimal digits.
    Hex,
    /// Base64 with padding.
    Base64,
    /// Base64 without padding.
    Base64Raw,
}

/// How a number is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Digits {
    /// Decimal digits.
    Ascii,
    /// So many hexadecimal digits.
    Hex(usize),
    /// So many bytes, the most significant first.
    Big(usize),
    /// So many bytes, the least significant first.
    Little(usize),
    /// `true` unless it is zero.
    Bool,
}

/// The verbs that a pattern may use.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Verbs {
    /// Those that stand for text.
    pub(crate) texts: &'static str,
    /// Those that stand for numbers.
    pub(crate) numbers: &'static str,
    /// Whether headers may be shown.
    pub(crate) headers: bool,
}

impl Verbs {
    /// What a record that is written has.
    pub(crate) const RECORD: Self = Self {
        texts: "tkv",
        numbers: "poTKVHdi",
        headers: true,
    };
    /// What a line that is read may hold.
    pub(crate) const LINE: Self = Self {
        texts: "kv",
        numbers: "p",
        headers: false,
    };
    const HEADER: Self = Self {
        texts: "kv",
        numbers: "KV",
        headers: false,
    };
}

/// Reads a pattern.
///
/// # Errors
/// A wrong command line, naming what is not understood.
pub(crate) fn parse(text: &str, verbs: Verbs) -> Outcome<Vec<Part>> {
    parts(text, verbs).map_err(|wrong| {
        Failure::usage(format!("format '{text}' does not know '{wrong}'"))
            .with_hint("`--help` shows the verbs; a percent sign is %%, a brace %{")
    })
}

/// The parts, or what is not understood.
fn parts(text: &str, verbs: Verbs) -> Result<Vec<Part>, String> {
    let mut parts = Vec::new();
    let mut literal = Vec::new();
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        rest = &rest[c.len_utf8()..];
        match c {
            '\\' => literal.push(escape(&mut rest)?),
            '%' => match verb(&mut rest, verbs)? {
                Part::Literal(text) => literal.extend(text),
                part => {
                    if !literal.is_empty() {
                        parts.push(Part::Literal(std::mem::take(&mut literal)));
                    }
                    parts.push(part);
                }
            },
            c => literal.extend(c.encode_utf8(&mut [0; 4]).as_bytes()),
        }
    }
    if !literal.is_empty() {
        parts.push(Part::Literal(literal));
    }
    Ok(parts)
}

/// What follows a backslash.
fn escape(rest: &mut &str) -> Result<u8, String> {
    let (kind, after) = first(rest).ok_or("\\")?;
    *rest = after;
    match kind {
        'n' => Ok(b'\n'),
        't' => Ok(b'\t'),
        'r' => Ok(b'\r'),
        '\\' => Ok(b'\\'),
        'x' => {
            let digits = rest.get(..2).unwrap_or(rest);
            let byte = u8::from_str_radix(digits, 16).map_err(|_| format!("\\x{digits}"))?;
            *rest = &rest[digits.len()..];
            Ok(byte)
        }
        other => Err(format!("\\{other}")),
    }
}

/// What follows a percent sign.
fn verb(rest: &mut &str, verbs: Verbs) -> Result<Part, String> {
    let (verb, after) = first(rest).ok_or("%")?;
    *rest = after;
    if matches!(verb, '%' | '{' | '}') {
        return Ok(Part::Literal(vec![verb as u8]));
    }
    let modifier = modifier(rest).ok_or_else(|| format!("%{verb}{rest}"))?;
    let unknown = || match modifier {
        Some(m) => format!("%{verb}{{{m}}}"),
        None => format!("%{verb}"),
    };
    match verb {
        'h' if verbs.headers => {
            let inside = parts(modifier.unwrap_or_default(), Verbs::HEADER)?;
            Ok(Part::Headers(inside))
        }
        'd' if verbs.numbers.contains('d')
            && modifier.is_some_and(|m| m.starts_with("strftime")) =>
        {
            modifier
                .and_then(strftime)
                .map(Part::Time)
                .ok_or_else(unknown)
        }
        c if verbs.texts.contains(c) => encoding(modifier)
            .map(|e| Part::Text(c, e))
            .ok_or_else(unknown),
        c if verbs.numbers.contains(c) => digits(modifier)
            .map(|d| Part::Number(c, d))
            .ok_or_else(unknown),
        _ => Err(unknown()),
    }
}

fn first(text: &str) -> Option<(char, &str)> {
    let c = text.chars().next()?;
    Some((c, &text[c.len_utf8()..]))
}

/// The inside of the braces at the start, if there are any; `None`: they are not closed.
fn modifier<'a>(rest: &mut &'a str) -> Option<Option<&'a str>> {
    let Some(inside) = rest.strip_prefix('{') else {
        return Some(None);
    };
    let mut depth = 1;
    let mut chars = inside.char_indices();
    while let Some((at, c)) = chars.next() {
        match c {
            // What follows a percent sign is no brace of ours.
            '%' => drop(chars.next()),
            '{' => depth += 1,
            '}' => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            *rest = &inside[at + 1..];
            return Some(Some(&inside[..at]));
        }
    }
    None
}

/// The format of `strftime[…]`; the brackets may be braces or number signs, and several.
fn strftime(modifier: &str) -> Option<String> {
    let wrapped = modifier.strip_prefix("strftime")?;
    let open = wrapped.chars().next()?;
    let close = match open {
        '[' => ']',
        '{' => '}',
        '#' => '#',
        _ => return None,
    };
    let width = wrapped.chars().take_while(|c| *c == open).count();
    let inside = wrapped.get(width..wrapped.len().checked_sub(width)?)?;
    let closes = wrapped[width + inside.len()..].chars().all(|c| c == close);
    closes.then(|| inside.to_owned())
}

fn encoding(modifier: Option<&str>) -> Option<Encoding> {
    Some(match modifier {
        None => Encoding::Raw,
        Some("hex") => Encoding::Hex,
        Some("base64") => Encoding::Base64,
        Some("base64raw") => Encoding::Base64Raw,
        Some(_) => return None,
    })
}

fn digits(modifier: Option<&str>) -> Option<Digits> {
    Some(match modifier {
        None | Some("ascii") => Digits::Ascii,
        Some("hex64") => Digits::Hex(16),
        Some("hex32") => Digits::Hex(8),
        Some("hex16") => Digits::Hex(4),
        Some("hex8") => Digits::Hex(2),
        Some("hex4") => Digits::Hex(1),
        Some("big64") => Digits::Big(8),
        Some("big32") => Digits::Big(4),
        Some("big16") => Digits::Big(2),
        Some("little64") => Digits::Little(8),
        Some("little32") => Digits::Little(4),
        Some("little16") => Digits::Little(2),
        Some("byte" | "big8" | "little8") => Digits::Big(1),
        Some("bool") => Digits::Bool,
        Some(_) => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(text: &str) -> Vec<Part> {
        parse(text, Verbs::RECORD).unwrap_or_else(|e| panic!("{text}: {}", e.message))
    }

    #[test]
    fn verbs_escapes_and_modifiers() {
        let literal = |text: &str| Part::Literal(text.as_bytes().to_vec());
        assert_eq!(record("100%%\\n%{\\x41é"), [literal("100%\n{Aé")]);
        assert_eq!(
            record("%p:%v{hex} "),
            [
                Part::Number('p', Digits::Ascii),
                literal(":"),
                Part::Text('v', Encoding::Hex),
                literal(" ")
            ]
        );
        assert_eq!(
            record("%h{ %k=%v{base64}%} }"),
            [Part::Headers(vec![
                literal(" "),
                Part::Text('k', Encoding::Raw),
                literal("="),
                Part::Text('v', Encoding::Base64),
                literal("} "),
            ])]
        );
        for time in [
            "%d{strftime[%F]}",
            "%d{strftime###%F###}",
            "%d{strftime{%F}}",
        ] {
            assert_eq!(record(time), [Part::Time("%F".to_owned())], "{time}");
        }
    }

    #[test]
    fn what_is_not_known_is_a_wrong_command_line() {
        for wrong in [
            "%x",
            "%",
            "\\q",
            "a\\",
            "%v{hex",
            "%v{no}",
            "\\xg0",
            "%d{strftime[%F}",
            "\\xé",
        ] {
            assert!(parse(wrong, Verbs::RECORD).is_err(), "{wrong}");
        }
        assert!(parse("%o", Verbs::LINE).is_err());
    }
}
