//! What sqlparser says of a text that it does not understand, as one sentence at the place that is wrong.

use sqlparser::keywords::Keyword;
use sqlparser::parser::ParserError;
use sqlparser::tokenizer::{Location, Span, Token, TokenWithSpan};

use super::cursor::MAX_DEPTH;
use super::lexer::{is_word, lower_first};
use crate::error::{SqlError, nearest};

/// Words that begin a part of a query.
const CLAUSES: [&str; 16] = [
    "FROM",
    "WHERE",
    "GROUP",
    "HAVING",
    "QUALIFY",
    "ORDER",
    "LIMIT",
    "OFFSET",
    "FETCH",
    "JOIN",
    "LEFT",
    "INNER",
    "UNION",
    "INTERSECT",
    "EXCEPT",
    "EMIT",
];

/// The shortest word that may be a mistaken clause: what is shorter is an alias.
const SHORTEST: usize = 4;

/// sqlparser says where in its message: `… at Line: 1, Column: 70`.
pub(super) fn of_parser(error: ParserError, tokens: &[TokenWithSpan], end: Span) -> SqlError {
    let message = match error {
        ParserError::TokenizerError(m) | ParserError::ParserError(m) => m,
        ParserError::RecursionLimitExceeded => {
            return SqlError::invalid(format!("nested deeper than {MAX_DEPTH} levels")).at(end);
        }
    };
    if let Some(error) = open_case(tokens) {
        return error;
    }
    let Some((text, place)) = message.rsplit_once(" at Line: ") else {
        return SqlError::syntax(tidy_message(&message)).at(end);
    };
    let mut numbers = place.split(", Column: ").map(|n| n.trim().parse::<u64>());
    match (numbers.next(), numbers.next()) {
        (Some(Ok(line)), Some(Ok(column))) if line > 0 => {
            let start = Location { line, column };
            SqlError::syntax(tidy_message(text)).at(token_at(text, start, tokens))
        }
        _ => SqlError::syntax(tidy_message(text)).at(end),
    }
}

/// What follows a query that could end there.
pub(super) fn no_end(next: &TokenWithSpan, tokens: &[TokenWithSpan]) -> SqlError {
    if let Some(error) = open_case(tokens) {
        return error;
    }
    let found = shown(&next.token.to_string());
    let error = SqlError::syntax(format!("expected the end of the statement, found {found}"));
    let error = error.at(next.span);
    for word in ["GROUP", "ORDER", "PARTITION"] {
        if is_word(next, word) {
            return error.with_hint(format!("write {word} BY"));
        }
    }
    let before = tokens.iter().take_while(|t| t.span.start < next.span.start);
    let hint = match (clause(next), before.last().and_then(clause)) {
        (Some((_, meant)), _) => Some(format!("did you mean '{meant}'?")),
        (None, Some((word, meant))) => Some(format!("did you mean '{meant}' by '{word}'?")),
        (None, None) => None,
    };
    error.with_hint_opt(hint)
}

/// A token in quotes, unless it has some.
pub(super) fn shown(token: &str) -> String {
    if token.starts_with('\'') {
        token.to_owned()
    } else {
        format!("'{token}'")
    }
}

/// The word that a token is, and the clause that was meant by it.
fn clause(token: &TokenWithSpan) -> Option<(&str, &'static str)> {
    let Token::Word(word) = &token.token else {
        return None;
    };
    let is_name = word.keyword == Keyword::NoKeyword && word.quote_style.is_none();
    if !is_name || word.value.len() < SHORTEST {
        return None;
    }
    nearest(&word.value, CLAUSES).map(|meant| (word.value.as_str(), meant))
}

/// A CASE without its END, which sqlparser takes for a column called `CASE`.
fn open_case(tokens: &[TokenWithSpan]) -> Option<SqlError> {
    let mut open = Vec::new();
    for token in tokens {
        if is_word(token, "CASE") {
            open.push(token.span);
        } else if is_word(token, "END") {
            open.pop();
        }
    }
    let span = open.pop()?;
    let error = SqlError::syntax("CASE without END").at(span);
    Some(error.with_hint("write CASE WHEN condition THEN value ELSE value END"))
}

/// The token that a message is about: sqlparser may name one and count up to the next.
fn token_at(text: &str, start: Location, tokens: &[TokenWithSpan]) -> Span {
    let found = text.rsplit_once(", found: ").map(|(_, found)| found);
    let is_found = |t: &TokenWithSpan| found.is_some_and(|f| t.token.to_string() == f);
    let Some(at) = tokens.iter().position(|t| t.span.start == start) else {
        return Span::new(start, start);
    };
    match at.checked_sub(1).map(|before| &tokens[before]) {
        Some(before) if !is_found(&tokens[at]) && is_found(before) => before.span,
        _ => tokens[at].span,
    }
}

fn tidy_message(text: &str) -> String {
    let text = text.replace("Expected: ", "expected ");
    let text = match text.strip_prefix("expected ), ") {
        Some(rest) => format!("expected ')', {rest}"),
        None => text,
    };
    if let Some(token) = text.strip_prefix("No infix parser for token ") {
        let sign = match token {
            "ExclamationMark" => "'!'".to_owned(),
            other => shown(other),
        };
        return format!("{sign} is not an operator");
    }
    match text.rsplit_once(", found: ") {
        Some((wanted, "EOF")) => format!("{wanted}, found the end of the statement"),
        Some((wanted, found)) => format!("{}, found {}", lower_first(wanted), shown(found)),
        None => lower_first(&text),
    }
}
