//! Of a topic that has the changes of many tables: which of them a table is made of.

use headwater_flow::connector::Options;
use headwater_flow::{Error, ErrorKind, Result};
use regex::bytes::Regex;

use super::super::members::text;

/// Which databases and tables count; without a pattern all.
#[derive(Debug)]
pub(super) struct Included {
    database: Option<Regex>,
    table: Option<Regex>,
}

impl Included {
    /// Reads `<format>.database.include` and `<format>.table.include`, expressions that the whole name matches.
    ///
    /// # Errors
    /// `Invalid` for one that is no regular expression.
    pub(super) fn new(options: &Options, format: &str) -> Result<Self> {
        let pattern = |part: &str| {
            let name = format!("{format}.{part}.include");
            let pattern = options
                .get(&name)
                .map(|p| Regex::new(&format!("^(?:{p})$")));
            pattern.transpose().map_err(|e| {
                let text = format!("option '{name}' is no regular expression");
                Error::new(ErrorKind::Invalid, text).with_source(e)
            })
        };
        Ok(Self {
            database: pattern("database")?,
            table: pattern("table")?,
        })
    }

    /// Whether a change of this table, named by JSON strings, counts.
    pub(super) fn has(&self, database: Option<&[u8]>, table: Option<&[u8]>) -> bool {
        let is_wanted = |pattern: &Option<Regex>, name: Option<&[u8]>| match pattern {
            None => true,
            Some(pattern) => name.and_then(text).is_some_and(|n| pattern.is_match(n)),
        };
        is_wanted(&self.database, database) && is_wanted(&self.table, table)
    }
}
