//! Puts streaming syntax that sqlparser does not read into a shape that it does, token by token, so that errors keep
//! their places: `TABLE t` and `PARTITION BY` in arguments of window functions, `ROW<…>` in casts, `KEY … VALUE …` in
//! `JSON_OBJECT`.

use sqlparser::keywords::Keyword;
use sqlparser::tokenizer::{Token, TokenWithSpan, Word};

use super::lexer::is_word;
use crate::error::Result;

/// The function that carries the `PARTITION BY` columns of a window function.
pub(crate) const PARTITION_BY: &str = "__partition_by";

/// The function that stands for `MAP[…]`.
pub(crate) const MAP_FUNCTION: &str = "__map";

/// The window table functions.
pub(crate) const WINDOW_FUNCTIONS: [&str; 4] = ["TUMBLE", "HOP", "CUMULATE", "SESSION"];

/// The rewritten tokens.
pub(crate) fn tokens(tokens: &[TokenWithSpan]) -> Result<Vec<TokenWithSpan>> {
    let mut out = Vec::with_capacity(tokens.len());
    let mut maps = Maps::default();
    let mut pairs = Pairs::default();
    // For each open parenthesis: whether it holds the arguments of a window function, and whether PARTITION BY is open.
    let mut stack: Vec<(bool, bool)> = Vec::new();
    let mut at = 0;
    while let Some(token) = tokens.get(at) {
        let in_window = stack.last().is_some_and(|(window, _)| *window);
        if let Some(token) = maps.token(tokens, at) {
            out.push(token);
            at += 1;
            continue;
        }
        if let Some(instead) = pairs.token(tokens, at) {
            out.extend(instead);
            at += 1;
            continue;
        }
        match &token.token {
            Token::LParen => {
                let window =
                    at > 0 && (is_window_function(&tokens[at - 1]) || is_wrapped(&tokens[..at]));
                stack.push((window, false));
                out.push(token.clone());
            }
            Token::RParen => {
                if let Some((_, true)) = stack.pop() {
                    out.push(with(token, Token::RParen));
                }
                out.push(token.clone());
            }
            Token::Comma if in_window => {
                close_partition(tokens, at, &mut stack, &mut out);
                out.push(token.clone());
            }
            _ if in_window && is_word(token, "TABLE") && is_argument_start(&tokens[at - 1]) => {}
            _ if in_window && is_word(token, "PARTITION") => {
                at += open_partition(tokens, at, &mut stack, &mut out);
            }
            Token::Word(_) if is_word(token, "ROW") && next_is(tokens, at, &Token::Lt) => {
                out.push(with(token, word("STRUCT", Keyword::STRUCT)));
            }
            _ => out.push(token.clone()),
        }
        at += 1;
    }
    Ok(out)
}

/// `MAP[key, value, …]` becomes a call, since sqlparser knows `MAP {key: value}` only.
#[derive(Default)]
struct Maps {
    /// For each open bracket whether it is that of a map.
    brackets: Vec<bool>,
}

impl Maps {
    /// What stands for the token at `at`, if it belongs to a map.
    fn token(&mut self, tokens: &[TokenWithSpan], at: usize) -> Option<TokenWithSpan> {
        let token = &tokens[at];
        match &token.token {
            Token::Word(_) if is_word(token, "MAP") && next_is(tokens, at, &Token::LBracket) => {
                Some(with(token, word(MAP_FUNCTION, Keyword::NoKeyword)))
            }
            Token::LBracket => {
                let is_map = at > 0 && is_word(&tokens[at - 1], "MAP");
                self.brackets.push(is_map);
                is_map.then(|| with(token, Token::LParen))
            }
            Token::RBracket => {
                let is_map = self.brackets.pop().unwrap_or(false);
                is_map.then(|| with(token, Token::RParen))
            }
            _ => None,
        }
    }
}

/// `KEY k VALUE v` of `JSON_OBJECT` and `JSON_OBJECTAGG` becomes `k, v`.
#[derive(Default)]
struct Pairs {
    /// For each open parenthesis whether it is that of an object.
    open: Vec<bool>,
}

impl Pairs {
    /// What stands for the token at `at`, if it is such a word.
    fn token(&mut self, tokens: &[TokenWithSpan], at: usize) -> Option<Option<TokenWithSpan>> {
        let token = &tokens[at];
        match token.token {
            Token::LParen => {
                let is_object = |name| at > 0 && is_word(&tokens[at - 1], name);
                let is_object = is_object("JSON_OBJECT") || is_object("JSON_OBJECTAGG");
                self.open.push(is_object);
                return None;
            }
            Token::RParen => {
                self.open.pop();
                return None;
            }
            _ if self.open.last() != Some(&true) => return None,
            _ => {}
        }
        let is_first = is_argument_start(&tokens[at - 1]);
        let is_before_value = tokens.get(at + 1).is_some_and(|t| is_word(t, "VALUE"));
        if is_first && is_word(token, "KEY") && !is_before_value {
            return Some(None);
        }
        (!is_first && is_word(token, "VALUE")).then(|| Some(with(token, Token::Comma)))
    }
}

fn is_window_function(token: &TokenWithSpan) -> bool {
    WINDOW_FUNCTIONS.iter().any(|f| is_word(token, f))
}

/// After `TABLE ( name`: whatever the name is, its arguments may say TABLE.
fn is_wrapped(before: &[TokenWithSpan]) -> bool {
    match before {
        [.., table, open, name] => {
            is_word(table, "TABLE")
                && open.token == Token::LParen
                && matches!(name.token, Token::Word(_))
        }
        _ => false,
    }
}

fn is_argument_start(before: &TokenWithSpan) -> bool {
    matches!(before.token, Token::LParen | Token::Comma | Token::RArrow)
}

fn next_is(tokens: &[TokenWithSpan], at: usize, token: &Token) -> bool {
    tokens.get(at + 1).is_some_and(|t| t.token == *token)
}

/// `t PARTITION BY a, b` becomes `t, __partition_by(a, b)`; returns how many further tokens it took.
fn open_partition(
    tokens: &[TokenWithSpan],
    at: usize,
    stack: &mut [(bool, bool)],
    out: &mut Vec<TokenWithSpan>,
) -> usize {
    let token = &tokens[at];
    let by = tokens.get(at + 1).is_some_and(|t| is_word(t, "BY"));
    if let (true, Some(frame)) = (by, stack.last_mut()) {
        out.push(with(token, Token::Comma));
        out.push(with(token, word(PARTITION_BY, Keyword::NoKeyword)));
        out.push(with(token, Token::LParen));
        frame.1 = true;
        1
    } else {
        out.push(token.clone());
        0
    }
}

/// The list of `PARTITION BY` ends at the comma before `DESCRIPTOR` or a named argument.
fn close_partition(
    tokens: &[TokenWithSpan],
    at: usize,
    stack: &mut [(bool, bool)],
    out: &mut Vec<TokenWithSpan>,
) {
    let ends = tokens.get(at + 1).is_some_and(|t| is_word(t, "DESCRIPTOR"))
        || next_is(tokens, at + 1, &Token::RArrow);
    if let Some((_, open @ true)) = stack.last_mut()
        && ends
    {
        out.push(with(&tokens[at], Token::RParen));
        *open = false;
    }
}

fn with(at: &TokenWithSpan, token: Token) -> TokenWithSpan {
    TokenWithSpan::new(token, at.span)
}

fn word(value: &str, keyword: Keyword) -> Token {
    Token::Word(Word {
        value: value.to_owned(),
        quote_style: None,
        keyword,
    })
}
