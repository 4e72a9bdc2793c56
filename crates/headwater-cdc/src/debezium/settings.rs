//! What is said of the events.

use std::time::Duration;

use crate::json;

/// How numbers of any size are written: `decimal.handling.mode`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Decimals {
    /// The unscaled number's bytes in base64, as Debezium does unless told otherwise.
    #[default]
    Precise,
    /// As a string.
    String,
    /// As a number.
    Double,
}

/// How dates and times without a zone are written: `time.precision.mode`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Times {
    /// As finely as the column has them, as Debezium does unless told otherwise.
    #[default]
    Adaptive,
    /// Milliseconds, by the types of Kafka Connect.
    Connect,
    /// As strings of ISO 8601: `isostring`.
    Iso,
}

/// How intervals are written: `interval.handling.mode`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Intervals {
    /// As microseconds, where a month is the twelfth part of 365.25 days.
    #[default]
    Numeric,
    /// As strings of ISO 8601, with all parts: `P1Y0M0DT0H0M0S`.
    String,
}

/// How bytes are written: `binary.handling.mode`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Binary {
    /// As bytes, which JSON has in base64.
    #[default]
    Bytes,
    /// As strings in base64.
    Base64,
    /// The same with the signs that addresses may have.
    Base64UrlSafe,
    /// As strings of hexadecimal digits.
    Hex,
}

impl Binary {
    /// Writes bytes.
    pub(crate) fn write(self, bytes: &[u8], out: &mut Vec<u8>) {
        let start = out.len();
        match self {
            Self::Bytes | Self::Base64 => json::base64(bytes, out),
            Self::Base64UrlSafe => {
                json::base64(bytes, out);
                for byte in &mut out[start..] {
                    *byte = match *byte {
                        b'+' => b'-',
                        b'/' => b'_',
                        byte => byte,
                    };
                }
            }
            Self::Hex => {
                let digits: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
                json::string(digits.as_bytes(), out);
            }
        }
    }
}

/// How numbers of a `BIGINT UNSIGNED` are written: `bigint.unsigned.handling.mode`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Unsigned {
    /// As numbers.
    #[default]
    Long,
    /// As decimals without digits behind the point: the number's bytes in base64.
    Precise,
}

/// What says again and again that a capture goes on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Heartbeats {
    /// Where it is written: `__debezium-heartbeat`, unless said, a dot and the name of the server.
    pub topic: String,
    /// How often.
    pub interval: Duration,
}

/// How values are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Modes {
    pub(crate) decimals: Decimals,
    pub(crate) times: Times,
    pub(crate) intervals: Intervals,
    pub(crate) binary: Binary,
    pub(crate) unsigned: Unsigned,
}

/// What is said of the events.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Debezium {
    /// The name of the database's server, which topics begin with: `topic.prefix`.
    pub name: String,
    /// Whether each key and value comes with its schema.
    pub schemas: bool,
    /// How numbers of any size are written.
    pub decimals: Decimals,
    /// How dates and times without a zone are written.
    pub times: Times,
    /// How intervals are written.
    pub intervals: Intervals,
    /// How bytes are written.
    pub binary: Binary,
    /// How numbers of a `BIGINT UNSIGNED` are written.
    pub unsigned: Unsigned,
    /// Whether a deletion is followed by a tombstone.
    pub tombstones: bool,
    /// Whether there are rows in place of events, and for a deletion the tombstone alone, as the transformation
    /// `ExtractNewRecordState` makes of events.
    pub unwrapped: bool,
    /// The topic that says where transactions begin and end, `topic.transaction` after the prefix, if events tell theirs:
    /// `provide.transaction.metadata`.
    pub transactions: Option<String>,
    /// What says that the capture goes on: `heartbeat.interval.ms`.
    pub heartbeats: Option<Heartbeats>,
}

impl Debezium {
    /// Without schemas, with tombstones.
    pub fn new(name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            schemas: false,
            decimals: Decimals::default(),
            times: Times::default(),
            intervals: Intervals::default(),
            binary: Binary::default(),
            unsigned: Unsigned::default(),
            tombstones: true,
            unwrapped: false,
            transactions: None,
            heartbeats: None,
        }
    }

    pub(crate) fn modes(&self) -> Modes {
        Modes {
            decimals: self.decimals,
            times: self.times,
            intervals: self.intervals,
            binary: self.binary,
            unsigned: self.unsigned,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_are_written_in_the_ways_of_debezium() {
        let written = |binary: Binary| {
            let mut out = Vec::new();
            binary.write(&[0xfb, 0xff, 0x00, 0x01], &mut out);
            String::from_utf8(out).unwrap()
        };
        assert_eq!(written(Binary::Bytes), "\"+/8AAQ==\"");
        assert_eq!(written(Binary::Base64), "\"+/8AAQ==\"");
        assert_eq!(written(Binary::Base64UrlSafe), "\"-_8AAQ==\"");
        assert_eq!(written(Binary::Hex), "\"fbff0001\"");
    }
}
