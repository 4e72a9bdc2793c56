//! Transactions that are prepared (XA) and have not ended.
//!
//! A server that is killed may have one in its log that its engine never had. No word ends such a one, and the place before it would be kept
//! for ever. So the server is asked, now and then, which ones it has, and then where its log ends. What it does not have can be committed
//! no more, and a commit from before comes up to that end.

use std::collections::{HashMap, HashSet};
use std::time::Instant;

use headwater_log::{Error, ErrorKind, Result};

use super::LogFeed;
use crate::capture::{Intake, LOOK_INTERVAL, Place};
use crate::mysql::capture::transaction::Transaction;
use crate::mysql::{MySql, Position, Session};

/// Those that wait for their second word, by name.
#[derive(Debug, Default)]
pub(super) struct Prepared {
    waiting: HashMap<String, Waiting>,
    /// When the server was asked last.
    asked: Option<Instant>,
    /// Whether it does not say what it has.
    is_refused: bool,
}

#[derive(Debug)]
struct Waiting {
    transaction: Transaction,
    /// When it was heard.
    since: Instant,
    /// Where the log ended when the server had it no more; `None`: it has it, or was not asked.
    missing: Option<Position>,
}

impl Prepared {
    pub(super) fn insert(&mut self, xid: String, transaction: Transaction) {
        let waiting = Waiting {
            transaction,
            since: Instant::now(),
            missing: None,
        };
        self.waiting.insert(xid, waiting);
    }

    pub(super) fn remove(&mut self, xid: &str) -> Option<Transaction> {
        self.waiting.remove(xid).map(|w| w.transaction)
    }

    /// Where a stream must begin that is to hear all of them.
    pub(super) fn start(&self) -> Option<Place> {
        let starts = self.waiting.values().map(|w| &w.transaction.start);
        let oldest = starts.reduce(|a, b| if a.reaches(b) { b } else { a });
        oldest.cloned().map(Place::from)
    }

    /// Whether the server is to be asked: most end soon.
    fn is_time(&self, now: Instant) -> bool {
        let is_long_ago = |then| now.saturating_duration_since(then) >= LOOK_INTERVAL;
        !self.is_refused
            && self.asked.is_none_or(is_long_ago)
            && self.waiting.values().any(|w| is_long_ago(w.since))
    }

    /// Forgets what will never end, and says what that is: the server did not have it at two questions, and everything up to where the log
    /// ended after the first was heard. One question were too few: the log has what is prepared a moment before the server says so.
    fn forget(&mut self, has: &HashSet<String>, heard: &Position, end: &Position) -> Vec<String> {
        let mut lost = Vec::new();
        for (xid, waiting) in &mut self.waiting {
            match &waiting.missing {
                _ if has.contains(xid) => waiting.missing = None,
                None => waiting.missing = Some(end.clone()),
                Some(missing) if heard.reaches(missing) => lost.push(xid.clone()),
                Some(_) => {}
            }
        }
        for xid in &lost {
            self.waiting.remove(xid);
        }
        lost
    }
}

impl LogFeed {
    /// Keeps no place for what will never end, if it is time to ask for that.
    pub(super) fn forget_lost(&mut self, into: &mut Intake<'_, MySql>) -> Result<()> {
        let now = Instant::now();
        if !self.prepared.is_time(now) {
            return Ok(());
        }
        self.prepared.asked = Some(now);
        // The end comes after the list: what was committed until then lies before it.
        let has = match listed(&mut self.control) {
            Err(e) if is_refusal(e.kind()) => {
                tracing::debug!(error = %e, "transactions that are lost keep their place");
                self.prepared.is_refused = true;
                return Ok(());
            }
            has => has?,
        };
        let end = Position::end(&mut self.control)?;
        let lost = self.prepared.forget(&has, &self.last, &end);
        for xid in &lost {
            tracing::warn!(%xid, "a transaction is prepared in the log and not in the server");
        }
        if !lost.is_empty() {
            into.resume_from(self.prepared.start());
        }
        Ok(())
    }
}

/// Whether the server would say the same again: MySQL tells only who has the right `XA_RECOVER_ADMIN`.
fn is_refusal(kind: ErrorKind) -> bool {
    use ErrorKind::{Invalid, NotFound, Unsupported};
    matches!(kind, Invalid | NotFound | Unsupported)
}

/// What the server has as prepared, as its log names it.
fn listed(control: &mut Session) -> Result<HashSet<String>> {
    let sql = match control.is_mariadb() {
        true => "XA RECOVER FORMAT = 'SQL'",
        false => "XA RECOVER CONVERT XID",
    };
    let rows = control.query(sql)?;
    let named = rows.iter().map(|row| {
        let unknown = || Error::new(ErrorKind::Unsupported, format!("XA RECOVER says {row:?}"));
        name(row).ok_or_else(unknown)
    });
    named.collect()
}

