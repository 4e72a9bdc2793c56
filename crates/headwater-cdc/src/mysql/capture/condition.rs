//! Conditions on rows: evaluated here for rows that are read and for those of the log alike, so that the two agree whatever the collations and the
//! modes of the server are. Numbers are compared exactly, times as times, texts byte by byte, and only for being the same.

use std::cmp::Ordering;

use headwater_log::{Error, ErrorKind, Result};

use self::operand::{Operand, Refusal, operand};
use crate::filter::{Comparison, Condition, Is, Literal, Test};
use crate::mysql::{Table, Value};

mod operand;

/// A condition on the rows of a table.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct RowCondition(Condition<At>);

/// What is wanted of a value.
#[derive(Debug, Clone, PartialEq)]
struct At {
    place: usize,
    is: Wanted,
}

#[derive(Debug, Clone, PartialEq)]
enum Wanted {
    Null,
    Compared(Comparison, Operand),
    Among(Vec<Operand>),
}

impl RowCondition {
    /// A condition on the rows of a table that looks like this.
    ///
    /// # Errors
    /// `Invalid` if it has no such column, or not with such values; `Unsupported` if that cannot be compared exactly.
    pub(super) fn of(condition: &Condition, table: &Table) -> Result<Self> {
        condition.map(&|test| bound(test, table)).map(Self)
    }

    /// One that holds for no row.
    pub(super) fn never() -> Self {
        Self(Condition::Any(Vec::new()))
    }

    /// Whether it holds for a row.
    pub(super) fn holds(&self, row: &[Value]) -> bool {
        self.0.holds(&|at: &At| at.is.holds(&row[at.place])) == Some(true)
    }
}

fn bound(test: &Test, table: &Table) -> Result<At> {
    let name = test.column.to_lowercase();
    let mut columns = table.columns.iter();
    let place = columns.position(|c| c.name.to_lowercase() == name);
    let Some(place) = place else {
        let text = format!(
            "the condition of table '{}.{}' is about a column '{}' that it does not have",
            table.database, table.name, test.column
        );
        return Err(Error::new(ErrorKind::Invalid, text));
    };
    let column = &table.columns[place];
    let operand =
        |literal: &Literal| operand(&column.kind, literal).map_err(|e| e.of(&column.name));
    let is = match &test.is {
        Is::Null => Wanted::Null,
        Is::Among(literals) => Wanted::Among(literals.iter().map(operand).collect::<Result<_>>()?),
        Is::Compared(comparison, literal) => {
            let operand = operand(literal)?;
            let is_same = matches!(comparison, Comparison::Equal | Comparison::Unequal);
            if matches!(operand, Operand::Text(_)) && !is_same {
                return Err(Refusal::Order.of(&column.name));
            }
            Wanted::Compared(*comparison, operand)
        }
    };
    Ok(At { place, is })
}

impl Wanted {
    fn holds(&self, value: &Value) -> Option<bool> {
        match self {
            Self::Null => Some(*value == Value::Null),
            _ if *value == Value::Null => None,
            Self::Compared(comparison, operand) => {
                operand.compare(value).map(|found| comparison.is(found))
            }
            Self::Among(operands) => {
                let is_equal = |o: &Operand| o.compare(value).is_some_and(Ordering::is_eq);
                Some(operands.iter().any(is_equal))
            }
        }
    }
}

#[cfg(test)]
mod tests;
