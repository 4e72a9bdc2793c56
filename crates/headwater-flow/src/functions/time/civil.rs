//! The Gregorian calendar over microseconds since the epoch (algorithms of H. Hinnant, "chrono-compatible low-level
//! date algorithms").

const DAY: i64 = 86_400_000_000;

/// A point in time by its fields, UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Civil {
    pub(super) year: i32,
    pub(super) month: u32,
    pub(super) day: u32,
    days: i64,
    micros_of_day: i64,
}

impl Civil {
    /// The fields of a point in time.
    pub(super) fn new(micros: i64) -> Self {
        let days = micros.div_euclid(DAY);
        let (year, month, day) = civil(days);
        Self {
            year,
            month,
            day,
            days,
            micros_of_day: micros.rem_euclid(DAY),
        }
    }

    pub(super) fn hour(&self) -> i64 {
        self.micros_of_day / 3_600_000_000
    }

    pub(super) fn minute(&self) -> i64 {
        self.micros_of_day / 60_000_000 % 60
    }

    pub(super) fn second(&self) -> i64 {
        self.micros_of_day / 1_000_000 % 60
    }

    pub(super) fn micros_of_second(&self) -> i64 {
        self.micros_of_day % 1_000_000
    }

    /// From 0 (Monday).
    pub(super) fn weekday(&self) -> i64 {
        (self.days + 3).rem_euclid(7)
    }

    /// From 1.
    pub(super) fn day_of_year(&self) -> i64 {
        let first = days_from_civil(i64::from(self.year), 1, 1);
        self.days - first + 1
    }

    /// The ISO week, from 1.
    pub(super) fn week(&self) -> i64 {
        // The week of a day is that of its Thursday.
        let thursday = Self::new((self.days - self.weekday() + 3) * DAY);
        (thursday.day_of_year() - 1) / 7 + 1
    }
}

fn civil(days: i64) -> (i32, u32, u32) {
    let z = days + 719_468;
    let era = z.div_euclid(146_097);
    let day_of_era = z.rem_euclid(146_097);
    let year_of_era =
        (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted + 2) / 5 + 1;
    let month = if shifted < 10 {
        shifted + 3
    } else {
        shifted - 9
    };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    (year as i32, month as u32, day as u32)
}

fn days_from_civil(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let shifted = (month + 9) % 12;
    let day_of_year = (153 * shifted + 2) / 5 + day - 1;
    era * 146_097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year - 719_468
}

/// The days since the epoch of a date; `None` if there is no such date.
pub(super) fn from_civil(year: i64, month: i64, day: i64) -> Option<i64> {
    if !(-9_999..=9_999).contains(&year) || !(1..=12).contains(&month) || !(1..=366).contains(&day)
    {
        return None;
    }
    let days = days_from_civil(year, month, day);
    let (y, m, d) = civil(days);
    let exact = i64::from(y) == year && i64::from(m) == month && i64::from(d) == day;
    // A day of the year is given as a day of January.
    (exact || (month == 1 && day > 31 && i64::from(y) == year)).then_some(days)
}
