//! Names of transactions that hold on every server that has them: MariaDB's and MySQL's.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use headwater_log::{Error, ErrorKind, Result};

/// The name of one transaction.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Gtid {
    /// `domain-server-sequence`, of MariaDB.
    MariaDb {
        /// Whose sequence it is part of.
        domain: u32,
        /// Where it was committed first.
        server: u32,
        /// Its place in the domain.
        sequence: u64,
    },
    /// `server:number`, of MySQL.
    MySql {
        /// Where it was committed first, a UUID.
        server: [u8; 16],
        /// Its number there, from 1.
        number: u64,
    },
}

/// Which transactions have been seen: all of each MariaDB domain up to one, or intervals of each MySQL server.
///
/// Invariant of the intervals: not empty, in order, apart from each other; their end is after their last number.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct Gtids {
    domains: BTreeMap<u32, (u32, u64)>,
    servers: BTreeMap<[u8; 16], Vec<(u64, u64)>>,
}

impl Gtids {
    /// Notes one more.
    pub fn add(&mut self, gtid: Gtid) {
        match gtid {
            Gtid::MariaDb {
                domain,
                server,
                sequence,
            } => {
                self.domains.insert(domain, (server, sequence));
            }
            Gtid::MySql { server, number } => {
                self.add_interval(server, number, number.saturating_add(1));
            }
        }
    }

    /// Notes all that others have of MySQL's servers.
    pub(super) fn extend(&mut self, others: &Self) {
        for (server, intervals) in &others.servers {
            for (start, end) in intervals {
                self.add_interval(*server, *start, *end);
            }
        }
    }

    /// Whether a server of MariaDB whose log has `logged`, the last of each domain and server, has had all of these.
    pub(super) fn are_within(&self, logged: &str) -> Result<bool> {
        let mut highest: BTreeMap<u32, u64> = BTreeMap::new();
        for part in logged.split(',') {
            for (domain, (_, sequence)) in part.parse::<Self>()?.domains {
                let known = highest.entry(domain).or_default();
                *known = sequence.max(*known);
            }
        }
        let mut domains = self.domains.iter();
        Ok(domains.all(|(domain, (_, s))| highest.get(domain).is_some_and(|h| h >= s)))
    }

    /// Whether all of `other` are among these.
    pub(super) fn reach(&self, other: &Self) -> bool {
        let mut domains = other.domains.iter();
        let mut servers = other.servers.iter();
        let has = |known: &[(u64, u64)], (start, end): &(u64, u64)| {
            known.iter().any(|(s, e)| s <= start && end <= e)
        };
        domains.all(|(domain, (_, sequence))| {
            let known = self.domains.get(domain);
            known.is_some_and(|(_, known)| known >= sequence)
        }) && servers.all(|(server, intervals)| {
            let known = self.servers.get(server);
            known.is_some_and(|known| intervals.iter().all(|interval| has(known, interval)))
        })
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.domains.is_empty() && self.servers.is_empty()
    }

    fn add_interval(&mut self, server: [u8; 16], start: u64, end: u64) {
        let intervals = self.servers.entry(server).or_default();
        // Those that end before the new one begins stay, those that touch it are made one with it.
        let first = intervals.partition_point(|(_, e)| *e < start);
        let after = intervals.partition_point(|(s, _)| *s <= end);
        let touched = &intervals[first..after];
        let start = touched.first().map_or(start, |(s, _)| start.min(*s));
        let end = touched.last().map_or(end, |(_, e)| end.max(*e));
        intervals.splice(first..after, [(start, end)]);
    }

    /// As `COM_BINLOG_DUMP_GTID` carries MySQL's.
    pub(super) fn encode(&self) -> Vec<u8> {
        let mut out = Vec::new();
        out.extend_from_slice(&(self.servers.len() as u64).to_le_bytes());
        for (server, intervals) in &self.servers {
            out.extend_from_slice(server);
            out.extend_from_slice(&(intervals.len() as u64).to_le_bytes());
            for (start, end) in intervals {
                out.extend_from_slice(&start.to_le_bytes());
                out.extend_from_slice(&end.to_le_bytes());
            }
        }
        out
    }
}

impl fmt::Display for Gtid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::MariaDb {
                domain,
                server,
                sequence,
            } => write!(f, "{domain}-{server}-{sequence}"),
            Self::MySql { server, number } => write!(f, "{}:{number}", uuid(server)),
        }
    }
}

/// As the servers write them, `0-1-5,1-1-7` or `UUID:1-5:7`.
impl fmt::Display for Gtids {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut comma = "";
        for (domain, (server, sequence)) in &self.domains {
            write!(f, "{comma}{domain}-{server}-{sequence}")?;
            comma = ",";
        }
        for (server, intervals) in &self.servers {
            write!(f, "{comma}{}", uuid(server))?;
            comma = ",";
            for (start, end) in intervals {
                match end - start {
                    1 => write!(f, ":{start}")?,
                    _ => write!(f, ":{start}-{}", end - 1)?,
                }
            }
        }
        Ok(())
    }
}

