//! Places in the binary log of a server from which it can be read on.

use std::fmt;

use headwater_log::{Error, ErrorKind, Result};

use super::gtid::Gtids;
use super::session::Session;
use super::sql::literal;

/// A place between two transactions.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Position {
    /// A file of this server's log.
    pub file: String,
    /// A byte in it.
    pub offset: u64,
    /// The transactions before it, which hold on other servers too. Empty: the server does not name them.
    pub gtids: Gtids,
}

impl Position {
    /// The end of the log as it is now.
    ///
    /// # Errors
    /// `Invalid` if the user may not ask or the server keeps no log, and what the server says.
    pub fn current(session: &mut Session) -> Result<Self> {
        let (end, executed) = end_and_executed(session)?;
        if session.is_mariadb() {
            return Self::at(session, end.file, end.offset);
        }
        // Names from a time when MySQL gave some are of no use once it does not.
        let mode = session.value("SELECT @@global.gtid_mode")?;
        let executed = executed.filter(|_| mode.as_deref() == Some("ON"));
        Ok(Self {
            gtids: executed.unwrap_or_default().parse()?,
            ..end
        })
    }

    /// The end of the log as it is now, without names of transactions: they are long to find in a large file.
    ///
    /// # Errors
    /// As of [`Self::current`].
    pub(super) fn end(session: &mut Session) -> Result<Self> {
        Ok(end_and_executed(session)?.0)
    }

    /// The place in a file of MariaDB's log, with the transactions before it.
    ///
    /// # Errors
    /// `NotFound` if the log does not have it, and what the server says.
    pub fn at(session: &mut Session, file: String, offset: u64) -> Result<Self> {
        let sql = format!("SELECT BINLOG_GTID_POS({}, {offset})", literal(&file));
        let Some(gtids) = session.value(&sql)? else {
            let text = format!("the binary log has no place {offset} in file '{file}'");
            return Err(Error::new(ErrorKind::NotFound, text));
        };
        Ok(Self {
            gtids: gtids.parse()?,
            file,
            offset,
        })
    }
}

impl Position {
    /// The same on whatever server, if transactions have names; their files are of one server.
    pub(crate) fn by_name(self) -> Self {
        match self.gtids.is_empty() {
            true => self,
            false => Self {
                gtids: self.gtids,
                ..Self::default()
            },
        }
    }

    /// Whether all that lies before `other` lies before this. Places in files are of the same server; where one has no file, the names of
    /// transactions say it.
    pub fn reaches(&self, other: &Self) -> bool {
        if self.file.is_empty() || other.file.is_empty() {
            // One that has its file alone cannot be told from the others by name.
            let is_named = |p: &Self| p.file.is_empty() || !p.gtids.is_empty();
            return is_named(self) && is_named(other) && self.gtids.reach(&other.gtids);
        }
        // The numbers of files have zeroes in front until they become longer.
        let place = |p: &Self| (p.file.len(), p.file.clone(), p.offset);
        place(self) >= place(other)
    }
}

/// Where the log ends, and the names that MySQL says with it.
fn end_and_executed(session: &mut Session) -> Result<(Position, Option<String>)> {
    let answer = match session.query("SHOW MASTER STATUS") {
        // What newer servers of MySQL call it.
        Err(e) if e.kind() == ErrorKind::Invalid && !session.is_mariadb() => {
            session.query("SHOW BINARY LOG STATUS")
        }
        answer => answer,
    };
    let mut row = answer?.into_iter().next().unwrap_or_default().into_iter();
    let (Some(file), Some(offset)) = (row.next().flatten(), row.next().flatten()) else {
        let text = "the server keeps no binary log";
        return Err(Error::new(ErrorKind::Invalid, text)
            .with_hint("start it with log_bin in the section [mysqld] of its configuration"));
    };
    let executed = row.nth(2).flatten();
    let offset = offset.parse().map_err(|_| {
        let text = format!("'{offset}' is not a place in a binary log");
        Error::new(ErrorKind::Corrupt, text)
    })?;
    let end = Position {
        file,
        offset,
        gtids: Gtids::default(),
    };
    Ok((end, executed))
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.file.is_empty(), self.gtids.is_empty()) {
            (true, _) => self.gtids.fmt(f),
            (false, true) => write!(f, "{}:{}", self.file, self.offset),
            (false, false) => write!(f, "{}:{} ({})", self.file, self.offset, self.gtids),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_of_one_log_have_an_order() {
        let at = |file: &str, offset| Position {
            file: file.to_owned(),
            offset,
            gtids: Gtids::default(),
        };
        assert!(at("b.000002", 4).reaches(&at("b.000001", 900)));
        assert!(at("b.000002", 4).reaches(&at("b.000002", 4)));
        assert!(!at("b.999999", 9).reaches(&at("b.1000000", 4)));
    }

    #[test]
    fn a_place_without_names_is_not_compared_with_one_that_has_only_those() {
        let place = Position {
            file: "b.000001".to_owned(),
            offset: 4,
            gtids: Gtids::default(),
        };
        let named = Position {
            gtids: "0-1-7".parse().unwrap(),
            ..Position::default()
        };
        assert!(!named.reaches(&place) && !place.reaches(&named));
        assert!(named.reaches(&Position::default()));
    }

    #[test]
    fn where_a_server_was_left_another_one_goes_on_by_name() {
        let at = |file: &str, gtids: &str| Position {
            file: file.to_owned(),
            offset: 4,
            gtids: gtids.parse().unwrap(),
        };
        let left = at("b.000009", "0-1-7,1-1-3").by_name();
        assert_eq!(left.to_string(), "0-1-7,1-1-3");
        for (gtids, is_before, is_after) in [
            ("0-1-7,1-1-3", true, true),
            ("0-2-8,1-1-3", false, true),
            ("0-1-6", true, false),
            ("0-1-8,1-1-2", false, false),
        ] {
            let other = at("c.000001", gtids);
            assert_eq!(left.reaches(&other), is_before, "{gtids}");
            assert_eq!(other.reaches(&left), is_after, "{gtids}");
        }
        let nameless = at("b.000009", "");
        assert_eq!(nameless.clone().by_name(), nameless);
    }
}
