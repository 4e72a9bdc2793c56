//! `'key' = 'value'` in every place where it may stand.

use sqlparser::tokenizer::{Span, Token};

use crate::error::{Result, SqlError};
use crate::statement::TableOption;
use crate::statement::cursor::Cursor;

/// `('key' = 'value', …)`.
pub(in crate::statement) fn options(cursor: &mut Cursor<'_>) -> Result<Vec<TableOption>> {
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
pub(in crate::statement) fn sql_option(cursor: &mut Cursor<'_>) -> Result<TableOption> {
    let (key, span) = option_key(cursor)?;
    if !cursor.eat_token(&Token::Eq) && !cursor.eat(&["TO"]) {
        return Err(cursor.unexpected(&format!("'=' after option '{key}'")));
    }
    let value = option_value(cursor, &key)?;
    Ok(TableOption {
        key,
        value,
        is_format: false,
        span,
    })
}

pub(in crate::statement) fn option_key(cursor: &mut Cursor<'_>) -> Result<(String, Span)> {
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
pub(super) fn format_encode(cursor: &mut Cursor<'_>) -> Result<Vec<TableOption>> {
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
        is_format: true,
        span: encode.span,
    }];
    if cursor.sees_token(&Token::LParen) {
        let inner = options(cursor)?.into_iter().map(|o| TableOption {
            key: format!("{name}.{}", o.key),
            is_format: true,
            ..o
        });
        found.extend(inner);
    }
    Ok(found)
}
