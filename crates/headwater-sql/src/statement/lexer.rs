//! Tokens with their places, and the cut of a text into statements. Tokenised once; every later step keeps the
//! tokens' spans, so that errors point into the original text.

use sqlparser::tokenizer::{Location, Span, Token, TokenWithSpan, Tokenizer, Whitespace};

use super::dialect::HeadwaterDialect;
use crate::error::{Result, SqlError};

/// The longest text that is accepted, in bytes.
pub(crate) const MAX_TEXT_BYTES: usize = 4 << 20;

/// The tokens of one statement, without white space, comments and the semicolon.
#[derive(Debug, Clone)]
pub(crate) struct StatementTokens {
    /// The tokens, at least one.
    pub(crate) tokens: Vec<TokenWithSpan>,
    /// The comments that are hints.
    pub(crate) hints: Vec<HintComment>,
    /// The statement as written, without the semicolon.
    pub(crate) text: String,
}

/// A comment `/*+ … */`.
#[derive(Debug, Clone)]
pub(crate) struct HintComment {
    /// What it says, without the delimiters.
    pub(crate) text: String,
    /// Where `text` begins.
    pub(crate) start: Location,
    /// The place of the comment.
    pub(crate) span: Span,
    /// The place of the token before it.
    pub(crate) after: Option<Span>,
}

/// The tokens of a text that stands at `start` in another one.
pub(crate) fn tokenize_at(text: &str, start: Location) -> Result<Vec<TokenWithSpan>> {
    let shift = |at: Location| Location {
        line: start.line + at.line - 1,
        column: match at.line {
            1 => start.column + at.column - 1,
            _ => at.column,
        },
    };
    let mut tokens = tokenize(text).map_err(|e| e.moved_to(start))?;
    for token in &mut tokens {
        token.span = Span::new(shift(token.span.start), shift(token.span.end));
    }
    Ok(tokens)
}

/// Tokenises a text; white space and comments are left out, hints too.
pub(crate) fn tokenize(sql: &str) -> Result<Vec<TokenWithSpan>> {
    let mut tokens = scan(sql)?;
    tokens.retain(|t| !matches!(t.token, Token::Whitespace(_)));
    Ok(tokens)
}

/// The text of a comment that is a hint.
fn hint(token: &Token) -> Option<&str> {
    match token {
        Token::Whitespace(Whitespace::MultiLineComment(text)) => text.strip_prefix('+'),
        _ => None,
    }
}

/// Tokenises a text of any number of statements; of white space and comments only hints are left.
fn scan(sql: &str) -> Result<Vec<TokenWithSpan>> {
    if sql.len() > MAX_TEXT_BYTES {
        return Err(SqlError::invalid(format!(
            "the text has {} bytes, more than {MAX_TEXT_BYTES}",
            sql.len()
        )));
    }
    let tokens = Tokenizer::new(&HeadwaterDialect, sql)
        .tokenize_with_location()
        .map_err(|e| {
            SqlError::syntax(unterminated(&e.message)).at(Span::new(e.location, e.location))
        })?;
    Ok(tokens
        .into_iter()
        .filter(|t| match &t.token {
            Token::EOF => false,
            Token::Whitespace(_) => hint(&t.token).is_some(),
            _ => true,
        })
        .collect())
}

/// What the tokenizer says, as people say it.
fn unterminated(message: &str) -> String {
    match message {
        m if m.contains("close delimiter") => "unterminated quoted name".to_owned(),
        m if m.contains("multi-line comment") => "unterminated comment".to_owned(),
        m => lower_first(m),
    }
}

/// The tokens of a text as one text: equal for texts that differ in space and comments only.
pub(crate) fn fingerprint(sql: &str) -> Result<String> {
    let tokens = scan(sql)?.into_iter().map(|t| t.token.to_string());
    Ok(tokens.collect::<Vec<_>>().join(" "))
}

/// Cuts a text into statements at semicolons; those inside `BEGIN … END` of a statement set do not count.
pub(crate) fn split(sql: &Source<'_>) -> Result<Vec<StatementTokens>> {
    let mut statements = Vec::new();
    let mut current: Vec<TokenWithSpan> = Vec::new();
    let mut hints: Vec<HintComment> = Vec::new();
    let mut in_set = false;
    for token in scan(sql.text)? {
        if let Some(text) = hint(&token.token) {
            hints.push(hint_comment(text, token.span, current.last()));
            continue;
        }
        if token.token == Token::SemiColon && !in_set {
            let hints = std::mem::take(&mut hints);
            push_statement(&mut statements, std::mem::take(&mut current), hints, sql)?;
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
    push_statement(&mut statements, current, hints, sql)?;
    Ok(statements)
}

fn hint_comment(text: &str, span: Span, before: Option<&TokenWithSpan>) -> HintComment {
    // After `/*+`.
    let start = Location {
        line: span.start.line,
        column: span.start.column + 3,
    };
    HintComment {
        text: text.to_owned(),
        start,
        span,
        after: before.map(|t| t.span),
    }
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

fn push_statement(
    out: &mut Vec<StatementTokens>,
    tokens: Vec<TokenWithSpan>,
    hints: Vec<HintComment>,
    sql: &Source<'_>,
) -> Result<()> {
    if let (Some(first), Some(last)) = (tokens.first(), tokens.last()) {
        let last_hint = hints.last().map(|h| h.span.end);
        let end = last_hint.map_or(last.span.end, |h| h.max(last.span.end));
        let text = sql.slice(first.span.start, end).to_owned();
        out.push(StatementTokens {
            tokens,
            hints,
            text,
        });
    } else if let Some(alone) = hints.first() {
        return Err(super::hint::misplaced(alone.span));
    }
    Ok(())
}

/// A text with the places of its lines.
pub(crate) struct Source<'a> {
    text: &'a str,
    lines: Vec<usize>,
}

impl<'a> Source<'a> {
    pub(crate) fn new(text: &'a str) -> Self {
        let ends = text.match_indices('\n').map(|(i, _)| i + 1);
        Self {
            lines: std::iter::once(0).chain(ends).collect(),
            text,
        }
    }

    /// The part from one location up to another.
    pub(crate) fn slice(&self, from: Location, to: Location) -> &'a str {
        let (from, to) = (self.byte_offset(from), self.byte_offset(to));
        self.text.get(from..to.max(from)).unwrap_or_default()
    }

    fn byte_offset(&self, at: Location) -> usize {
        let line = (at.line as usize).saturating_sub(1);
        let Some(start) = self.lines.get(line) else {
            return self.text.len();
        };
        let mut chars = self.text[*start..].char_indices();
        chars
            .nth((at.column as usize).saturating_sub(1))
            .map_or(self.text.len(), |(i, _)| start + i)
    }
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
