//! What a query of the server saw: which transactions had ended for it.

use std::str::FromStr;

use headwater_log::{Error, ErrorKind};

/// A snapshot as `pg_current_snapshot()` shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Snapshot {
    xmin: u64,
    xmax: u64,
    running: Vec<u64>,
}

impl Snapshot {
    /// Whether it sees what transaction `xid` did, if that committed.
    pub fn sees(&self, xid: u32) -> bool {
        self.sees_full(self.widen(xid))
    }

    /// The first transaction that had not begun.
    pub fn next(&self) -> u64 {
        self.xmax
    }

    /// Whether all transactions before this one had ended.
    pub fn is_after(&self, next: u64) -> bool {
        self.xmin >= next
    }

    fn sees_full(&self, xid: u64) -> bool {
        xid < self.xmin || (xid < self.xmax && self.running.binary_search(&xid).is_err())
    }

    /// The transaction near to this snapshot that has these low bits: ids in use lie within 2^31 of each other.
    fn widen(&self, xid: u32) -> u64 {
        let distance = i64::from(xid.wrapping_sub(self.xmax as u32) as i32);
        self.xmax.saturating_add_signed(distance)
    }
}

impl FromStr for Snapshot {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let parse = || {
            let mut parts = text.split(':');
            let xmin = parts.next()?.parse().ok()?;
            let xmax = parts.next()?.parse().ok()?;
            let running = parts.next()?.split(',').filter(|x| !x.is_empty());
            let mut running: Vec<u64> = running.map(str::parse).collect::<Result<_, _>>().ok()?;
            running.sort_unstable();
            Some(Self {
                xmin,
                xmax,
                running,
            })
        };
        parse().ok_or_else(|| Error::new(ErrorKind::Corrupt, format!("'{text}' is not a snapshot")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn snapshot(text: &str) -> Snapshot {
        text.parse().unwrap()
    }

    #[test]
    fn sees_what_had_ended() {
        let seen = snapshot("10:20:10,14,15");
        let visible: Vec<u32> = (8..22).filter(|xid| seen.sees(*xid)).collect();
        assert_eq!(visible, [8, 9, 11, 12, 13, 16, 17, 18, 19]);
    }

    #[test]
    fn ids_that_have_wrapped_are_near() {
        let seen = snapshot("4294967290:4294967300:4294967299");
        assert!(seen.sees(4_294_967_289));
        assert!(seen.sees(1));
        assert!(!seen.sees(3));
        assert!(!seen.sees(4));
    }

    #[test]
    fn what_had_begun_before_must_have_ended() {
        let before = snapshot("10:16:12");
        assert!(snapshot("16:17:").is_after(before.next()));
        assert!(!snapshot("12:17:12,16").is_after(before.next()));
    }
}
