//! Types: Flink's and PostgreSQL's names to Arrow. The way back is [`headwater_flow::plan::type_name`].

use std::sync::Arc;

use arrow::datatypes::{DataType, Field, Fields, IntervalUnit, TimeUnit};
use sqlparser::tokenizer::{Location, Span, Token, TokenWithSpan};

use super::cursor::Cursor;
use super::lexer::{is_word, tokenize};
use crate::error::{Result, SqlError, suggestion};

const NAMES: [&str; 40] = [
    "BOOLEAN",
    "TINYINT",
    "SMALLINT",
    "INT",
    "INTEGER",
    "BIGINT",
    "FLOAT",
    "REAL",
    "DOUBLE",
    "DECIMAL",
    "NUMERIC",
    "CHAR",
    "VARCHAR",
    "STRING",
    "TEXT",
    "BINARY",
    "VARBINARY",
    "BYTES",
    "BYTEA",
    "DATE",
    "TIME",
    "TIMESTAMP",
    "TIMESTAMP_LTZ",
    "TIMESTAMPTZ",
    "INTERVAL",
    "ARRAY",
    "MAP",
    "ROW",
    "JSON",
    "JSONB",
    "UUID",
    "BOOL",
    "INT2",
    "INT4",
    "INT8",
    "FLOAT4",
    "FLOAT8",
    "DEC",
    "DATETIME",
    "STRUCT",
];

/// How deep types may nest.
const MAX_DEPTH: usize = 32;

/// Largest precision of a decimal.
const MAX_DECIMAL: u64 = 38;

/// A type at the cursor.
pub(crate) fn data_type(cursor: &mut Cursor<'_>) -> Result<DataType> {
    nested(cursor, 0)
}

/// A type that is all of `text`.
pub(crate) fn parse_type_text(text: &str) -> Result<DataType> {
    let tokens = split_shifts(&tokenize(text)?);
    let mut cursor = Cursor::new(&tokens);
    let data_type = data_type(&mut cursor)?;
    cursor.expect_end()?;
    Ok(data_type)
}

fn nested(cursor: &mut Cursor<'_>, depth: usize) -> Result<DataType> {
    if depth > MAX_DEPTH {
        return Err(
            SqlError::invalid(format!("type nested deeper than {MAX_DEPTH} levels"))
                .at(cursor.span()),
        );
    }
    let mut found = base(cursor, depth)?;
    loop {
        if cursor.eat(&["ARRAY"]) {
            found = list_of(found);
        } else if cursor.eat_token(&Token::LBracket) {
            cursor.expect_token(&Token::RBracket)?;
            found = list_of(found);
        } else {
            return Ok(found);
        }
    }
}

fn base(cursor: &mut Cursor<'_>, depth: usize) -> Result<DataType> {
    let name = cursor.name("a type")?;
    Ok(match name.value.to_ascii_uppercase().as_str() {
        "BOOLEAN" | "BOOL" => DataType::Boolean,
        "TINYINT" => DataType::Int8,
        "SMALLINT" | "INT2" => DataType::Int16,
        "INT" | "INTEGER" | "INT4" => DataType::Int32,
        "BIGINT" | "INT8" => DataType::Int64,
        "FLOAT" | "REAL" | "FLOAT4" => DataType::Float32,
        "DOUBLE" => {
            cursor.eat(&["PRECISION"]);
            DataType::Float64
        }
        "FLOAT8" => DataType::Float64,
        "DECIMAL" | "DEC" | "NUMERIC" => decimal(cursor)?,
        "CHAR" | "VARCHAR" | "CHARACTER" => {
            cursor.eat(&["VARYING"]);
            length(cursor)?;
            DataType::Utf8
        }
        "STRING" | "TEXT" | "JSON" | "JSONB" | "UUID" | "VARIANT" => DataType::Utf8,
        "BINARY" | "VARBINARY" => {
            length(cursor)?;
            DataType::Binary
        }
        "BYTES" | "BYTEA" | "BLOB" => DataType::Binary,
        "DATE" => DataType::Date32,
        "TIME" => time(cursor)?,
        "TIMESTAMP" | "DATETIME" => timestamp(cursor, None)?,
        "TIMESTAMP_LTZ" | "TIMESTAMPTZ" => timestamp(cursor, Some("UTC"))?,
        "INTERVAL" => interval(cursor),
        "ARRAY" => list_of(element(cursor, depth)?),
        "MAP" => map(cursor, depth)?,
        "ROW" | "STRUCT" => row(cursor, depth)?,
        unknown => {
            return Err(
                SqlError::not_found(format!("unknown type '{}'", name.value))
                    .at(name.span)
                    .with_hint_opt(suggestion(unknown, NAMES)),
            );
        }
    })
}

