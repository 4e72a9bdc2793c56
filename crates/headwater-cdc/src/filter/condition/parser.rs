//! From words to a condition.

use headwater_log::Result;

use super::tokens::{Token, misunderstood, tokens};
use super::{Comparison, Condition, Is, Literal, Test};

/// How deep brackets may nest.
const DEPTH_MAX: usize = 64;

pub(super) fn parse(text: &str) -> Result<Condition> {
    let tokens = tokens(text)?;
    let mut parser = Parser {
        text,
        tokens: &tokens,
        depth: 0,
    };
    let condition = parser.any()?;
    match parser.tokens {
        [] => Ok(condition),
        _ => Err(parser.wrong()),
    }
}

struct Parser<'a> {
    text: &'a str,
    /// What has not been read.
    tokens: &'a [(usize, Token)],
    depth: usize,
}

impl Parser<'_> {
    fn wrong(&self) -> headwater_log::Error {
        let at = self.tokens.first().map_or(self.text.len(), |(at, _)| *at);
        misunderstood(self.text, at)
    }

    fn any(&mut self) -> Result<Condition> {
        let mut of = vec![self.all()?];
        while self.takes_word("OR") {
            of.push(self.all()?);
        }
        Ok(one_or(of, Condition::Any))
    }

    fn all(&mut self) -> Result<Condition> {
        let mut of = vec![self.one()?];
        while self.takes_word("AND") {
            of.push(self.one()?);
        }
        Ok(one_or(of, Condition::All))
    }

    fn one(&mut self) -> Result<Condition> {
        self.depth += 1;
        if self.depth > DEPTH_MAX {
            return Err(self.wrong());
        }
        let found = if self.takes_word("NOT") {
            Condition::Not(Box::new(self.one()?))
        } else if self.takes_sign("(") {
            let inner = self.any()?;
            self.need_sign(")")?;
            inner
        } else {
            self.test()?
        };
        self.depth -= 1;
        Ok(found)
    }

    fn test(&mut self) -> Result<Condition> {
        let column = self.column()?;
        let test = |is| {
            Condition::Test(Test {
                column: column.clone(),
                is,
            })
        };
        if self.takes_word("IS") {
            let is_not = self.takes_word("NOT");
            self.need_word("NULL")?;
            return Ok(unless(is_not, test(Is::Null)));
        }
        let is_not = self.takes_word("NOT");
        if self.takes_word("IN") {
            self.need_sign("(")?;
            let mut literals = vec![self.literal()?];
            while self.takes_sign(",") {
                literals.push(self.literal()?);
            }
            self.need_sign(")")?;
            return Ok(unless(is_not, test(Is::Among(literals))));
        }
        if self.takes_word("BETWEEN") {
            let least = Is::Compared(Comparison::GreaterOrEqual, self.literal()?);
            self.need_word("AND")?;
            let most = Is::Compared(Comparison::LessOrEqual, self.literal()?);
            let both = Condition::All(vec![test(least), test(most)]);
            return Ok(unless(is_not, both));
        }
        let comparison = self.comparison().filter(|_| !is_not);
        let comparison = comparison.ok_or_else(|| self.wrong())?;
        Ok(test(Is::Compared(comparison, self.literal()?)))
    }

    fn column(&mut self) -> Result<String> {
        const RESERVED: &[&str] = &[
            "AND", "OR", "NOT", "IN", "IS", "NULL", "BETWEEN", "TRUE", "FALSE",
        ];
        let is_free = |word: &str| !RESERVED.iter().any(|r| r.eq_ignore_ascii_case(word));
        match self.tokens.first() {
            Some((_, Token::Word(name))) if is_free(name) => self.took(name.clone()),
            Some((_, Token::Name(name))) => self.took(name.clone()),
            _ => Err(self.wrong()),
        }
    }

    fn literal(&mut self) -> Result<Literal> {
        match self.tokens.first() {
            Some((_, Token::Number(digits))) => self.took(Literal::Number(digits.clone())),
            Some((_, Token::Text(text))) => self.took(Literal::Text(text.clone())),
            _ if self.takes_word("TRUE") => Ok(Literal::Number("1".to_owned())),
            _ if self.takes_word("FALSE") => Ok(Literal::Number("0".to_owned())),
            _ => Err(self.wrong()),
        }
    }

    fn comparison(&mut self) -> Option<Comparison> {
        let Some((_, Token::Sign(sign))) = self.tokens.first() else {
            return None;
        };
        let found = match *sign {
            "=" => Comparison::Equal,
            "<>" | "!=" => Comparison::Unequal,
            "<" => Comparison::Less,
            "<=" => Comparison::LessOrEqual,
            ">" => Comparison::Greater,
            ">=" => Comparison::GreaterOrEqual,
            _ => return None,
        };
        self.tokens = &self.tokens[1..];
        Some(found)
    }

    fn took<T>(&mut self, value: T) -> Result<T> {
        self.tokens = &self.tokens[1..];
        Ok(value)
    }

    fn takes(&mut self, is_such: impl Fn(&Token) -> bool) -> bool {
        let found = self.tokens.first().is_some_and(|(_, token)| is_such(token));
        if found {
            self.tokens = &self.tokens[1..];
        }
        found
    }

    fn takes_word(&mut self, word: &str) -> bool {
        self.takes(|token| matches!(token, Token::Word(found) if found.eq_ignore_ascii_case(word)))
    }

    fn takes_sign(&mut self, sign: &str) -> bool {
        self.takes(|token| matches!(token, Token::Sign(found) if *found == sign))
    }

    fn need_word(&mut self, word: &str) -> Result<()> {
        match self.takes_word(word) {
            true => Ok(()),
            false => Err(self.wrong()),
        }
    }

    fn need_sign(&mut self, sign: &str) -> Result<()> {
        match self.takes_sign(sign) {
            true => Ok(()),
            false => Err(self.wrong()),
        }
    }
}

fn unless(is_not: bool, condition: Condition) -> Condition {
    match is_not {
        true => Condition::Not(Box::new(condition)),
        false => condition,
    }
}

/// The one, or what several are together.
fn one_or(mut of: Vec<Condition>, several: fn(Vec<Condition>) -> Condition) -> Condition {
    match of.pop() {
        Some(one) if of.is_empty() => one,
        Some(last) => {
            of.push(last);
            several(of)
        }
        None => several(of),
    }
}
