//! Dates, times and timestamps as text, as JSON, CSV and `print` read and write them. Reading takes the SQL form
//! (`2020-01-01 00:00:00.123`) and ISO 8601 (`T`, `Z`, offsets) alike.

use arrow::datatypes::TimeUnit;

const NANOS: i64 = 1_000_000_000;
const DAY_SECONDS: i64 = 86_400;

/// The last date that was read: event times of neighbouring rows mostly share it.
#[derive(Debug)]
pub(crate) struct DayCache {
    text: [u8; 10],
    days: i32,
}

impl Default for DayCache {
    fn default() -> Self {
        Self {
            text: *b"1970-01-01",
            days: 0,
        }
    }
}

/// How many of `unit` a second has.
pub(crate) fn per_second(unit: TimeUnit) -> i64 {
    match unit {
        TimeUnit::Second => 1,
        TimeUnit::Millisecond => 1_000,
        TimeUnit::Microsecond => 1_000_000,
        TimeUnit::Nanosecond => NANOS,
    }
}

/// Days since 1970-01-01 of `YYYY-MM-DD`.
pub(crate) fn parse_date(text: &[u8]) -> Option<i32> {
    let text: &[u8; 10] = text.try_into().ok()?;
    if text[4] != b'-' || text[7] != b'-' {
        return None;
    }
    let year = two(text[0], text[1])? * 100 + two(text[2], text[3])?;
    let (month, day) = (two(text[5], text[6])?, two(text[8], text[9])?);
    if !(1..=12).contains(&month) || day < 1 || day > days_in_month(year, month) {
        return None;
    }
    Some(days_from_civil(year, month, day))
}

/// Nanoseconds of the day of `HH:MM[:SS[.fraction]]`.
pub(crate) fn parse_time(text: &[u8]) -> Option<i64> {
    match time_prefix(text)? {
        (time, []) => Some(time.seconds * NANOS + time.nanos),
        _ => None,
    }
}

/// A timestamp in `unit` since the epoch; digits beyond the unit are cut off. An offset moves the time to UTC.
pub(crate) fn parse_timestamp(text: &[u8], unit: TimeUnit, cache: &mut DayCache) -> Option<i64> {
    let (date, rest) = text.split_first_chunk::<10>()?;
    let days = i64::from(cache.days(date)?);
    let (time, zone) = match rest.split_first() {
        None => (Time::default(), rest),
        Some((b' ' | b'T' | b't', rest)) => time_prefix(rest)?,
        Some(_) => return None,
    };
    let seconds = days * DAY_SECONDS + time.seconds - parse_zone(zone)?;
    let fraction = match unit {
        TimeUnit::Second => 0,
        TimeUnit::Millisecond => time.nanos / 1_000_000,
        TimeUnit::Microsecond => time.nanos / 1_000,
        TimeUnit::Nanosecond => time.nanos,
    };
    seconds.checked_mul(per_second(unit))?.checked_add(fraction)
}

impl DayCache {
    #[inline]
    fn days(&mut self, text: &[u8; 10]) -> Option<i32> {
        if self.text != *text {
            self.days = parse_date(text)?;
            self.text = *text;
        }
        Some(self.days)
    }
}

/// A time of day.
#[derive(Debug, Clone, Copy, Default)]
struct Time {
    seconds: i64,
    nanos: i64,
}

/// The time at the beginning of `text`, and what follows it.
#[inline]
fn time_prefix(text: &[u8]) -> Option<(Time, &[u8])> {
    let Some((seconds, rest)) = clock(text) else {
        return hour_and_minute(text);
    };
    let (nanos, rest) = match rest.split_first() {
        Some((b'.', digits)) => parse_fraction(digits)?,
        _ => (0, rest),
    };
    Some((Time { seconds, nanos }, rest))
}

/// Seconds of the day of `HH:MM:SS`, all eight bytes at once.
#[inline]
fn clock(text: &[u8]) -> Option<(i64, &[u8])> {
    const NOUGHT: u64 = u64::from_le_bytes(*b"00:00:00");
    // Added to a byte, sets its high bit if it is more than 9, or, where a colon stood, more than 0.
    const LIMITS: u64 = u64::from_le_bytes([0x76, 0x76, 0x7f, 0x76, 0x76, 0x7f, 0x76, 0x76]);
    let (bytes, rest) = text.split_first_chunk::<8>()?;
    let values = u64::from_le_bytes(*bytes) ^ NOUGHT;
    if (values.wrapping_add(LIMITS) | values) & 0x8080_8080_8080_8080 != 0 {
        return None;
    }
    let pairs = values
        .wrapping_mul(10)
        .wrapping_add(values >> 8)
        .to_le_bytes();
    let (hour, minute, second) = (pairs[0], pairs[3], pairs[6]);
    let seconds = i64::from(hour) * 3_600 + i64::from(minute) * 60 + i64::from(second);
    (hour <= 23 && minute <= 59 && second <= 59).then_some((seconds, rest))
}

