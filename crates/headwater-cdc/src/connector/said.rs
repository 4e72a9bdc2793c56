//! What a configuration says, and what of it was asked for: the rest is refused.

use std::cell::RefCell;
use std::collections::BTreeSet;

use headwater_log::{Error, ErrorKind, Result};

/// The pairs of a configuration.
pub(super) struct Said {
    pairs: Vec<(String, String)>,
    asked: RefCell<BTreeSet<String>>,
}

impl Said {
    pub(super) fn new(pairs: Vec<(String, String)>) -> Self {
        Self {
            pairs,
            asked: RefCell::default(),
        }
    }

    /// What a key says; of those that come twice the last.
    pub(super) fn get(&self, key: &str) -> Option<&str> {
        self.asked.borrow_mut().insert(key.to_owned());
        let found = self.pairs.iter().rev().find(|(k, _)| k == key);
        found.map(|(_, value)| value.as_str())
    }

    /// What a key must say.
    ///
    /// # Errors
    /// `Invalid`.
    pub(super) fn need(&self, key: &str) -> Result<&str> {
        let missing = || Error::new(ErrorKind::Invalid, format!("the connector lacks '{key}'"));
        self.get(key).ok_or_else(missing)
    }

    /// The pairs whose keys begin so, without that.
    pub(super) fn under(&self, prefix: &str) -> Vec<(&str, &str)> {
        let pairs = self.pairs.iter();
        let inner = pairs.filter_map(|(key, value)| {
            let rest = key.strip_prefix(prefix)?;
            self.asked.borrow_mut().insert(key.clone());
            Some((rest, value.as_str()))
        });
        inner.collect()
    }

    /// `true` or `false`.
    ///
    /// # Errors
    /// `Unsupported` for anything else.
    pub(super) fn flag(&self, key: &str, usual: bool) -> Result<bool> {
        match self.get(key) {
            None => Ok(usual),
            Some("true") => Ok(true),
            Some("false") => Ok(false),
            Some(_) => Err(unsupported(key, "true or false")),
        }
    }

    /// A key of which only these values are what is done anyway.
    ///
    /// # Errors
    /// `Unsupported` for others.
    pub(super) fn only(&self, key: &str, values: &[&str]) -> Result<()> {
        match self.get(key) {
            Some(value) if !values.contains(&value) => Err(unsupported(key, &values.join(" or "))),
            _ => Ok(()),
        }
    }

    /// Refuses what nobody has asked for.
    ///
    /// # Errors
    /// `Unsupported`, with the nearest key that is known.
    pub(super) fn finish(&self) -> Result<()> {
        let asked = self.asked.borrow();
        let Some((key, _)) = self.pairs.iter().find(|(key, _)| !asked.contains(key)) else {
            return Ok(());
        };
        let nearest = asked.iter().min_by_key(|known| distance(known, key));
        let error = Error::new(
            ErrorKind::Unsupported,
            format!("there is nothing for the connector's key '{key}'"),
        );
        Err(
            match nearest.filter(|known| distance(known, key) <= key.len() / 2) {
                Some(near) => {
                    error.with_hint(format!("the nearest one is '{near}'; else leave it out"))
                }
                None => error.with_hint("leave it out"),
            },
        )
    }
}

/// A value that is wrong, and why.
pub(super) fn invalid(key: &str, why: &str) -> Error {
    let text = format!("the connector's key '{key}' is not understood");
    Error::new(ErrorKind::Invalid, text).with_hint(why)
}

/// A value that there is nothing for.
pub(super) fn unsupported(key: &str, wanted: &str) -> Error {
    let text = format!("there is nothing for this value of the connector's key '{key}'");
    Error::new(ErrorKind::Unsupported, text).with_hint(format!("it can be {wanted}"))
}

/// How many letters must be changed.
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.chars().enumerate() {
        let mut before = row[0];
        row[0] = i + 1;
        for (j, y) in b.iter().enumerate() {
            let change = before + usize::from(x != *y);
            before = row[j + 1];
            row[j + 1] = change.min(row[j] + 1).min(before + 1);
        }
    }
    row[b.len()]
}
