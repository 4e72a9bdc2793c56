//! Dates and times as rows carry them: also zero dates, months that are zero, and times that are negative or longer than a day.

use headwater_log::Result;

use super::reader::Reader;

/// A date and a time of day. What the server lets a date be, it may be: `0000-00-00` too.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DateTime {
    /// 0 to 9999.
    pub year: u16,
    /// 0 to 12.
    pub month: u8,
    /// 0 to 31.
    pub day: u8,
    /// 0 to 23.
    pub hour: u8,
    /// 0 to 59.
    pub minute: u8,
    /// 0 to 59.
    pub second: u8,
    /// 0 to 999,999.
    pub micros: u32,
}

const SECONDS_A_DAY: u32 = 86_400;

impl DateTime {
    /// So many seconds after 1970-01-01, in UTC; 0 is the zero date.
    fn from_unix(seconds: u32, micros: u32) -> Self {
        if seconds == 0 && micros == 0 {
            return Self::default();
        }
        let (year, month, day) = civil(seconds / SECONDS_A_DAY);
        let rest = seconds % SECONDS_A_DAY;
        Self {
            year,
            month,
            day,
            hour: (rest / 3600) as u8,
            minute: (rest / 60 % 60) as u8,
            second: (rest % 60) as u8,
            micros,
        }
    }

    /// Days from 1970-01-01 to the date; `None`: no calendar has it, as `0000-00-00`.
    pub(super) fn days(&self) -> Option<i64> {
        let (year, month, day) = (self.year, self.month, self.day);
        let is_leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
        let length = match month {
            2 if is_leap => 29,
            2 => 28,
            4 | 6 | 9 | 11 => 30,
            1..=12 => 31,
            _ => return None,
        };
        (1..=length)
            .contains(&day)
            .then(|| days_from_civil(i64::from(year), i64::from(month), i64::from(day)))
    }

    /// Microseconds from the beginning of 1970 to it; `None`: no calendar has it.
    pub(super) fn micros_since_1970(&self) -> Option<i64> {
        let hours = self.days()? * 24 + i64::from(self.hour);
        let seconds = (hours * 60 + i64::from(self.minute)) * 60 + i64::from(self.second);
        Some(seconds * 1_000_000 + i64::from(self.micros))
    }

    /// The date as text.
    pub fn date_text(&self) -> String {
        let Self {
            year, month, day, ..
        } = self;
        format!("{year:04}-{month:02}-{day:02}")
    }

    /// All of it as text, with so many digits of the second's fraction.
    pub fn text(&self, digits: u8) -> String {
        let Self {
            hour,
            minute,
            second,
            ..
        } = self;
        let mut text = self.date_text();
        text.push_str(&format!(" {hour:02}:{minute:02}:{second:02}"));
        fraction_text(&mut text, self.micros, digits);
        text
    }
}

/// The text of a time, in microseconds.
pub(super) fn time_text(micros: i64, digits: u8) -> String {
    let sign = if micros < 0 { "-" } else { "" };
    let all = micros.unsigned_abs();
    let seconds = all / 1_000_000;
    let (hour, minute, second) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    let mut text = format!("{sign}{hour:02}:{minute:02}:{second:02}");
    fraction_text(&mut text, (all % 1_000_000) as u32, digits);
    text
}

fn fraction_text(text: &mut String, micros: u32, digits: u8) {
    let digits = usize::from(digits.min(6));
    if digits > 0 {
        let six = format!("{micros:06}");
        text.push('.');
        text.push_str(&six[..digits]);
    }
}

/// The Gregorian date so many days after 1970-01-01, after Howard Hinnant's `civil_from_days`.
fn civil(days: u32) -> (u16, u8, u8) {
    let days = days + 719_468;
    let (era, day_of_era) = (days / 146_097, days % 146_097);
    let year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted + 2) / 5 + 1;
    let month = if shifted < 10 {
        shifted + 3
    } else {
        shifted - 9
    };
    let year = year_of_era + era * 400 + u32::from(month <= 2);
    (year as u16, month as u8, day as u8)
}

/// The inverse, for dates of all years, after his `days_from_civil`.
fn days_from_civil(year: i64, month: i64, day: i64) -> i64 {
    let year = year - i64::from(month <= 2);
    let (era, year_of_era) = (year.div_euclid(400), year.rem_euclid(400));
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    era * 146_097 + day_of_era - 719_468
}

