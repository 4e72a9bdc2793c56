//! Queries: the trailing `EMIT` clause is ours, the rest is sqlparser's.

use sqlparser::ast::SetExpr;
use sqlparser::tokenizer::{Span, TokenWithSpan};

use super::cursor::{Cursor, parse_query};
use super::lexer::is_word;
use super::parse::StatementParser;
use super::{Emit, Insert, Query};
use crate::error::{Result, SqlError};

/// A query that takes up all of `tokens`.
pub(crate) fn query(
    parser: &StatementParser<'_>,
    tokens: &[TokenWithSpan],
    end: Span,
) -> Result<Query> {
    let (body, emit) = cut_emit(tokens)?;
    if body.is_empty() {
        return Err(SqlError::syntax("expected a query, found the end of the statement").at(end));
    }
    let ast = parse_query(body, end)?;
    Ok(Query {
        ast,
        emit,
        text: parser.source(body),
        hints: parser.hints_within(body),
        span: body[0].span,
    })
}

/// Whether these tokens begin a query.
pub(crate) fn starts_query(token: Option<&TokenWithSpan>) -> bool {
    token.is_some_and(|t| {
        ["SELECT", "WITH", "VALUES"].iter().any(|w| is_word(t, w))
            || t.token == sqlparser::tokenizer::Token::LParen
    })
}

fn cut_emit(tokens: &[TokenWithSpan]) -> Result<(&[TokenWithSpan], Option<Emit>)> {
    let Some(at) = tokens.iter().rposition(|t| is_word(t, "EMIT")) else {
        return Ok((tokens, None));
    };
    if tokens.len() - at > 4 || at == 0 {
        return Ok((tokens, None));
    }
    let mut cursor = Cursor::new(&tokens[at + 1..]);
    let emit = if cursor.eat(&["CHANGES"]) {
        Emit::Changes
    } else if cursor.eat(&["FINAL"]) || cursor.eat(&["ON", "WINDOW", "CLOSE"]) {
        Emit::OnWindowClose
    } else if ends_expression(&tokens[at - 1]) {
        return Err(emit_error(&tokens[at]));
    } else {
        return Ok((tokens, None));
    };
    if !cursor.is_done() {
        return Err(emit_error(&tokens[at]));
    }
    Ok((&tokens[..at], Some(emit)))
}

/// `… FROM t EMIT x` is a mistaken clause; `SELECT emit FROM t` is a column.
fn ends_expression(before: &TokenWithSpan) -> bool {
    use sqlparser::tokenizer::Token;
    match &before.token {
        Token::Word(w) => w.keyword == sqlparser::keywords::Keyword::NoKeyword,
        Token::RParen | Token::Number(..) | Token::SingleQuotedString(_) => true,
        _ => false,
    }
}

fn emit_error(at: &TokenWithSpan) -> SqlError {
    SqlError::syntax("EMIT says nothing that is known")
        .at(at.span)
        .with_hint("write EMIT ON WINDOW CLOSE, EMIT CHANGES or EMIT FINAL at the end of the query")
}

/// `INSERT INTO t [(columns)] query`, after `INSERT`.
pub(crate) fn insert(
    parser: &StatementParser<'_>,
    cursor: &mut Cursor<'_>,
    text: String,
) -> Result<Insert> {
    if cursor.sees(&["OVERWRITE"]) {
        return Err(SqlError::unsupported("INSERT OVERWRITE is not supported")
            .at(cursor.span())
            .with_hint("use INSERT INTO"));
    }
    cursor.expect(&["INTO"])?;
    cursor.eat(&["TABLE"]);
    let table = cursor.object_name("the name of a table")?;
    let columns = match (cursor.peek(), starts_query(cursor.peek_nth(1))) {
        (Some(t), false) if t.token == sqlparser::tokenizer::Token::LParen => {
            cursor.names("the name of a column")?
        }
        _ => Vec::new(),
    };
    if !starts_query(cursor.peek()) {
        return Err(cursor.unexpected("SELECT or VALUES"));
    }
    let end = cursor.span();
    let query = query(parser, cursor.rest(), end)?;
    Ok(Insert {
        options: parser.options_of(&table),
        table,
        columns,
        is_values: matches!(*query.ast.body, SetExpr::Values(_)),
        query,
        text,
    })
}
