//! The elements of a `CREATE TABLE`: columns, watermark, primary key.

use sqlparser::tokenizer::{Span, Token};

use crate::error::{Result, SqlError};
use crate::statement::cursor::{Cursor, parse_expr};
use crate::statement::data_type::data_type;
use crate::statement::lexer::is_word;
use crate::statement::parse::StatementParser;
use crate::statement::{ColumnSource, Name, TableColumn, Watermark};

/// The elements between the parentheses of a `CREATE TABLE`.
#[derive(Default)]
pub(super) struct Elements {
    pub(super) columns: Vec<TableColumn>,
    pub(super) watermark: Option<Watermark>,
    pub(super) primary_key: Vec<Name>,
}

pub(super) fn elements(parser: &StatementParser<'_>, cursor: &mut Cursor<'_>) -> Result<Elements> {
    let mut elements = Elements::default();
    cursor.expect_token(&Token::LParen)?;
    loop {
        element(parser, cursor, &mut elements)?;
        if cursor.eat_token(&Token::RParen) {
            return Ok(elements);
        }
        if !cursor.eat_token(&Token::Comma) {
            return Err(cursor.unexpected("',' or ')'"));
        }
    }
}

fn element(
    parser: &StatementParser<'_>,
    cursor: &mut Cursor<'_>,
    elements: &mut Elements,
) -> Result<()> {
    let span = cursor.span();
    if cursor.eat(&["WATERMARK", "FOR"]) {
        let column = cursor.name("the event-time column")?;
        cursor.expect(&["AS"])?;
        let (expr, text) = expression(parser, cursor)?;
        let clause = Watermark { column, expr, text };
        if elements.watermark.replace(clause).is_some() {
            return Err(SqlError::invalid("a table has at most one watermark").at(span));
        }
        return Ok(());
    }
    if cursor.eat(&["CONSTRAINT"]) {
        cursor.name("the name of the constraint")?;
        if !cursor.sees(&["PRIMARY", "KEY"]) {
            return Err(cursor.unexpected("PRIMARY KEY"));
        }
    }
    if cursor.eat(&["PRIMARY", "KEY"]) {
        let names = cursor.names("the name of a column")?;
        cursor.eat(&["NOT", "ENFORCED"]);
        return set_primary_key(elements, names, span);
    }
    column(parser, cursor, elements)
}

fn set_primary_key(elements: &mut Elements, names: Vec<Name>, span: Span) -> Result<()> {
    if elements.primary_key.is_empty() {
        elements.primary_key = names;
        return Ok(());
    }
    Err(SqlError::invalid("a table has at most one primary key").at(span))
}

fn column(
    parser: &StatementParser<'_>,
    cursor: &mut Cursor<'_>,
    elements: &mut Elements,
) -> Result<()> {
    let name = cursor.name("a column, WATERMARK FOR or PRIMARY KEY")?;
    if elements.columns.iter().any(|c| c.name.value == name.value) {
        return Err(
            SqlError::invalid(format!("column '{}' is declared twice", name.value)).at(name.span),
        );
    }
    let (source, comment) = if cursor.eat(&["AS"]) {
        let (expr, text) = expression(parser, cursor)?;
        (ColumnSource::Computed { expr, text }, None)
    } else if cursor.eat(&["METADATA"]) {
        return Err(SqlError::syntax(format!(
            "metadata column '{}' needs a type before METADATA",
            name.value
        ))
        .at(name.span));
    } else {
        typed_column(cursor, elements, &name)?
    };
    elements.columns.push(TableColumn {
        name,
        source,
        comment,
    });
    Ok(())
}

fn typed_column(
    cursor: &mut Cursor<'_>,
    elements: &mut Elements,
    name: &Name,
) -> Result<(ColumnSource, Option<String>)> {
    let data_type = data_type(cursor)?;
    let mut comment = None;
    let mut nullable = true;
    let mut metadata = None;
    loop {
        if cursor.eat(&["NOT", "NULL"]) {
            nullable = false;
        } else if cursor.sees(&["PRIMARY", "KEY"]) {
            let span = cursor.span();
            cursor.eat(&["PRIMARY", "KEY"]);
            cursor.eat(&["NOT", "ENFORCED"]);
            set_primary_key(elements, vec![name.clone()], span)?;
        } else if cursor.eat(&["COMMENT"]) {
            comment = Some(cursor.string("the comment as a 'string'")?);
        } else if cursor.eat(&["METADATA"]) {
            let key = if cursor.eat(&["FROM"]) {
                Some(cursor.string("the metadata key as a 'string'")?)
            } else {
                None
            };
            metadata = Some((key, cursor.eat(&["VIRTUAL"])));
        } else if !cursor.eat(&["NULL"]) {
            break;
        }
    }
    let source = match metadata {
        Some((key, is_virtual)) => ColumnSource::Metadata {
            data_type,
            key,
            is_virtual,
        },
        None => ColumnSource::Physical {
            data_type,
            nullable,
        },
    };
    Ok((source, comment))
}

fn expression(
    parser: &StatementParser<'_>,
    cursor: &mut Cursor<'_>,
) -> Result<(Box<sqlparser::ast::Expr>, String)> {
    let end = cursor.span();
    let tokens = cursor.until(|t| t.token == Token::Comma || is_word(t, "COMMENT"));
    let expr = parse_expr(tokens, end)?;
    if cursor.eat(&["COMMENT"]) {
        cursor.string("the comment as a 'string'")?;
    }
    Ok((Box::new(expr), parser.source(tokens)))
}
