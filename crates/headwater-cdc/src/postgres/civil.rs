//! Dates, times and intervals from the server's texts: days and microseconds, in the calendar that goes on backwards.

use headwater_log::Result;

use super::failure::malformed;

const SECOND: i64 = 1_000_000;
const DAY: i64 = 86_400 * SECOND;
/// The twelfth part of 365.25 days.
const MONTH: i64 = DAY / 16 * 487;
/// Dates end in the year 5874897.
const YEARS_MAX: i64 = 6_000_000;
/// From 1970 to 2000.
const TO_2000: i64 = 10_957 * DAY;

/// Microseconds since 1970 of those since 2000, in which the server tells times of its own.
pub(crate) fn since_1970(micros: i64) -> i64 {
    micros.saturating_add(TO_2000)
}

/// A moment, or an end of time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Moment {
    /// Microseconds since 1970.
    Micros(i64),
    Infinity,
    MinusInfinity,
}

/// Milliseconds since 1970 of a moment; `None`: it is none, or the end of time.
pub(crate) fn millis(text: &[u8]) -> Option<i64> {
    match moment(text) {
        Ok(Moment::Micros(micros)) => Some(micros.div_euclid(1000)),
        _ => None,
    }
}

/// Days since 1970; what the server has for the ends of time are the ends of its numbers.
///
/// # Errors
/// `Corrupt`.
pub(super) fn date(text: &[u8]) -> Result<i64> {
    match text {
        b"infinity" => Ok(i64::from(i32::MAX)),
        b"-infinity" => Ok(i64::from(i32::MIN)),
        text => {
            let (date, is_before) = era(text);
            days(date, is_before)
        }
    }
}

/// Microseconds of a day: `01:02:03.5`.
///
/// # Errors
/// `Corrupt`.
pub(super) fn time(text: &[u8]) -> Result<i64> {
    let wrong = || malformed("time");
    let text = utf8(text)?;
    let mut parts = text.split(':');
    let mut next = || parts.next().ok_or_else(wrong);
    let (hours, minutes) = (whole(next()?)?, whole(next()?)?);
    let seconds = micros(next()?)?;
    match hours <= 24 && minutes < 60 && seconds <= 60 * SECOND {
        true => Ok((hours * 60 + minutes) * 60 * SECOND + seconds),
        false => Err(wrong()),
    }
}

/// A moment: `2026-11-26 01:02:03.5`, perhaps with `+00`, perhaps with ` BC`.
///
/// # Errors
/// `Corrupt`.
pub(super) fn moment(text: &[u8]) -> Result<Moment> {
    match text {
        b"infinity" => return Ok(Moment::Infinity),
        b"-infinity" => return Ok(Moment::MinusInfinity),
        _ => {}
    }
    let (text, is_before) = era(text);
    let text = text.strip_suffix(b"+00").unwrap_or(text);
    let at = memchr::memchr(b' ', text).ok_or_else(|| malformed("timestamp"))?;
    let day = days(&text[..at], is_before)?;
    let micros = day.checked_mul(DAY);
    let micros = micros.and_then(|day| day.checked_add(time(&text[at + 1..]).ok()?));
    micros
        .map(Moment::Micros)
        .ok_or_else(|| malformed("timestamp"))
}

/// A time with its zone, in UTC: `19:32:03.5Z`.
///
/// # Errors
/// `Corrupt`.
pub(super) fn zoned_time(text: &[u8]) -> Result<String> {
    let wrong = || malformed("time with a zone");
    let at = text
        .iter()
        .rposition(|b| matches!(b, b'+' | b'-'))
        .ok_or_else(wrong)?;
    let local = time(&text[..at])?;
    let mut seconds = 0;
    let mut unit = 3600;
    for part in utf8(&text[at + 1..])?.split(':').take(3) {
        seconds += whole(part)? * unit;
        unit /= 60;
    }
    let offset = if text[at] == b'-' { -seconds } else { seconds };
    let utc = (local - offset * SECOND).rem_euclid(DAY);
    let mut out = clock(utc);
    let fraction = utc % SECOND;
    if fraction > 0 {
        let digits = format!("{fraction:06}");
        out = format!("{out}.{}", digits.trim_end_matches('0'));
    }
    Ok(out + "Z")
}

