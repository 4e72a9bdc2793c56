//! [`Rejected`]: what a query met that did not decode, so that it is not left out in silence.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use headwater_flow::connector::Reject;
use headwater_flow::plan::TableDef;

use crate::error::{Result, SqlError};

/// The records of a query's tables that did not decode: how many of each table, and why the first did not.
#[derive(Debug, Default)]
pub(super) struct Rejected(Mutex<BTreeMap<String, (usize, String)>>);

/// The records of one reading of a table.
#[derive(Debug, Default)]
pub(super) struct RejectedOfTable {
    pub(super) count: usize,
    first: Option<String>,
}

impl RejectedOfTable {
    /// Takes in what a partition's records brought.
    ///
    /// # Errors
    /// `Invalid` for a table with `'on-error' = 'fail'`.
    pub(super) fn take(
        &mut self,
        table: &TableDef,
        partition: &str,
        rejects: &[Reject],
    ) -> Result<()> {
        let Some(first) = rejects.first() else {
            return Ok(());
        };
        let why = format!("{} (at {} of {partition})", first.reason, first.offset);
        if table.options.get("on-error") == Some("fail") {
            let text = format!("record of table '{}' does not decode: {why}", table.name);
            return Err(SqlError::invalid(text)
                .with_hint("without 'on-error' = 'fail' the query would leave it out and say so"));
        }
        self.count += rejects.len();
        self.first.get_or_insert(why);
        Ok(())
    }
}

impl Rejected {
    /// Notes what the reading of a table that counts has left out.
    pub(super) fn note(&self, table: &TableDef, of_table: RejectedOfTable) {
        let Some(first) = of_table.first else { return };
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.insert(table.name.clone(), (of_table.count, first));
    }

    /// One sentence for each table.
    pub(super) fn sentences(&self) -> Vec<String> {
        let all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let sentence = |(table, (count, first)): (&String, &(usize, String))| match count {
            1 => format!("1 record of '{table}' did not decode and is not in the answer: {first}"),
            _ => format!(
                "{count} records of '{table}' did not decode and are not in the answer; the first: {first}"
            ),
        };
        all.iter().map(sentence).collect()
    }
}