fn list_of(item: DataType) -> DataType {
    DataType::List(Arc::new(Field::new_list_field(item, true)))
}

fn integer(cursor: &mut Cursor<'_>) -> Result<u64> {
    match cursor.peek().map(|t| &t.token) {
        Some(Token::Number(n, _)) => match n.parse() {
            Ok(n) => {
                cursor.next();
                Ok(n)
            }
            Err(_) => Err(cursor.unexpected("a whole number")),
        },
        _ => Err(cursor.unexpected("a whole number")),
    }
}

fn length(cursor: &mut Cursor<'_>) -> Result<Option<u64>> {
    if !cursor.eat_token(&Token::LParen) {
        return Ok(None);
    }
    let n = integer(cursor)?;
    cursor.expect_token(&Token::RParen)?;
    Ok(Some(n))
}

fn decimal(cursor: &mut Cursor<'_>) -> Result<DataType> {
    let span = cursor.span();
    if !cursor.eat_token(&Token::LParen) {
        return Ok(DataType::Decimal128(10, 0));
    }
    let precision = integer(cursor)?;
    let scale = if cursor.eat_token(&Token::Comma) {
        integer(cursor)?
    } else {
        0
    };
    cursor.expect_token(&Token::RParen)?;
    if precision == 0 || precision > MAX_DECIMAL || scale > precision {
        return Err(SqlError::invalid(format!(
            "DECIMAL({precision}, {scale}) does not exist: precision is 1 to {MAX_DECIMAL}, scale 0 to the precision"
        ))
        .at(span));
    }
    Ok(DataType::Decimal128(precision as u8, scale as i8))
}

fn precision(cursor: &mut Cursor<'_>, default: u64) -> Result<u64> {
    let span = cursor.span();
    let precision = length(cursor)?.unwrap_or(default);
    if precision > 9 {
        return Err(SqlError::invalid(format!(
            "precision {precision} does not exist, only 0 to 9"
        ))
        .at(span));
    }
    Ok(precision)
}

fn time(cursor: &mut Cursor<'_>) -> Result<DataType> {
    let precision = precision(cursor, 0)?;
    if cursor.eat(&["WITHOUT"]) {
        cursor.expect(&["TIME", "ZONE"])?;
    }
    Ok(if precision <= 3 {
        DataType::Time32(TimeUnit::Millisecond)
    } else {
        DataType::Time64(TimeUnit::Microsecond)
    })
}

fn timestamp(cursor: &mut Cursor<'_>, zone: Option<&str>) -> Result<DataType> {
    let unit = match precision(cursor, 6)? {
        0..=3 => TimeUnit::Millisecond,
        4..=6 => TimeUnit::Microsecond,
        _ => TimeUnit::Nanosecond,
    };
    let mut zone = zone;
    if cursor.eat(&["WITHOUT"]) {
        cursor.expect(&["TIME", "ZONE"])?;
    } else if cursor.sees(&["WITH", "TIME"]) || cursor.sees(&["WITH", "LOCAL"]) {
        cursor.eat(&["WITH"]);
        cursor.eat(&["LOCAL"]);
        cursor.expect(&["TIME", "ZONE"])?;
        zone = Some("UTC");
    }
    Ok(DataType::Timestamp(unit, zone.map(Into::into)))
}

