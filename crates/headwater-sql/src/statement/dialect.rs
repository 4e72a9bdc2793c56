//! The sqlparser dialect that expressions and queries are parsed with: the generic one plus what streaming needs.

use std::any::TypeId;

use sqlparser::ast::{Expr, UnaryOperator, Value};
use sqlparser::dialect::{Dialect, GenericDialect};
use sqlparser::keywords::{Keyword, RESERVED_FOR_TABLE_ALIAS};
use sqlparser::parser::{Parser, ParserError};
use sqlparser::tokenizer::Token;

use super::call::call;

/// What `IS JSON` may be said of.
const JSON_KINDS: [&str; 4] = ["value", "scalar", "array", "object"];

/// Headwater's dialect.
#[derive(Debug)]
pub(crate) struct HeadwaterDialect;

impl Dialect for HeadwaterDialect {
    /// Where the parser asks for a dialect by type, we are the generic one (UNNEST, STRUCT types, …).
    fn dialect(&self) -> TypeId {
        TypeId::of::<GenericDialect>()
    }

    fn is_delimited_identifier_start(&self, ch: char) -> bool {
        ch == '"' || ch == '`'
    }

    fn is_identifier_start(&self, ch: char) -> bool {
        ch.is_alphabetic() || ch == '_'
    }

    fn is_identifier_part(&self, ch: char) -> bool {
        ch.is_alphanumeric() || ch == '_' || ch == '$'
    }

    /// `text IS [NOT] JSON [kind]`, which sqlparser does not know.
    fn parse_infix(
        &self,
        parser: &mut Parser<'_>,
        expr: &Expr,
        _precedence: u8,
    ) -> Option<Result<Expr, ParserError>> {
        let is_negated = sees(parser, 1, "NOT");
        let words = 2 + usize::from(is_negated);
        if !sees(parser, 0, "IS") || !sees(parser, words - 1, "JSON") {
            return None;
        }
        for _ in 0..words {
            parser.next_token();
        }
        let kind = JSON_KINDS.into_iter().find(|kind| sees(parser, 0, kind));
        if kind.is_some() {
            parser.next_token();
        }
        let kind = Value::SingleQuotedString(kind.unwrap_or("value").to_owned());
        let is_json = call("is_json", vec![expr.clone(), Expr::value(kind)]);
        Some(Ok(match is_negated {
            true => Expr::UnaryOp {
                op: UnaryOperator::Not,
                expr: Box::new(is_json),
            },
            false => is_json,
        }))
    }

    fn is_table_factor_alias(&self, explicit: bool, kw: &Keyword, _: &mut Parser<'_>) -> bool {
        explicit || !(RESERVED_FOR_TABLE_ALIAS.contains(kw) || *kw == Keyword::MATCH_RECOGNIZE)
    }

    fn supports_table_versioning(&self) -> bool {
        true
    }

    fn supports_match_recognize(&self) -> bool {
        true
    }

    fn supports_group_by_expr(&self) -> bool {
        true
    }

    fn supports_filter_during_aggregation(&self) -> bool {
        true
    }

    fn supports_window_function_null_treatment_arg(&self) -> bool {
        true
    }

    fn supports_window_clause_named_window_reference(&self) -> bool {
        true
    }

    fn supports_named_fn_args_with_rarrow_operator(&self) -> bool {
        true
    }

    fn allow_extract_custom(&self) -> bool {
        true
    }

    fn supports_select_wildcard_except(&self) -> bool {
        true
    }

    fn supports_select_wildcard_exclude(&self) -> bool {
        true
    }

    fn supports_select_wildcard_replace(&self) -> bool {
        true
    }

    fn supports_parens_around_table_factor(&self) -> bool {
        true
    }

    fn supports_values_as_table_factor(&self) -> bool {
        true
    }

    fn supports_array_typedef_with_brackets(&self) -> bool {
        true
    }

    fn supports_string_escape_constant(&self) -> bool {
        true
    }

    fn supports_unicode_string_literal(&self) -> bool {
        true
    }

    fn supports_nested_comments(&self) -> bool {
        true
    }

    fn supports_left_associative_joins_without_parens(&self) -> bool {
        true
    }
}

/// Whether token number `nth` from here is this word.
fn sees(parser: &Parser<'_>, nth: usize, word: &str) -> bool {
    match &parser.peek_nth_token_ref(nth).token {
        Token::Word(w) => w.quote_style.is_none() && w.value.eq_ignore_ascii_case(word),
        _ => false,
    }
}