/// `HH:MM` without seconds.
#[cold]
fn hour_and_minute(text: &[u8]) -> Option<(Time, &[u8])> {
    let (&[h1, h2, colon, m1, m2], rest) = text.split_first_chunk::<5>()?;
    let (hour, minute) = (two(h1, h2)?, two(m1, m2)?);
    if colon != b':' || hour > 23 || minute > 59 || rest.first() == Some(&b':') {
        return None;
    }
    let seconds = i64::from(hour * 3_600 + minute * 60);
    Some((Time { seconds, nanos: 0 }, rest))
}

/// Nanoseconds of the digits after the point; at least one digit.
#[inline]
fn parse_fraction(text: &[u8]) -> Option<(i64, &[u8])> {
    let (mut value, mut count) = (0, 0);
    for byte in text {
        let digit = byte.wrapping_sub(b'0');
        if digit > 9 {
            break;
        }
        if count < POWERS.len() {
            value = value * 10 + i64::from(digit);
        }
        count += 1;
    }
    let missing = POWERS.len().saturating_sub(count);
    (count > 0).then(|| (value * POWERS[missing], &text[count..]))
}

const POWERS: [i64; 9] = [
    1,
    10,
    100,
    1_000,
    10_000,
    100_000,
    1_000_000,
    10_000_000,
    100_000_000,
];

/// Seconds east of UTC of ``, `Z`, `+HH`, `+HHMM`, `+HH:MM`.
#[inline]
fn parse_zone(text: &[u8]) -> Option<i64> {
    if text.is_empty() {
        return Some(0);
    }
    offset_of_zone(text)
}

#[inline(never)]
fn offset_of_zone(text: &[u8]) -> Option<i64> {
    let text = text.trim_ascii_start();
    let (sign, digits) = match text.split_first() {
        None => return Some(0),
        Some((b'Z' | b'z', [])) => return Some(0),
        Some((b'+', digits)) => (1, digits),
        Some((b'-', digits)) => (-1, digits),
        Some(_) => return None,
    };
    let (hours, minutes) = match *digits {
        [a, b] => (two(a, b)?, 0),
        [a, b, c, d] | [a, b, b':', c, d] => (two(a, b)?, two(c, d)?),
        _ => return None,
    };
    (hours <= 18 && minutes <= 59).then_some(sign * i64::from(hours * 3_600 + minutes * 60))
}

fn two(tens: u8, ones: u8) -> Option<i32> {
    let (tens, ones) = (tens.wrapping_sub(b'0'), ones.wrapping_sub(b'0'));
    (tens <= 9 && ones <= 9).then(|| i32::from(tens) * 10 + i32::from(ones))
}

fn days_in_month(year: i32, month: i32) -> i32 {
    match month {
        2 if year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// Howard Hinnant's `days_from_civil`.
fn days_from_civil(year: i32, month: i32, day: i32) -> i32 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let of_era = year.rem_euclid(400);
    let of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468
}

/// Howard Hinnant's `civil_from_days`: year, month, day.
fn civil_from_days(days: i64) -> (i64, u32, u32) {
    let shifted = days + 719_468;
    let era = shifted.div_euclid(146_097);
    let of_era = shifted.rem_euclid(146_097);
    let year_of_era = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_index = (5 * of_year + 2) / 153;
    let day = of_year - (153 * month_index + 2) / 5 + 1;
    let month = if month_index < 10 {
        month_index + 3
    } else {
        month_index - 9
    };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    (year, month as u32, day as u32)
}

/// How a timestamp is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum TimestampStyle {
    /// `2020-01-01 00:00:00.123`, fractions as short as they can be.
    Sql,
    /// `2020-01-01T00:00:00.123`.
    Iso,
    /// Java's `LocalDateTime.toString`, as Flink's `print` shows it: seconds only when there are some, fractions
    /// in groups of three digits.
    Java,
}

