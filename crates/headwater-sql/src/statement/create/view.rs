//! `CREATE VIEW`, `CREATE MATERIALIZED VIEW` and `CREATE MATERIALIZED TABLE`.

use sqlparser::tokenizer::Token;

use super::options::options;
use crate::error::Result;
use crate::statement::cursor::Cursor;
use crate::statement::lexer::is_word;
use crate::statement::parse::StatementParser;
use crate::statement::query::{query, starts_query};
use crate::statement::{CreateView, Name};

/// After `CREATE … VIEW`.
pub(in crate::statement) fn create_view(
    parser: &StatementParser<'_>,
    cursor: &mut Cursor<'_>,
    or_replace: bool,
    temporary: bool,
    materialized: bool,
) -> Result<CreateView> {
    let if_not_exists = cursor.eat(&["IF", "NOT", "EXISTS"]);
    let name = cursor.object_name("the name of the view")?;
    let (columns, primary_key) = view_columns(cursor)?;
    let mut comment = None;
    let mut view_options = Vec::new();
    loop {
        if cursor.eat(&["AS"]) {
            break;
        } else if cursor.eat(&["COMMENT"]) {
            comment = Some(cursor.string("the comment as a 'string'")?);
        } else if cursor.eat(&["WITH"]) {
            view_options = options(cursor)?;
        } else if cursor.eat(&["FRESHNESS"]) || cursor.eat(&["REFRESH_MODE"]) {
            cursor.eat_token(&Token::Eq);
            cursor.until(|t| {
                ["AS", "WITH", "COMMENT", "REFRESH_MODE"]
                    .iter()
                    .any(|w| is_word(t, w))
            });
        } else {
            return Err(cursor.unexpected("AS and a query"));
        }
    }
    if !starts_query(cursor.peek()) {
        return Err(cursor.unexpected("SELECT or VALUES"));
    }
    let end = cursor.span();
    let query = query(parser, cursor.rest(), end)?;
    Ok(CreateView {
        name,
        materialized,
        or_replace,
        temporary,
        if_not_exists,
        columns,
        primary_key,
        comment,
        options: view_options,
        query,
    })
}

/// `(a, b)`, `(PRIMARY KEY (a) NOT ENFORCED)`, or both.
fn view_columns(cursor: &mut Cursor<'_>) -> Result<(Vec<Name>, Vec<Name>)> {
    let (mut columns, mut key) = (Vec::new(), Vec::new());
    if !cursor.eat_token(&Token::LParen) {
        return Ok((columns, key));
    }
    loop {
        if cursor.eat(&["CONSTRAINT"]) {
            cursor.name("the name of the constraint")?;
        }
        if cursor.eat(&["PRIMARY", "KEY"]) {
            key = cursor.names("the name of a column")?;
            cursor.eat(&["NOT", "ENFORCED"]);
        } else {
            columns.push(cursor.name("the name of a column")?);
            if cursor.eat(&["COMMENT"]) {
                cursor.string("the comment as a 'string'")?;
            }
        }
        if cursor.eat_token(&Token::RParen) {
            return Ok((columns, key));
        }
        cursor.expect_token(&Token::Comma)?;
    }
}
