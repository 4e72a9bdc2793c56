//! Hints: `/*+ OPTIONS('key' = 'value') */` after the name of a table. A comment that begins with `+` is never ignored:
//! what is not understood is an error.

use sqlparser::tokenizer::{Location, Span, Token};

use super::create::options;
use super::cursor::Cursor;
use super::lexer::{self, HintComment};
use super::{Name, TableOption};
use crate::error::{Result, SqlError, suggestion};

/// The hint that changes the options of a table for one statement.
const OPTIONS: &str = "OPTIONS";

/// Hints that Flink has and this version has not, with the reason.
const LATER: [(&str, &str); 8] = [
    (
        "STATE_TTL",
        "state is kept until the watermark or a deletion frees it",
    ),
    ("BROADCAST", "a continuous query has no joins yet"),
    ("SHUFFLE_HASH", "a continuous query has no joins yet"),
    ("SHUFFLE_MERGE", "a continuous query has no joins yet"),
    ("NEST_LOOP", "a continuous query has no joins yet"),
    ("MULTI_JOIN", "a continuous query has no joins yet"),
    ("LOOKUP", "a continuous query has no joins yet"),
    ("JOIN", "a continuous query has no joins yet"),
];

/// Options that a table has in one statement.
#[derive(Debug, Clone)]
pub struct TableHint {
    /// The options.
    pub options: Vec<TableOption>,
    /// The place of the table's name.
    pub(crate) table: Span,
    /// The place of the hint.
    pub(crate) span: Span,
}

/// The hints of a statement.
pub(super) fn hints(comments: &[HintComment]) -> Result<Vec<TableHint>> {
    let mut found = Vec::new();
    for comment in comments {
        read(comment, &mut found)?;
    }
    Ok(found)
}

/// The hints that stand within a part of the statement.
pub(super) fn within(hints: &[TableHint], from: Location, to: Location) -> Vec<TableHint> {
    let inside = |h: &&TableHint| from <= h.table.start && h.table.start <= to;
    hints.iter().filter(inside).cloned().collect()
}

fn read(comment: &HintComment, out: &mut Vec<TableHint>) -> Result<()> {
    let tokens = lexer::tokenize_at(&comment.text, comment.start)?;
    let mut cursor = Cursor::new(&tokens);
    if cursor.is_done() {
        return Err(SqlError::syntax("a hint is empty")
            .at(comment.span)
            .with_hint("write /*+ OPTIONS('key' = 'value') */"));
    }
    while !cursor.is_done() {
        let name = cursor.name("the name of a hint")?;
        if !name.value.eq_ignore_ascii_case(OPTIONS) {
            return Err(unknown(&name));
        }
        let options = options(&mut cursor)?;
        let Some(table) = comment.after else {
            return Err(misplaced(name.span));
        };
        out.push(TableHint {
            options,
            table,
            span: name.span,
        });
        cursor.eat_token(&Token::Comma);
    }
    Ok(())
}

fn unknown(name: &Name) -> SqlError {
    let known = |(hint, _): &&(&str, &str)| hint.eq_ignore_ascii_case(&name.value);
    if let Some((hint, why)) = LATER.iter().find(known) {
        return SqlError::unsupported(format!("hint {hint} is not supported yet: {why}"))
            .at(name.span)
            .with_hint("remove the hint");
    }
    let names = LATER.iter().map(|(hint, _)| *hint).chain([OPTIONS]);
    let near = suggestion(&name.value, names);
    let hint =
        near.unwrap_or_else(|| "the one that is known is OPTIONS('key' = 'value')".to_owned());
    SqlError::not_found(format!("unknown hint '{}'", name.value))
        .at(name.span)
        .with_hint(hint)
}

/// The error for a hint that stands after something else than a table's name.
pub(super) fn misplaced(span: Span) -> SqlError {
    SqlError::syntax("hint OPTIONS does not stand after the name of a table")
        .at(span)
        .with_hint("write FROM t /*+ OPTIONS('key' = 'value') */ AS alias")
}
