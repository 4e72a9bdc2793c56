//! The limit for the bytes of a data directory, and how sizes are written.

use clap::Args;
use headwater::Options;

/// Units of bytes; what they say is no matter of case.
const UNITS: [(&str, u64); 9] = [
    ("b", 1),
    ("kb", 1_000),
    ("mb", 1_000_000),
    ("gb", 1_000_000_000),
    ("tb", 1_000_000_000_000),
    ("kib", 1 << 10),
    ("mib", 1 << 20),
    ("gib", 1 << 30),
    ("tib", 1 << 40),
];

/// The limit, for the process that opens the directory.
#[derive(Debug, Clone, Copy, Default, Args)]
pub(crate) struct LimitArgs {
    /// Bytes that the data directory may take, as 10GiB; beyond them producers wait and are then refused
    #[arg(
        long,
        value_name = "SIZE",
        env = "HEADWATER_DISK_LIMIT",
        value_parser = bytes,
        global = true
    )]
    pub(crate) disk_limit: Option<u64>,
}

impl LimitArgs {
    /// Options to open a directory with.
    pub(crate) fn options(self) -> Options {
        let mut options = Options::default();
        options.log.disk_bytes_max = self.disk_limit;
        options
    }
}

/// Reads a size.
fn bytes(text: &str) -> Result<u64, String> {
    let text = text.trim();
    let digits = text.find(|c: char| !c.is_ascii_digit());
    let (number, unit) = text.split_at(digits.unwrap_or(text.len()));
    let unit = unit.trim().to_ascii_lowercase();
    let unit = UNITS
        .iter()
        .find(|(name, _)| *name == unit || unit.is_empty());
    let bytes = number.parse::<u64>().ok().zip(unit);
    let bytes = bytes.and_then(|(number, (_, unit))| number.checked_mul(*unit));
    bytes.ok_or_else(|| "sizes are written as 500MB, 10GiB or 1048576".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_have_units_of_thousands_and_of_1024() {
        let sizes = ["7", "7B", "2 kb", "10GiB", "3tb"].map(bytes);
        let expected = [7, 7, 2_000, 10 << 30, 3_000_000_000_000].map(Ok);
        assert_eq!(sizes, expected);
        for wrong in ["", "GiB", "-1", "1.5GB", "10 potatoes", "99999999TiB"] {
            assert!(bytes(wrong).is_err(), "{wrong}");
        }
    }
}
