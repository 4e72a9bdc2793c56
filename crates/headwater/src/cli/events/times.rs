//! `--until` and `--at`: a version or a time.

use headwater::SystemClock;
use headwater_log::Clock;

use super::request::Until;
use crate::cli::exit::{Failure, Outcome};
use crate::cli::offsets::time;

/// Numbers of so many digits and more are times.
const TIME_DIGITS: usize = 9;

/// Reads it.
pub(super) fn parse(text: Option<&str>) -> Outcome<Option<Until>> {
    let Some(text) = text else { return Ok(None) };
    let version = text.parse().ok().filter(|_| text.len() < TIME_DIGITS);
    let until = match version {
        Some(version) => Some(Until::Version(version)),
        None => time(text, SystemClock.now()).map(Until::Time),
    };
    let wrong = || {
        Failure::usage(format!("'{text}' is neither a version nor a time"))
            .with_hint("such as 7, 2013-01-31, 2013-01-31T10:00:00Z or -90s")
    };
    until.map(Some).ok_or_else(wrong)
}

#[cfg(test)]
mod tests {
    use headwater_log::Timestamp;

    use super::*;

    #[test]
    fn short_numbers_are_versions() {
        let until = |text| parse(Some(text)).ok().flatten();
        assert_eq!(until("7"), Some(Until::Version(7)));
        let noon = Until::Time(Timestamp(1_359_626_400_000));
        assert_eq!(until("2013-01-31T10:00:00Z"), Some(noon));
        assert_eq!(until("1359626400"), Some(noon));
        assert!(matches!(until("-90s"), Some(Until::Time(_))));
        assert!(parse(Some("noon")).is_err());
    }
}