fn interval(cursor: &mut Cursor<'_>) -> DataType {
    const UNITS: [&str; 6] = ["YEAR", "MONTH", "DAY", "HOUR", "MINUTE", "SECOND"];
    while UNITS.iter().any(|u| cursor.eat(&[u])) {
        cursor.eat(&["TO"]);
    }
    DataType::Interval(IntervalUnit::MonthDayNano)
}

fn element(cursor: &mut Cursor<'_>, depth: usize) -> Result<DataType> {
    cursor.expect_token(&Token::Lt)?;
    let (data_type, _) = nullable(cursor, depth)?;
    cursor.expect_token(&Token::Gt)?;
    Ok(data_type)
}

fn nullable(cursor: &mut Cursor<'_>, depth: usize) -> Result<(DataType, bool)> {
    let data_type = nested(cursor, depth + 1)?;
    let not_null = cursor.eat(&["NOT", "NULL"]);
    cursor.eat(&["NULL"]);
    Ok((data_type, !not_null))
}

fn map(cursor: &mut Cursor<'_>, depth: usize) -> Result<DataType> {
    cursor.expect_token(&Token::Lt)?;
    let (key, _) = nullable(cursor, depth)?;
    cursor.expect_token(&Token::Comma)?;
    let (value, _) = nullable(cursor, depth)?;
    cursor.expect_token(&Token::Gt)?;
    let fields = vec![
        Field::new("key", key, false),
        Field::new("value", value, true),
    ];
    let entries = Field::new("entries", DataType::Struct(Fields::from(fields)), false);
    Ok(DataType::Map(Arc::new(entries), false))
}

fn row(cursor: &mut Cursor<'_>, depth: usize) -> Result<DataType> {
    let close = if cursor.eat_token(&Token::LParen) {
        Token::RParen
    } else {
        cursor.expect_token(&Token::Lt)?;
        Token::Gt
    };
    let mut fields: Vec<Field> = Vec::new();
    loop {
        let name = cursor.name("the name of a field")?;
        if fields.iter().any(|f| *f.name() == name.value) {
            return Err(
                SqlError::invalid(format!("field '{}' is declared twice", name.value))
                    .at(name.span),
            );
        }
        cursor.eat_token(&Token::Colon);
        let (data_type, nullable) = nullable(cursor, depth)?;
        fields.push(Field::new(name.value, data_type, nullable));
        if matches!(
            cursor.peek().map(|t| &t.token),
            Some(Token::SingleQuotedString(_))
        ) {
            cursor.next();
        }
        if cursor.eat_token(&close) {
            return Ok(DataType::Struct(fields.into()));
        }
        cursor.expect_token(&Token::Comma)?;
    }
}

/// `ROW<a ARRAY<INT>>` ends with one token `>>`: makes it two where types are open.
pub(crate) fn split_shifts(tokens: &[TokenWithSpan]) -> Vec<TokenWithSpan> {
    let mut out: Vec<TokenWithSpan> = Vec::with_capacity(tokens.len());
    let mut depth = 0_usize;
    for token in tokens {
        match token.token {
            Token::Lt if out.last().is_some_and(opens_type) => depth += 1,
            Token::Gt if depth > 0 => depth -= 1,
            Token::ShiftRight if depth > 1 => {
                depth -= 2;
                out.extend(halves(token.span));
                continue;
            }
            _ => {}
        }
        out.push(token.clone());
    }
    out
}

fn halves(span: Span) -> [TokenWithSpan; 2] {
    let Location { line, column } = span.start;
    let middle = Location {
        line,
        column: column + 1,
    };
    [
        TokenWithSpan::new(Token::Gt, Span::new(span.start, middle)),
        TokenWithSpan::new(Token::Gt, Span::new(middle, span.end)),
    ]
}

fn opens_type(token: &TokenWithSpan) -> bool {
    ["ROW", "STRUCT", "ARRAY", "MAP"]
        .iter()
        .any(|w| is_word(token, w))
}