/// The name that the log gives a transaction which the server lists by a number, two lengths in bytes, and the bytes of both parts: MySQL
/// in one piece (`0x6162`), MariaDB as in statements (`X'61',X'62',7`, or `'a','b',7` if all of it can be printed).
fn name(row: &[Option<String>]) -> Option<String> {
    let column = |at: usize| row.get(at).and_then(Option::as_deref);
    let length = |at: usize| column(at).and_then(|text| text.parse::<usize>().ok());
    let (format, global, branch) = (column(0)?, length(1)?, length(2)?);
    let data = column(3)?;
    let (bytes, between, is_hex) = match data.strip_prefix("0x") {
        Some(bytes) => (bytes, "", true),
        None => match data.strip_prefix("X'") {
            Some(bytes) => (bytes, "',X'", true),
            None => (data.strip_prefix('\'')?, "','", false),
        },
    };
    let width = if is_hex { 2 } else { 1 };
    let first = bytes.get(..global * width)?;
    let rest = bytes.get(global * width..)?;
    let second = match branch {
        0 => "",
        _ => rest.strip_prefix(between)?.get(..branch * width)?,
    };
    let hex = |part: &str| match is_hex {
        true => part.to_ascii_lowercase(),
        false => part.bytes().map(|byte| format!("{byte:02x}")).collect(),
    };
    Some(format!("X'{}',X'{}',{format}", hex(first), hex(second)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(offset: u64) -> Position {
        Position {
            file: "b.000001".to_owned(),
            offset,
            ..Position::default()
        }
    }

    fn prepared(starts: &[(&str, u64)]) -> Prepared {
        let mut prepared = Prepared::default();
        for (xid, start) in starts {
            let transaction = Transaction {
                start: at(*start),
                ..Transaction::default()
            };
            prepared.insert((*xid).to_owned(), transaction);
        }
        prepared
    }

    fn has(names: &[&str]) -> HashSet<String> {
        names.iter().map(|name| (*name).to_owned()).collect()
    }

    #[test]
    fn what_the_server_has_not_is_forgotten_once_its_log_is_heard_to_the_end() {
        let mut prepared = prepared(&[("lost", 10), ("kept", 20)]);
        assert_eq!(prepared.start(), Some(at(10).into()));
        // Its commit may lie between what was heard and the end.
        assert!(
            prepared
                .forget(&has(&["kept"]), &at(30), &at(40))
                .is_empty()
        );
        assert!(
            prepared
                .forget(&has(&["kept"]), &at(39), &at(60))
                .is_empty()
        );
        let lost = prepared.forget(&has(&["kept"]), &at(40), &at(70));
        assert_eq!(lost, ["lost"]);
        assert_eq!(prepared.start(), Some(at(20).into()));
        assert!(prepared.remove("lost").is_none() && prepared.remove("kept").is_some());
        assert_eq!(prepared.start(), None);
    }

    #[test]
    fn one_that_comes_late_or_anew_is_kept() {
        let mut prepared = prepared(&[("late", 10), ("anew", 20)]);
        assert!(prepared.forget(&has(&[]), &at(40), &at(40)).is_empty());
        prepared.insert("anew".to_owned(), Transaction::default());
        assert!(
            prepared
                .forget(&has(&["late"]), &at(50), &at(50))
                .is_empty()
        );
        // They are missing at one question again.
        assert!(
            prepared
                .forget(&has(&["anew"]), &at(60), &at(60))
                .is_empty()
        );
        assert_eq!(prepared.forget(&has(&["anew"]), &at(60), &at(60)), ["late"]);
    }

    #[test]
    fn the_server_is_asked_now_and_then_for_what_stays() {
        let mut prepared = prepared(&[("x", 10)]);
        let now = Instant::now();
        assert!(!prepared.is_time(now));
        let later = now + LOOK_INTERVAL;
        assert!(prepared.is_time(later));
        prepared.asked = Some(later);
        assert!(!prepared.is_time(later) && prepared.is_time(later + LOOK_INTERVAL));
        prepared.is_refused = true;
        assert!(!prepared.is_time(later + LOOK_INTERVAL));
        prepared.is_refused = false;
        prepared.remove("x");
        assert!(!prepared.is_time(later + LOOK_INTERVAL));
    }

    #[test]
    fn names_are_those_of_the_log() {
        for (format, lengths, data, want) in [
            ("7", (1, 1), "0x6162", "X'61',X'62',7"),
            ("1", (2, 0), "0x00FF", "X'00ff',X'',1"),
            ("7", (1, 1), "'a','b',7", "X'61',X'62',7"),
            ("1", (1, 0), "'a'", "X'61',X'',1"),
            ("1", (2, 0), "X'00FF'", "X'00ff',X'',1"),
            ("7", (1, 2), "X'00',X'6162',7", "X'00',X'6162',7"),
            ("7", (0, 1), "'','b',7", "X'',X'62',7"),
            ("1", (4, 0), "'a','b'", "X'61272c27',X'',1"),
        ] {
            let cells = [format, &lengths.0.to_string(), &lengths.1.to_string(), data];
            let row = cells.map(|cell| Some(cell.to_owned()));
            assert_eq!(name(&row).as_deref(), Some(want), "{data}");
        }
        let short = ["1", "3", "0", "0x61"].map(|cell| Some(cell.to_owned()));
        assert_eq!(name(&short), None);
    }
}