/// Writes a date.
pub(crate) fn write_date(days: i64, out: &mut Vec<u8>) {
    let (year, month, day) = civil_from_days(days);
    if (0..=9_999).contains(&year) {
        push_padded(year as u64, 4, out);
    } else {
        out.push(if year < 0 { b'-' } else { b'+' });
        push_padded(year.unsigned_abs(), 4, out);
    }
    out.push(b'-');
    push_padded(u64::from(month), 2, out);
    out.push(b'-');
    push_padded(u64::from(day), 2, out);
}

/// Writes a time of day, given in `unit`.
pub(crate) fn write_time(value: i64, unit: TimeUnit, style: TimestampStyle, out: &mut Vec<u8>) {
    let scale = per_second(unit);
    let (seconds, fraction) = (value.div_euclid(scale), value.rem_euclid(scale));
    let nanos = fraction * (NANOS / scale);
    push_padded((seconds / 3_600) as u64, 2, out);
    out.push(b':');
    push_padded((seconds / 60 % 60) as u64, 2, out);
    if style == TimestampStyle::Java && seconds % 60 == 0 && nanos == 0 {
        return;
    }
    out.push(b':');
    push_padded((seconds % 60) as u64, 2, out);
    if nanos != 0 {
        push_fraction(nanos, style, out);
    }
}

/// Writes a timestamp in `unit` since the epoch, without its zone.
pub(crate) fn write_timestamp(
    value: i64,
    unit: TimeUnit,
    style: TimestampStyle,
    out: &mut Vec<u8>,
) {
    let day = DAY_SECONDS * per_second(unit);
    write_date(value.div_euclid(day), out);
    out.push(if style == TimestampStyle::Sql {
        b' '
    } else {
        b'T'
    });
    write_time(value.rem_euclid(day), unit, style, out);
}

fn push_fraction(nanos: i64, style: TimestampStyle, out: &mut Vec<u8>) {
    let step = if style == TimestampStyle::Java { 3 } else { 1 };
    let mut digits = 9;
    let mut rest = nanos as u64;
    let cut = 10_u64.pow(step);
    while rest.is_multiple_of(cut) {
        rest /= cut;
        digits -= step as usize;
    }
    out.push(b'.');
    push_padded(rest, digits, out);
}

fn push_padded(value: u64, width: usize, out: &mut Vec<u8>) {
    let mut digits = [b'0'; 20];
    let mut at = digits.len();
    let mut rest = value;
    while rest > 0 {
        at -= 1;
        digits[at] = b'0' + (rest % 10) as u8;
        rest /= 10;
    }
    out.extend_from_slice(&digits[at.min(digits.len() - width)..]);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, ms: Option<i64>) {
        let got = parse_timestamp(
            text.as_bytes(),
            TimeUnit::Millisecond,
            &mut DayCache::default(),
        );
        assert_eq!(got, ms, "{text}");
    }

    #[test]
    fn timestamps_read_in_sql_and_iso_forms() {
        check("1970-01-01 00:00:00", Some(0));
        check("2020-01-01 00:00:00.123", Some(1_577_836_800_123));
        check("2020-01-01T00:00:00.123999Z", Some(1_577_836_800_123));
        check("2020-01-01T01:00:00+01:00", Some(1_577_836_800_000));
        check("2019-12-31T23:30-0030", Some(1_577_836_800_000));
        check("1969-12-31 23:59:59.999", Some(-1));
        check("2020-02-29", Some(1_582_934_400_000));
        check("2021-02-29", None);
        check("2020-01-01 24:00:00", None);
        check("2020-01-01 00:00:00.", None);
        check("2020-01-01 00:00:00x", None);
        check("", None);
    }

    #[test]
    fn what_is_written_reads_back() {
        for value in [
            0,
            1,
            -1,
            1_577_836_800_120,
            -62_135_596_800_000,
            253_402_300_799_999,
        ] {
            for style in [
                TimestampStyle::Sql,
                TimestampStyle::Iso,
                TimestampStyle::Java,
            ] {
                let mut out = Vec::new();
                write_timestamp(value, TimeUnit::Millisecond, style, &mut out);
                check(&String::from_utf8_lossy(&out), Some(value));
            }
        }
    }

    #[test]
    fn styles_differ_in_separator_and_fraction() {
        let show = |style| {
            let mut out = Vec::new();
            write_timestamp(1_577_836_800_120, TimeUnit::Millisecond, style, &mut out);
            String::from_utf8_lossy(&out).into_owned()
        };
        assert_eq!(show(TimestampStyle::Sql), "2020-01-01 00:00:00.12");
        assert_eq!(show(TimestampStyle::Iso), "2020-01-01T00:00:00.12");
        assert_eq!(show(TimestampStyle::Java), "2020-01-01T00:00:00.120");
    }
}
