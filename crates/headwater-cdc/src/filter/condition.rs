//! Conditions that are evaluated here, over the values of a row, for servers that do not do it for whoever reads their log.
//!
//! ```text
//! condition = both { OR both }
//! both      = one { AND one }
//! one       = NOT one | ( condition ) | column test
//! test      = ( = | <> | != | < | <= | > | >= ) literal | [NOT] IN ( literal {, literal} )
//!           | [NOT] BETWEEN literal AND literal | IS [NOT] NULL
//! literal   = number | 'text' | TRUE | FALSE
//! ```
//!
//! A column is a plain name, or one in backquotes. As in SQL, nothing is known of a value that is not there, and a condition that is not
//! known does not hold.

mod parser;
mod tokens;

use headwater_log::Result;

/// A condition on the values of a row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Condition<T = Test> {
    /// All of them hold.
    All(Vec<Self>),
    /// One of them holds.
    Any(Vec<Self>),
    /// It does not hold.
    Not(Box<Self>),
    /// A column is what is wanted.
    Test(T),
}

/// What is wanted of a column.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Test {
    pub(crate) column: String,
    pub(crate) is: Is,
}

/// What a value is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Is {
    /// Not there.
    Null,
    /// Less than, equal to or greater than something.
    Compared(Comparison, Literal),
    /// Equal to one of these.
    Among(Vec<Literal>),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Comparison {
    Equal,
    Unequal,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

/// A value that stands in a condition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Literal {
    /// Digits, perhaps with a sign and a point.
    Number(String),
    Text(String),
}

impl Condition {
    /// # Errors
    /// `Invalid` if it is none.
    pub(crate) fn parse(text: &str) -> Result<Self> {
        parser::parse(text)
    }
}

impl<T> Condition<T> {
    /// The same with other tests.
    pub(crate) fn map<U>(&self, test: &impl Fn(&T) -> Result<U>) -> Result<Condition<U>> {
        let all = |of: &[Self]| -> Result<Vec<Condition<U>>> {
            of.iter().map(|one| one.map(test)).collect()
        };
        Ok(match self {
            Self::All(of) => Condition::All(all(of)?),
            Self::Any(of) => Condition::Any(all(of)?),
            Self::Not(one) => Condition::Not(Box::new(one.map(test)?)),
            Self::Test(one) => Condition::Test(test(one)?),
        })
    }

    /// Whether it holds; `None`: that is not known.
    pub(crate) fn holds(&self, test: &impl Fn(&T) -> Option<bool>) -> Option<bool> {
        match self {
            Self::All(of) => settle(of, test, false),
            Self::Any(of) => settle(of, test, true),
            Self::Not(one) => one.holds(test).map(|holds| !holds),
            Self::Test(one) => test(one),
        }
    }
}

/// One that is `by` settles it.
fn settle<T>(of: &[Condition<T>], test: &impl Fn(&T) -> Option<bool>, by: bool) -> Option<bool> {
    let mut all_known = Some(!by);
    for one in of {
        match one.holds(test) {
            Some(holds) if holds == by => return Some(by),
            Some(_) => {}
            None => all_known = None,
        }
    }
    all_known
}

impl Comparison {
    /// Whether what compares so is what is wanted.
    pub(crate) fn is(self, found: std::cmp::Ordering) -> bool {
        match self {
            Self::Equal => found.is_eq(),
            Self::Unequal => found.is_ne(),
            Self::Less => found.is_lt(),
            Self::LessOrEqual => found.is_le(),
            Self::Greater => found.is_gt(),
            Self::GreaterOrEqual => found.is_ge(),
        }
    }
}

#[cfg(test)]
mod tests;
