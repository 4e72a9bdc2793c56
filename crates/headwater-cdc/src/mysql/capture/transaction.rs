//! A transaction that has not ended, and what it does to the tables that are captured.

use std::sync::Arc;

use headwater_log::{Error, ErrorKind, Result};

use super::shape::Shape;
use crate::capture::{Change as RowChange, TableIndex};
use crate::debezium::{Origin, Standing};
use crate::filter::Operations;
use crate::mysql::Position;

/// What happens to a table.
#[expect(clippy::large_enum_variant, reason = "nearly all are rows")]
#[derive(Debug)]
pub(super) enum Change {
    /// A row has changed.
    Row(Row),
    /// All rows are gone.
    Truncate(TableIndex),
    /// The log describes it so from here on.
    Described(TableIndex, Vec<(String, String)>),
    /// A statement may have made it another one.
    Altered(TableIndex),
    /// It has rows that the log does not tell.
    Replaced(TableIndex),
}

/// How a row has changed.
#[derive(Debug)]
pub(super) struct Row {
    pub(super) table: TableIndex,
    pub(super) change: RowChange,
    /// How the table's rows are written there.
    pub(super) shape: Arc<Shape>,
    pub(super) origin: Origin,
}

/// A transaction that has not ended, or waits for its commit.
#[derive(Debug, Default)]
pub(super) struct Transaction {
    /// When it was, in milliseconds since 1970.
    pub(super) time: i64,
    /// What came before it ends here.
    pub(super) start: Position,
    pub(super) changes: Vec<Change>,
    /// Names, and how many changes come before them.
    pub(super) savepoints: Vec<(String, usize)>,
}

impl Transaction {
    /// A place to which it may go back.
    pub(super) fn set_savepoint(&mut self, name: &str) {
        let place = self.changes.len();
        self.savepoints.push((name.to_lowercase(), place));
    }

    /// Each row is told where it stands among those that are taken over, and the last one that it is that.
    pub(super) fn number_rows(&mut self, number: Option<u64>, skipped: Operations) {
        let mut offset = 0;
        let mut last = None;
        for change in &mut self.changes {
            if let Change::Row(row) = change
                && !row.change.is_among(skipped)
            {
                offset += row.change.events();
                let standing = row.origin.standing.insert(Standing {
                    number,
                    offset: offset - 1,
                    is_last: false,
                });
                last = Some(standing);
            }
        }
        if let Some(last) = last {
            last.is_last = true;
        }
    }

    /// What came after a savepoint has not happened.
    ///
    /// # Errors
    /// `Corrupt` if it has none of that name: nobody knows then what has not happened.
    pub(super) fn roll_back_to(&mut self, name: &str) -> Result<()> {
        let lower = name.to_lowercase();
        let known = self.savepoints.iter().rposition(|(n, _)| *n == lower);
        let Some(known) = known else {
            let text = format!(
                "a transaction in the server's log goes back to savepoint '{name}', which it does not have"
            );
            return Err(Error::new(ErrorKind::Corrupt, text)
                .with_hint("capture the tables anew, under another name"));
        };
        self.changes.truncate(self.savepoints[known].1);
        // Those that were set after it are gone, it itself is not.
        self.savepoints.truncate(known + 1);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tables(transaction: &Transaction) -> Vec<TableIndex> {
        let of = |change: &Change| match change {
            Change::Truncate(at) => *at,
            other => panic!("{other:?}"),
        };
        transaction.changes.iter().map(of).collect()
    }

    fn change(transaction: &mut Transaction, table: TableIndex) {
        transaction.changes.push(Change::Truncate(table));
    }

    #[test]
    fn what_came_after_a_savepoint_is_forgotten() {
        let mut transaction = Transaction::default();
        change(&mut transaction, 0);
        transaction.set_savepoint("a");
        change(&mut transaction, 1);
        transaction.set_savepoint("b");
        change(&mut transaction, 2);
        transaction.roll_back_to("B").unwrap();
        assert_eq!(tables(&transaction), [0, 1]);
        change(&mut transaction, 3);
        transaction.roll_back_to("a").unwrap();
        change(&mut transaction, 4);
        assert_eq!(tables(&transaction), [0, 4]);
    }

    #[test]
    fn the_newest_savepoint_of_a_name_counts() {
        let mut transaction = Transaction::default();
        transaction.set_savepoint("a");
        change(&mut transaction, 0);
        transaction.set_savepoint("a");
        change(&mut transaction, 1);
        transaction.roll_back_to("a").unwrap();
        transaction.roll_back_to("a").unwrap();
        assert_eq!(tables(&transaction), [0]);
    }

    #[test]
    fn a_savepoint_that_is_not_there_is_an_error_and_changes_stay() {
        let mut transaction = Transaction::default();
        transaction.set_savepoint("a");
        change(&mut transaction, 0);
        transaction.set_savepoint("b");
        transaction.roll_back_to("a").unwrap();
        change(&mut transaction, 1);
        for gone in ["b", "never"] {
            let error = transaction.roll_back_to(gone).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Corrupt);
            assert!(error.message().contains(gone), "{error}");
        }
        assert_eq!(tables(&transaction), [1]);
    }
}
