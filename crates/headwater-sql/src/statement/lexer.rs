//! Tokens with their places, and the cut of a text into statements. Tokenised once; every later step keeps the
//! tokens' spans, so that errors point into the original text.

use sqlparser::tokenizer::{Location, Span, Token, TokenWithSpan, Tokenizer};

use super::dialect::HeadwaterDialect;
use crate::error::{Result, SqlError};

/// The longest text that is accepted, in bytes.
pub(crate) const MAX_TEXT_BYTES: usize = 4 << 20;

/// The tokens of one statement, without white space, comments and the semicolon.
#[derive(Debug, Clone)]
pub(crate) struct StatementTokens {
    /// The tokens, at least one.
    pub(crate) tokens: Vec<TokenWithSpan>,
    /// The statement as written, without the semicolon.
    pub(crate) text: String,
}

/// Tokenises a text of any number of statements.
pub(crate) fn tokenize(sql: &str) -> Result<Vec<TokenWithSpan>> {
    if sql.len() > MAX_TEXT_BYTES {
        return Err(SqlError::invalid(format!(
            "the text has {} bytes, more than {MAX_TEXT_BYTES}",
            sql.len()
        )));
    }
    let tokens = Tokenizer::new(&HeadwaterDialect, sql)
        .tokenize_with_location()
        .map_err(|e| {
            SqlError::syntax(lower_first(&e.message)).at(Span::new(e.location, e.location))
        })?;
    Ok(tokens
        .into_iter()
        .filter(|t| !matches!(t.token, Token::Whitespace(_) | Token::EOF))
        .collect())
}

/// Cuts a text into statements at semicolons; those inside `BEGIN … END` of a statement set do not count.
pub(crate) fn split(sql: &str) -> Result<Vec<StatementTokens>> {
    let mut statements = Vec::new();
    let mut current: Vec<TokenWithSpan> = Vec::new();
    let mut in_set = false;
    for token in tokenize(sql)? {
        if token.token == Token::SemiColon && !in_set {
            push_statement(&mut statements, std::mem::take(&mut current), sql);
            continue;
        }
        let is_end = in_set && is_word(&token, "END") && ends_statement(current.last());
        current.push(token);
        if is_end {
            in_set = false;
        } else if !in_set {
            in_set = opens_set(&current);
        }
    }
    push_statement(&mut statements, current, sql);
    Ok(statements)
}

fn opens_set(tokens: &[TokenWithSpan]) -> bool {
    match tokens {
        [a, b, c, d] => {
            is_word(a, "EXECUTE")
                && is_word(b, "STATEMENT")
                && is_word(c, "SET")
                && is_word(d, "BEGIN")
        }
        [a, b, c] => is_word(a, "BEGIN") && is_word(b, "STATEMENT") && is_word(c, "SET"),
        _ => false,
    }
}

fn ends_statement(token: Option<&TokenWithSpan>) -> bool {
    token.is_some_and(|t| t.token == Token::SemiColon || is_word(t, "BEGIN"))
}

fn push_statement(out: &mut Vec<StatementTokens>, tokens: Vec<TokenWithSpan>, sql: &str) {
    if let (Some(first), Some(last)) = (tokens.first(), tokens.last()) {
        let text = slice(sql, first.span.start, last.span.end).to_owned();
        out.push(StatementTokens { tokens, text });
    }
}

/// The part of `sql` from one location up to another.
pub(crate) fn slice(sql: &str, from: Location, to: Location) -> &str {
    let (from, to) = (byte_offset(sql, from), byte_offset(sql, to));
    sql.get(from..to.max(from)).unwrap_or_default()
}

fn byte_offset(sql: &str, at: Location) -> usize {
    let mut line_start = 0;
    for _ in 1..at.line {
        match sql[line_start..].find('\n') {
            Some(i) => line_start += i + 1,
            None => return sql.len(),
        }
    }
    sql[line_start..]
        .char_indices()
        .nth(at.column.saturating_sub(1) as usize)
        .map_or(sql.len(), |(i, _)| line_start + i)
}

/// Whether a token is this unquoted word, in any case.
pub(crate) fn is_word(token: &TokenWithSpan, word: &str) -> bool {
    matches!(&token.token, Token::Word(w) if w.quote_style.is_none() && w.value.eq_ignore_ascii_case(word))
}

/// Messages start lower case.
pub(crate) fn lower_first(text: &str) -> String {
    let mut chars = text.chars();
    match chars.next() {
        Some(first) => first.to_lowercase().chain(chars).collect(),
        None => String::new(),
    }
}