impl FromStr for Gtids {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let mut gtids = Self::default();
        let parts = text.split(',').map(str::trim).filter(|p| !p.is_empty());
        for part in parts {
            let known = match part.split_once(':') {
                Some((server, intervals)) => gtids.parse_server(server, intervals),
                None => gtids.parse_domain(part),
            };
            if known.is_none() {
                let text = format!("'{part}' is not the name of transactions");
                return Err(Error::new(ErrorKind::Invalid, text));
            }
        }
        Ok(gtids)
    }
}

impl Gtids {
    fn parse_domain(&mut self, text: &str) -> Option<()> {
        let mut numbers = text.split('-');
        let domain = numbers.next()?.parse().ok()?;
        let server = numbers.next()?.parse().ok()?;
        let sequence = numbers.next()?.parse().ok()?;
        if numbers.next().is_some() {
            return None;
        }
        self.add(Gtid::MariaDb {
            domain,
            server,
            sequence,
        });
        Some(())
    }

    fn parse_server(&mut self, server: &str, intervals: &str) -> Option<()> {
        let server = parse_uuid(server)?;
        for interval in intervals.split(':') {
            let (start, last) = interval.split_once('-').unwrap_or((interval, interval));
            let start: u64 = start.trim().parse().ok()?;
            let last: u64 = last.trim().parse().ok()?;
            if start == 0 || start > last {
                return None;
            }
            self.add_interval(server, start, last.checked_add(1)?);
        }
        Some(())
    }
}

impl From<Gtids> for String {
    fn from(gtids: Gtids) -> Self {
        gtids.to_string()
    }
}

impl TryFrom<String> for Gtids {
    type Error = Error;

    fn try_from(text: String) -> Result<Self> {
        text.parse()
    }
}

/// The text of a UUID.
pub(super) fn uuid(bytes: &[u8; 16]) -> String {
    let mut text = String::with_capacity(36);
    for (n, byte) in bytes.iter().enumerate() {
        if matches!(n, 4 | 6 | 8 | 10) {
            text.push('-');
        }
        text.push_str(&format!("{byte:02x}"));
    }
    text
}

fn parse_uuid(text: &str) -> Option<[u8; 16]> {
    let digits: Vec<u8> = text.trim().bytes().filter(|b| *b != b'-').collect();
    let mut bytes = [0; 16];
    if digits.len() != 32 || !digits.iter().all(u8::is_ascii_hexdigit) {
        return None;
    }
    for (byte, pair) in bytes.iter_mut().zip(digits.chunks(2)) {
        *byte = u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()?;
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_among_others() {
        const SERVER: &str = "41424344-4546-4748-494a-4b4c4d4e4f50";
        let of = |text: String| text.parse::<Gtids>().unwrap();
        let all = of(format!("{SERVER}:1-5:8-9"));
        for (numbers, want) in [("1-5", true), ("2:9", true), ("1-6", false), ("5-8", false)] {
            assert_eq!(
                all.reach(&of(format!("{SERVER}:{numbers}"))),
                want,
                "{numbers}"
            );
        }
        assert!(all.reach(&Gtids::default()) && !Gtids::default().reach(&all));
    }

    const SERVER: &str = "3e11fa47-71ca-11e1-9e33-c80aa9429562";

    #[test]
    fn reads_what_it_shows() {
        for text in [
            "",
            "0-1-5,7-2-18446744073709551615",
            &format!("{SERVER}:1-3:5:7-9"),
        ] {
            assert_eq!(text.parse::<Gtids>().unwrap().to_string(), text);
        }
        let spaced = format!(" {} :1-2:3,\n 0-1-2", SERVER.to_uppercase());
        let gtids: Gtids = spaced.parse().unwrap();
        assert_eq!(gtids.to_string(), format!("0-1-2,{SERVER}:1-3"));
        for wrong in [
            "1-2",
            "a-b-c",
            "1-2-3-4",
            "x:1",
            &format!("{SERVER}:0"),
            &format!("{SERVER}:5-4"),
        ] {
            assert_eq!(
                wrong.parse::<Gtids>().unwrap_err().kind(),
                ErrorKind::Invalid
            );
        }
    }

    #[test]
    fn a_domain_remembers_its_last_and_a_server_its_intervals() {
        let mut gtids: Gtids = "0-1-5".parse().unwrap();
        gtids.add(Gtid::MariaDb {
            domain: 0,
            server: 2,
            sequence: 6,
        });
        assert_eq!(gtids.to_string(), "0-2-6");
        for (logged, is_within) in [("0-1-9,0-2-3", true), ("0-1-5", false), ("1-1-9", false)] {
            assert_eq!(gtids.are_within(logged).unwrap(), is_within, "{logged}");
        }
        let server = parse_uuid(SERVER).unwrap();
        let mut gtids = Gtids::default();
        for number in [5, 1, 3, 2, 9, 3] {
            gtids.add(Gtid::MySql { server, number });
        }
        assert_eq!(gtids.to_string(), format!("{SERVER}:1-3:5:9"));
        gtids.add(Gtid::MySql { server, number: 4 });
        assert_eq!(gtids.to_string(), format!("{SERVER}:1-5:9"));
        assert_eq!(gtids.encode().len(), 8 + 16 + 8 + 2 * 16);
    }
}
