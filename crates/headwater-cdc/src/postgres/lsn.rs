//! Places in the write-ahead log of a server.

use std::fmt;
use std::str::FromStr;

use headwater_log::{Error, ErrorKind};

/// A byte position in the write-ahead log of a server.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Default,
    serde::Serialize,
    serde::Deserialize,
)]
pub struct Lsn(pub u64);

impl fmt::Display for Lsn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:X}/{:X}", self.0 >> 32, self.0 & 0xffff_ffff)
    }
}

impl FromStr for Lsn {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let half = |part: &str| u32::from_str_radix(part, 16).ok();
        let parsed = text
            .split_once('/')
            .and_then(|(high, low)| Some((half(high)?, half(low)?)));
        match parsed {
            Some((high, low)) => Ok(Self(u64::from(high) << 32 | u64::from(low))),
            None => {
                let text = format!("'{text}' is not a place in a write-ahead log");
                Err(Error::new(ErrorKind::Corrupt, text))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_it_shows() {
        let lsn: Lsn = "16/B374D848".parse().unwrap();
        assert_eq!(lsn, Lsn(0x16_b374_d848));
        assert_eq!(lsn.to_string(), "16/B374D848");
        assert!("16".parse::<Lsn>().is_err());
    }
}