/// A moment as ISO 8601 has it, in UTC, with six digits of a second.
pub(super) fn iso(micros: i64) -> String {
    let (day, time) = (micros.div_euclid(DAY), micros.rem_euclid(DAY));
    let (clock, fraction) = (clock(time), time % SECOND);
    format!("{}T{clock}.{fraction:06}Z", calendar(day))
}

/// A day since 1970 in UTC: `2026-11-26Z`.
pub(crate) fn iso_date(days: i64) -> String {
    calendar(days) + "Z"
}

/// Microseconds of a day in UTC, with the digits that say something: `01:02:03.5Z`. The end of a day is its beginning.
pub(crate) fn iso_time(micros: i64) -> String {
    let time = micros.rem_euclid(DAY);
    let fraction = match time % SECOND {
        0 => String::new(),
        fraction => format!(".{fraction:06}"),
    };
    format!("{}{}Z", clock(time), fraction.trim_end_matches('0'))
}

/// Microseconds since 1970 in UTC, with the digits that say something: `2026-11-26T01:02:03.5Z`.
pub(crate) fn iso_timestamp(micros: i64) -> String {
    format!("{}T{}", calendar(micros.div_euclid(DAY)), iso_time(micros))
}

/// A day since 1970: `2026-11-26`.
fn calendar(days: i64) -> String {
    let (year, month, day) = civil(days);
    let year = match year {
        0..=9999 => format!("{year:04}"),
        10_000.. => format!("+{year}"),
        _ => format!("-{:04}", -year),
    };
    format!("{year}-{month:02}-{day:02}")
}

/// Microseconds of an interval: `P1Y-2DT3H4M5.6S`. A month is the twelfth part of a year.
///
/// # Errors
/// `Corrupt`.
pub(super) fn duration(text: &[u8]) -> Result<i64> {
    const UNITS: [i64; 6] = [MONTH * 12, MONTH, DAY, 3600 * SECOND, 60 * SECOND, 1];
    let wrong = || malformed("interval");
    let mut total = 0_i64;
    for (number, unit) in parts(text)?.into_iter().zip(UNITS) {
        let unsigned = number.strip_prefix('-').unwrap_or(number);
        let amount = match unit {
            1 => micros(unsigned)?,
            _ => whole(unsigned)?,
        };
        let part = amount.checked_mul(unit).ok_or_else(wrong)?;
        let part = if number.starts_with('-') { -part } else { part };
        total = total.checked_add(part).ok_or_else(wrong)?;
    }
    Ok(total)
}

/// An interval with all parts: `P1Y0M-2DT3H4M5.6S`.
///
/// # Errors
/// `Corrupt`.
pub(super) fn interval(text: &[u8]) -> Result<String> {
    duration(text)?;
    let [years, months, days, hours, minutes, seconds] = parts(text)?;
    Ok(format!(
        "P{years}Y{months}M{days}DT{hours}H{minutes}M{seconds}S"
    ))
}

/// Years, months, days, hours, minutes and seconds of an interval: `P1Y-2DT3H4M5.6S`. What it does not name is 0.
fn parts(text: &[u8]) -> Result<[&str; 6]> {
    let wrong = || malformed("interval");
    let mut rest = utf8(text)?.strip_prefix('P').ok_or_else(wrong)?;
    let (mut parts, mut is_time) = (["0"; 6], false);
    while !rest.is_empty() {
        if let Some(time) = rest.strip_prefix('T') {
            (rest, is_time) = (time, true);
            continue;
        }
        let end = rest
            .find(|c: char| c.is_ascii_uppercase())
            .ok_or_else(wrong)?;
        let place = match (rest.as_bytes()[end], is_time) {
            (b'Y', false) => 0,
            (b'M', false) => 1,
            (b'D', false) => 2,
            (b'H', true) => 3,
            (b'M', true) => 4,
            (b'S', true) => 5,
            _ => return Err(wrong()),
        };
        parts[place] = &rest[..end];
        rest = &rest[end + 1..];
    }
    Ok(parts)
}

