//! A cursor over the tokens of one statement: what our own statement parsers are written with. Expressions and
//! queries are handed to sqlparser as slices of the same tokens.

use sqlparser::ast::{Expr, Query as AstQuery};
use sqlparser::parser::{Parser, ParserError};
use sqlparser::tokenizer::{Span, Token, TokenWithSpan};

use super::dialect::HeadwaterDialect;
use super::lexer::is_word;
use super::wrong::{self, shown};
use super::{Name, rewrite};
use crate::error::{Result, SqlError};

/// How deep expressions and queries may nest.
pub(super) const MAX_DEPTH: usize = 64;

/// Reads tokens from left to right.
pub(crate) struct Cursor<'a> {
    tokens: &'a [TokenWithSpan],
    at: usize,
}

impl<'a> Cursor<'a> {
    pub(crate) fn new(tokens: &'a [TokenWithSpan]) -> Self {
        Self { tokens, at: 0 }
    }

    pub(crate) fn peek(&self) -> Option<&'a TokenWithSpan> {
        self.tokens.get(self.at)
    }

    pub(crate) fn peek_nth(&self, n: usize) -> Option<&'a TokenWithSpan> {
        self.tokens.get(self.at + n)
    }

    pub(crate) fn next(&mut self) -> Option<&'a TokenWithSpan> {
        let token = self.tokens.get(self.at);
        self.at += usize::from(token.is_some());
        token
    }

    pub(crate) fn is_done(&self) -> bool {
        self.at >= self.tokens.len()
    }

    /// Where the next token is; after the last one, the end of the text.
    pub(crate) fn span(&self) -> Span {
        match (self.peek(), self.tokens.last()) {
            (Some(token), _) => token.span,
            (None, Some(last)) => Span::new(last.span.end, last.span.end),
            (None, None) => Span::empty(),
        }
    }

    /// Whether the next words are these.
    pub(crate) fn sees(&self, words: &[&str]) -> bool {
        words
            .iter()
            .enumerate()
            .all(|(i, w)| self.peek_nth(i).is_some_and(|t| is_word(t, w)))
    }

    /// Takes these words if they are next.
    pub(crate) fn eat(&mut self, words: &[&str]) -> bool {
        let found = self.sees(words);
        if found {
            self.at += words.len();
        }
        found
    }

    pub(crate) fn sees_token(&self, token: &Token) -> bool {
        self.peek().is_some_and(|t| t.token == *token)
    }

    pub(crate) fn eat_token(&mut self, token: &Token) -> bool {
        let found = self.sees_token(token);
        self.at += usize::from(found);
        found
    }

    pub(crate) fn expect(&mut self, words: &[&str]) -> Result<()> {
        for word in words {
            if !self.eat(&[word]) {
                return Err(self.unexpected(word));
            }
        }
        Ok(())
    }

    pub(crate) fn expect_token(&mut self, token: &Token) -> Result<()> {
        if self.eat_token(token) {
            Ok(())
        } else {
            Err(self.unexpected(&format!("'{token}'")))
        }
    }

    pub(crate) fn expect_end(&self) -> Result<()> {
        if self.is_done() {
            Ok(())
        } else {
            Err(self.unexpected("the end of the statement"))
        }
    }

    /// `expected …, found …` at the next token.
    pub(crate) fn unexpected(&self, wanted: &str) -> SqlError {
        let found = match self.peek() {
            Some(token) => shown(&token.token.to_string()),
            None => "the end of the statement".to_owned(),
        };
        SqlError::syntax(format!("expected {wanted}, found {found}")).at(self.span())
    }

    /// A name: an unquoted or quoted word.
    pub(crate) fn name(&mut self, what: &str) -> Result<Name> {
        match self.peek() {
            Some(TokenWithSpan {
                token: Token::Word(word),
                span,
            }) => {
                self.at += 1;
                Ok(Name {
                    value: word.value.clone(),
                    quoted: word.quote_style.is_some(),
                    span: *span,
                })
            }
            _ => Err(self.unexpected(what)),
        }
    }

    /// The name of a table or view; a catalogue and database before it are dropped (`a.b.t` is `t`).
    pub(crate) fn object_name(&mut self, what: &str) -> Result<Name> {
        let mut name = self.name(what)?;
        while self.eat_token(&Token::Period) {
            name = self.name(what)?;
        }
        Ok(name)
    }

    pub(crate) fn string(&mut self, what: &str) -> Result<String> {
        match self.peek().map(|t| &t.token) {
            Some(Token::SingleQuotedString(s) | Token::EscapedStringLiteral(s)) => {
                self.at += 1;
                Ok(s.clone())
            }
            _ => Err(self.unexpected(what)),
        }
    }

    /// `( name, … )`.
    pub(crate) fn names(&mut self, what: &str) -> Result<Vec<Name>> {
        self.expect_token(&Token::LParen)?;
        let mut names = vec![self.name(what)?];
        while self.eat_token(&Token::Comma) {
            names.push(self.name(what)?);
        }
        self.expect_token(&Token::RParen)?;
        Ok(names)
    }

    /// Takes tokens up to one for which `stop` holds outside of all parentheses.
    pub(crate) fn until(&mut self, stop: impl Fn(&TokenWithSpan) -> bool) -> &'a [TokenWithSpan] {
        let start = self.at;
        let mut depth = 0_usize;
        while let Some(token) = self.peek() {
            match token.token {
                Token::LParen | Token::LBracket | Token::LBrace => depth += 1,
                Token::RParen | Token::RBracket | Token::RBrace if depth > 0 => depth -= 1,
                _ if depth == 0 && stop(token) => break,
                Token::RParen | Token::RBracket | Token::RBrace => break,
                _ => {}
            }
            self.at += 1;
        }
        &self.tokens[start..self.at]
    }

    /// The rest of the tokens.
    pub(crate) fn rest(&mut self) -> &'a [TokenWithSpan] {
        let rest = &self.tokens[self.at..];
        self.at = self.tokens.len();
        rest
    }
}

/// Parses an expression that takes up all of `tokens`.
pub(crate) fn parse_expr(tokens: &[TokenWithSpan], end: Span) -> Result<Expr> {
    let tokens = rewrite::tokens(tokens)?;
    whole(tokens, end, |p| p.parse_expr())
}

/// Parses a query that takes up all of `tokens`.
pub(crate) fn parse_query(tokens: &[TokenWithSpan], end: Span) -> Result<Box<AstQuery>> {
    let tokens = rewrite::tokens(tokens)?;
    whole(tokens, end, |p| p.parse_query())
}

fn whole<T>(
    tokens: Vec<TokenWithSpan>,
    end: Span,
    parse: impl FnOnce(&mut Parser<'_>) -> Result<T, ParserError>,
) -> Result<T> {
    let end = tokens
        .last()
        .map_or(end, |t| Span::new(t.span.end, t.span.end));
    let mut parser = Parser::new(&HeadwaterDialect)
        .with_recursion_limit(MAX_DEPTH)
        .with_tokens_with_locations(tokens.clone());
    match parse(&mut parser) {
        Err(error) => Err(wrong::of_parser(error, &tokens, end)),
        Ok(parsed) => match parser.peek_token() {
            next if next.token == Token::EOF => Ok(parsed),
            next => Err(wrong::no_end(&next, &tokens)),
        },
    }
}
