//! `CREATE TABLE`, `CREATE SOURCE`, `CREATE SINK` and the views: elements, clauses, options.

use sqlparser::tokenizer::{Span, Token, TokenWithSpan};

use super::cursor::{Cursor, parse_expr};
use super::data_type::{data_type, split_shifts};
use super::lexer::is_word;
use super::parse::StatementParser;
use super::query::query;
use super::{
    ColumnSource, CreateTable, CreateView, Like, Name, Query, TableColumn, TableOption, Watermark,
};
use crate::error::{Result, SqlError};

/// The elements between the parentheses of a `CREATE TABLE`.
#[derive(Default)]
struct Elements {
    columns: Vec<TableColumn>,
    watermark: Option<Watermark>,
    primary_key: Vec<Name>,
}

/// After `CREATE [OR REPLACE] [TEMPORARY] TABLE | SOURCE | SINK`.
pub(crate) fn create_table(
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
        table.query = Some(select_all(cursor)?);
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
    query(tokens, end, &|t| parser.source(t))
}

/// `CREATE SINK s FROM v` is `… AS SELECT * FROM v`.
fn select_all(cursor: &mut Cursor<'_>) -> Result<Query> {
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
    let text = format!("SELECT * FROM {}", super::data_type::quote(&name.value));
    query(&tokens, name.span, &|_| text.clone())
}

fn elements(parser: &StatementParser<'_>, cursor: &mut Cursor<'_>) -> Result<Elements> {
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

/// `('key' = 'value', …)`.
pub(crate) fn options(cursor: &mut Cursor<'_>) -> Result<Vec<TableOption>> {
    let mut options: Vec<TableOption> = Vec::new();
    cursor.expect_token(&Token::LParen)?;
    while !cursor.eat_token(&Token::RParen) {
        let option = sql_option(cursor)?;
        if options.iter().any(|o| o.key == option.key) {
            return Err(
                SqlError::invalid(format!("option '{}' is given twice", option.key))
                    .at(option.span),
            );
        }
        options.push(option);
        if !cursor.eat_token(&Token::Comma) && !cursor.sees_token(&Token::RParen) {
            return Err(cursor.unexpected("',' or ')' after the option"));
        }
    }
    Ok(options)
}

/// `'key' = 'value'`, `dotted.key = value`.
pub(crate) fn sql_option(cursor: &mut Cursor<'_>) -> Result<TableOption> {
    let (key, span) = option_key(cursor)?;
    if !cursor.eat_token(&Token::Eq) && !cursor.eat(&["TO"]) {
        return Err(cursor.unexpected(&format!("'=' after option '{key}'")));
    }
    let value = option_value(cursor, &key)?;
    Ok(TableOption { key, value, span })
}

pub(crate) fn option_key(cursor: &mut Cursor<'_>) -> Result<(String, Span)> {
    let span = cursor.span();
    if let Some(Token::SingleQuotedString(key)) = cursor.peek().map(|t| &t.token) {
        cursor.next();
        return Ok((key.clone(), span));
    }
    let mut key = cursor.name("an option: 'key' = 'value'")?.value;
    loop {
        let joint = match cursor.peek().map(|t| &t.token) {
            Some(Token::Period) => '.',
            Some(Token::Minus) => '-',
            _ => return Ok((key, span)),
        };
        cursor.next();
        key.push(joint);
        key += &cursor.name("the rest of the option's name")?.value;
    }
}

fn option_value(cursor: &mut Cursor<'_>, key: &str) -> Result<String> {
    let wanted = format!("the value of option '{key}' as a 'string'");
    let sign = if cursor.eat_token(&Token::Minus) {
        "-"
    } else {
        ""
    };
    let value = match cursor.peek().map(|t| &t.token) {
        Some(Token::SingleQuotedString(s) | Token::EscapedStringLiteral(s)) => s.clone(),
        Some(Token::Number(n, _)) => format!("{sign}{n}"),
        Some(Token::Word(w)) => w.value.clone(),
        _ => return Err(cursor.unexpected(&wanted)),
    };
    cursor.next();
    Ok(value)
}

/// RisingWave's `FORMAT x ENCODE y (…)` as the options `format` and `y.*`.
fn format_encode(cursor: &mut Cursor<'_>) -> Result<Vec<TableOption>> {
    let format = cursor.name("PLAIN, DEBEZIUM, MAXWELL or CANAL")?;
    cursor.expect(&["ENCODE"])?;
    let encode = cursor.name("JSON, CSV, AVRO, PARQUET or BYTES")?;
    let base = match encode.value.to_ascii_lowercase().as_str() {
        "bytes" => "raw".to_owned(),
        other => other.to_owned(),
    };
    let name = match format.value.to_ascii_lowercase().as_str() {
        "plain" | "native" => base,
        change @ ("debezium" | "maxwell" | "canal") => format!("{change}-{base}"),
        other => {
            return Err(
                SqlError::unsupported(format!("FORMAT {} is not supported", other.to_uppercase()))
                    .at(format.span)
                    .with_hint("use PLAIN, DEBEZIUM, MAXWELL or CANAL; upserts are 'connector' = 'upsert-kafka' with a PRIMARY KEY"),
            );
        }
    };
    let mut found = vec![TableOption {
        key: "format".to_owned(),
        value: name.clone(),
        span: encode.span,
    }];
    if cursor.sees_token(&Token::LParen) {
        let inner = options(cursor)?.into_iter().map(|o| TableOption {
            key: format!("{name}.{}", o.key),
            ..o
        });
        found.extend(inner);
    }
    Ok(found)
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

/// After `CREATE … VIEW`.
pub(crate) fn create_view(
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
    let end = cursor.span();
    let query = query(cursor.rest(), end, &|t| parser.source(t))?;
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