fn utf8(text: &[u8]) -> Result<&str> {
    std::str::from_utf8(text).map_err(|_| malformed("date or time"))
}

fn era(text: &[u8]) -> (&[u8], bool) {
    match text.strip_suffix(b" BC") {
        Some(text) => (text, true),
        None => (text, false),
    }
}

fn whole(text: &str) -> Result<i64> {
    let is_plain = (1..=18).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_digit());
    let parsed = is_plain.then(|| text.parse().ok()).flatten();
    parsed.ok_or_else(|| malformed("date or time"))
}

/// Seconds with a fraction.
fn micros(text: &str) -> Result<i64> {
    let (seconds, fraction) = text.split_once('.').unwrap_or((text, "0"));
    let digits = whole(fraction)?;
    let missing = 6_usize.checked_sub(fraction.len());
    let scale = missing.ok_or_else(|| malformed("fraction of a second"))?;
    let fraction = digits * 10_i64.pow(scale as u32);
    let micros = whole(seconds)?.checked_mul(SECOND);
    micros
        .and_then(|m| m.checked_add(fraction))
        .ok_or_else(|| malformed("seconds"))
}

fn days(date: &[u8], is_before: bool) -> Result<i64> {
    let wrong = || malformed("date");
    let text = utf8(date)?;
    let mut parts = text.split('-');
    let mut next = || whole(parts.next().ok_or_else(wrong)?);
    let (year, month, day) = (next()?, next()?, next()?);
    let year = if is_before { 1 - year } else { year };
    if year.abs() > YEARS_MAX || !(1..=12).contains(&month) || !(1..=31).contains(&day) {
        return Err(wrong());
    }
    // Years begin in March, so that the day that comes and goes is their last.
    let year = if month <= 2 { year - 1 } else { year };
    let (era, of_era) = (year.div_euclid(400), year.rem_euclid(400));
    let of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    Ok(era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468)
}

/// The year, month and day of a day since 1970; year 0 is the one before 1.
pub(super) fn civil(days: i64) -> (i64, i64, i64) {
    let days = days + 719_468;
    let (era, of_era) = (days.div_euclid(146_097), days.rem_euclid(146_097));
    let year = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let month = (5 * of_year + 2) / 153;
    let day = of_year - (153 * month + 2) / 5 + 1;
    let month = if month < 10 { month + 3 } else { month - 9 };
    (era * 400 + year + i64::from(month <= 2), month, day)
}

fn clock(micros: i64) -> String {
    let seconds = micros / SECOND;
    let (hours, minutes, seconds) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    format!("{hours:02}:{minutes:02}:{seconds:02}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_go_both_ways() {
        for (text, want) in [
            ("1970-01-01", 0),
            ("0044-03-15 BC", -735_160),
            ("9999-12-31", 2_932_896),
            ("1500-02-28", -171_606),
        ] {
            assert_eq!(date(text.as_bytes()).unwrap(), want, "{text}");
        }
        for day in (-800_000..4_000_000).step_by(61) {
            let text = iso(day * DAY);
            if let (0..=9999, _, _) = civil(day) {
                assert_eq!(date(&text.as_bytes()[..10]).unwrap(), day, "{text}");
            }
        }
    }

    #[test]
    fn times_and_intervals_are_microseconds() {
        assert_eq!(time(b"24:00:00").unwrap(), DAY);
        assert_eq!(zoned_time(b"01:02:03.50+05:30").unwrap(), "19:32:03.5Z");
        assert_eq!(duration(b"P1Y-2DT3H4M5.6S").unwrap(), 31_395_845_600_000);
        assert_eq!(duration(b"PT-0.000001S").unwrap(), -1);
        assert_eq!(duration(b"PT0S").unwrap(), 0);
        for wrong in ["P1", "PT1D", "1Y", "P99999999999999Y"] {
            assert!(duration(wrong.as_bytes()).is_err(), "{wrong}");
        }
    }
}
