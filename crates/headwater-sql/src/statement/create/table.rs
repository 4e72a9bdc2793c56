//! `CREATE TABLE`, `CREATE SOURCE` and `CREATE SINK`: the clauses.

use sqlparser::tokenizer::{Token, TokenWithSpan};

use super::column::elements;
use super::options::{format_encode, options};
use crate::error::Result;
use crate::statement::cursor::Cursor;
use crate::statement::data_type::split_shifts;
use crate::statement::lexer::is_word;
use crate::statement::parse::StatementParser;
use crate::statement::query::query;
use crate::statement::quote;
use crate::statement::{CreateTable, Like, Query};

/// After `CREATE [OR REPLACE] [TEMPORARY] TABLE | SOURCE | SINK`.
pub(in crate::statement) fn create_table(
    parser: &StatementParser<'_>,
    cursor: &mut Cursor<'_>,
    or_replace: bool,
    temporary: bool,
    is_sink: bool,
) -> Result<CreateTable> {
    let tokens = split_shifts(cursor.rest());
    let cursor = &mut Cursor::new(&tokens);
    let if_not_exists = cursor.eat(&["IF", "NOT", "EXISTS"]);
    let name = cursor.object_name("the name of the table")?;
    let mut table = CreateTable {
        name,
        or_replace,
        temporary,
        if_not_exists,
        columns: Vec::new(),
        watermark: None,
        primary_key: Vec::new(),
        comment: None,
        partitioned_by: Vec::new(),
        options: Vec::new(),
        like: None,
        query: None,
    };
    if cursor.sees_token(&Token::LParen) {
        let elements = elements(parser, cursor)?;
        table.columns = elements.columns;
        table.watermark = elements.watermark;
        table.primary_key = elements.primary_key;
    }
    while !cursor.is_done() {
        clause(parser, cursor, &mut table, is_sink)?;
    }
    Ok(table)
}

fn clause(
    parser: &StatementParser<'_>,
    cursor: &mut Cursor<'_>,
    table: &mut CreateTable,
    is_sink: bool,
) -> Result<()> {
    if cursor.eat(&["COMMENT"]) {
        table.comment = Some(cursor.string("the comment as a 'string'")?);
    } else if cursor.eat(&["PARTITIONED", "BY"]) {
        table.partitioned_by = cursor.names("the name of a column")?;
    } else if cursor.eat(&["WITH"]) {
        table.options.extend(options(cursor)?);
    } else if cursor.eat(&["FORMAT"]) {
        table.options.extend(format_encode(cursor)?);
    } else if cursor.eat(&["LIKE"]) {
        table.like = Some(like(cursor)?);
    } else if is_sink && cursor.eat(&["FROM"]) {
        table.query = Some(select_all(parser, cursor)?);
    } else if cursor.eat(&["AS"]) {
        table.query = Some(as_query(parser, cursor, is_sink)?);
    } else {
        return Err(cursor.unexpected(
            "WITH, COMMENT, PARTITIONED BY, FORMAT, LIKE, AS or the end of the statement",
        ));
    }
    Ok(())
}

/// `AS query`; a sink's options may follow the query.
fn as_query(parser: &StatementParser<'_>, cursor: &mut Cursor<'_>, is_sink: bool) -> Result<Query> {
    let end = cursor.span();
    let tokens = if is_sink {
        // `AS WITH c AS (…) SELECT …` starts with a WITH that is not the options.
        let first = cursor.span();
        cursor.until(|t| (is_word(t, "WITH") || is_word(t, "FORMAT")) && t.span != first)
    } else {
        cursor.rest()
    };
    query(parser, tokens, end)
}

/// `CREATE SINK s FROM v` is `… AS SELECT * FROM v`.
fn select_all(parser: &StatementParser<'_>, cursor: &mut Cursor<'_>) -> Result<Query> {
    let name = cursor.object_name("the name of a table or view")?;
    let word = |value: &str| {
        let token = Token::make_keyword(value);
        TokenWithSpan::new(token, name.span)
    };
    let tokens = [
        word("SELECT"),
        TokenWithSpan::new(Token::Mul, name.span),
        word("FROM"),
        TokenWithSpan::new(Token::make_word(&name.value, Some('"')), name.span),
    ];
    let text = format!("SELECT * FROM {}", quote(&name.value));
    let mut query = query(parser, &tokens, name.span)?;
    query.text = text;
    Ok(query)
}

fn like(cursor: &mut Cursor<'_>) -> Result<Like> {
    let table = cursor.object_name("the name of a table")?;
    let mut rules = Vec::new();
    if cursor.eat_token(&Token::LParen) {
        while !cursor.eat_token(&Token::RParen) {
            let what = cursor.name("INCLUDING, EXCLUDING or OVERWRITING")?;
            let part =
                cursor.name("ALL, OPTIONS, WATERMARKS, GENERATED, METADATA or CONSTRAINTS")?;
            rules.push((
                what.value.to_ascii_uppercase(),
                part.value.to_ascii_uppercase(),
            ));
        }
    }
    Ok(Like { table, rules })
}
