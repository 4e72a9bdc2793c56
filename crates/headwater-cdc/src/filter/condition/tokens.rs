//! The words of a condition.

use headwater_log::{Error, ErrorKind, Result};

/// A word of a condition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Token {
    /// A plain name, or a word of the language.
    Word(String),
    /// A name in backquotes.
    Name(String),
    Number(String),
    Text(String),
    /// A sign: `(`, `<=`.
    Sign(&'static str),
}

/// Longer ones first.
const SIGNS: &[&str] = &["<=", ">=", "<>", "!=", "=", "<", ">", "(", ")", ","];

/// The words, each with the place where it begins, in bytes.
///
/// # Errors
/// `Invalid`.
pub(super) fn tokens(text: &str) -> Result<Vec<(usize, Token)>> {
    let mut found = Vec::new();
    let mut rest = text.trim_start();
    while !rest.is_empty() {
        let at = text.len() - rest.len();
        let (token, length) = token(rest).ok_or_else(|| misunderstood(text, at))?;
        found.push((at, token));
        rest = rest[length..].trim_start();
    }
    Ok(found)
}

/// A condition that is not understood from here on.
pub(super) fn misunderstood(text: &str, at: usize) -> Error {
    let place = match text.get(at..).filter(|rest| !rest.is_empty()) {
        Some(rest) => format!("from '{}' on", rest.chars().take(20).collect::<String>()),
        None => "at its end".to_owned(),
    };
    Error::new(ErrorKind::Invalid, format!("a condition is not understood {place}")).with_hint(
        "there are comparisons of a column with a number or a 'text', IN, BETWEEN, IS NULL, AND, OR, NOT and brackets",
    )
}

/// The word that a text begins with, and how long it is.
fn token(text: &str) -> Option<(Token, usize)> {
    let first = text.chars().next()?;
    match first {
        '\'' => quoted(text, '\'').map(|(inner, length)| (Token::Text(inner), length)),
        '`' => quoted(text, '`').map(|(inner, length)| (Token::Name(inner), length)),
        '0'..='9' | '+' | '-' | '.' => {
            let is_part = |c: char| c.is_ascii_alphanumeric() || c == '.';
            let end = text[1..].find(|c| !is_part(c));
            let number = &text[..end.map_or(text.len(), |end| end + 1)];
            is_number(number).then(|| (Token::Number(number.to_owned()), number.len()))
        }
        _ if first.is_alphabetic() || first == '_' => {
            let end = text.find(|c: char| !c.is_alphanumeric() && c != '_' && c != '$');
            let word = &text[..end.unwrap_or(text.len())];
            Some((Token::Word(word.to_owned()), word.len()))
        }
        _ => {
            let sign = SIGNS.iter().find(|sign| text.starts_with(**sign))?;
            Some((Token::Sign(sign), sign.len()))
        }
    }
}

/// What is between quotes, in which a doubled one stands for itself. Backslashes are refused: servers understand them in two ways.
fn quoted(text: &str, quote: char) -> Option<(String, usize)> {
    let mut inner = String::new();
    let mut chars = text.char_indices().skip(1).peekable();
    while let Some((at, c)) = chars.next() {
        match c {
            '\\' => return None,
            c if c != quote => inner.push(c),
            _ if chars.next_if(|(_, next)| *next == quote).is_some() => inner.push(quote),
            _ => return Some((inner, at + 1)),
        }
    }
    None
}

/// Digits, perhaps with a sign and a point.
fn is_number(text: &str) -> bool {
    let digits = text.strip_prefix(['+', '-']).unwrap_or(text);
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let are_digits = |part: &str| part.bytes().all(|b| b.is_ascii_digit());
    are_digits(whole) && are_digits(fraction) && (whole.len() + fraction.len()) > 0
}