/// How many bytes the fraction of a second takes.
fn fraction_bytes(digits: u8) -> usize {
    usize::from(digits.min(6)).div_ceil(2)
}

/// Microseconds from a fraction that is stored in so many bytes.
fn micros(fraction: u64, bytes: usize) -> u64 {
    match bytes {
        1 => fraction * 10_000,
        2 => fraction * 100,
        _ => fraction,
    }
}

/// A `DATE`: three bytes.
pub(super) fn date(reader: &mut Reader) -> Result<DateTime> {
    let packed = reader.uint(3)?;
    Ok(DateTime {
        year: (packed >> 9) as u16,
        month: (packed >> 5 & 15) as u8,
        day: (packed & 31) as u8,
        ..DateTime::default()
    })
}

/// A `TIMESTAMP`: seconds, then the fraction.
pub(super) fn timestamp(reader: &mut Reader, digits: u8) -> Result<DateTime> {
    let seconds = reader.big_endian(4)? as u32;
    let bytes = fraction_bytes(digits);
    let fraction = micros(reader.big_endian(bytes)?, bytes);
    Ok(DateTime::from_unix(seconds, fraction as u32))
}

/// A `DATETIME`: five bytes whose highest bit is set, then the fraction.
pub(super) fn datetime(reader: &mut Reader, digits: u8) -> Result<DateTime> {
    let packed = reader.big_endian(5)?;
    let Some(packed) = packed.checked_sub(1 << 39) else {
        return Err(reader.malformed());
    };
    let bytes = fraction_bytes(digits);
    let fraction = micros(reader.big_endian(bytes)?, bytes);
    let months = packed >> 22;
    Ok(DateTime {
        year: (months / 13) as u16,
        month: (months % 13) as u8,
        day: (packed >> 17 & 31) as u8,
        hour: (packed >> 12 & 31) as u8,
        minute: (packed >> 6 & 63) as u8,
        second: (packed & 63) as u8,
        micros: fraction as u32,
    })
}

/// A `TIME` in microseconds: three bytes and the fraction, one number that is moved up so that it is never negative.
pub(super) fn time(reader: &mut Reader, digits: u8) -> Result<i64> {
    let bytes = fraction_bytes(digits);
    let stored = reader.big_endian(3 + bytes)? as i64;
    let moved = stored - (0x80_0000 << (8 * bytes));
    let whole = moved.unsigned_abs();
    let seconds = whole >> (8 * bytes);
    let fraction = whole & ((1 << (8 * bytes)) - 1);
    let (hour, minute, second) = (seconds >> 12 & 1023, seconds >> 6 & 63, seconds & 63);
    let seconds = (hour * 60 + minute) * 60 + second;
    let all = (seconds * 1_000_000 + micros(fraction, bytes)) as i64;
    Ok(if moved < 0 { -all } else { all })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_become_dates() {
        assert_eq!(civil(0), (1970, 1, 1));
        assert_eq!(civil(11_016), (2000, 2, 29));
        assert_eq!(civil(11_017), (2000, 3, 1));
        assert_eq!(civil(u32::MAX / SECONDS_A_DAY), (2106, 2, 7));
    }

    #[test]
    fn dates_become_days() {
        for days in (0..60_000).step_by(7) {
            let (year, month, day) = civil(days);
            let date = DateTime {
                year,
                month,
                day,
                ..DateTime::default()
            };
            assert_eq!(date.days(), Some(i64::from(days)), "{year}-{month}-{day}");
        }
        let of = |year, month, day| DateTime {
            year,
            month,
            day,
            ..DateTime::default()
        };
        assert_eq!(of(1000, 1, 1).days(), Some(-354_285));
        assert_eq!(of(9999, 12, 31).days(), Some(2_932_896));
        assert_eq!(of(1969, 12, 31).micros_since_1970(), Some(-86_400_000_000));
        for gone in [of(0, 0, 0), of(2026, 0, 1), of(2026, 1, 0), of(2026, 2, 29)] {
            assert_eq!(gone.days(), None, "{gone:?}");
        }
    }

    #[test]
    fn a_negative_time_counts_down() {
        assert_eq!(time_text(-100_000, 2), "-00:00:00.10");
        assert_eq!(time_text(-3_020_399_999_999, 6), "-838:59:59.999999");
        assert_eq!(time_text(0, 0), "00:00:00");
    }
}
