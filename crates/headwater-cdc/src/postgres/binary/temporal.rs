//! Dates and times: days and microseconds since 2000, as the server writes them in the style `ISO, YMD` and in UTC.

use super::put_padded;
use crate::postgres::civil;

const SECOND: i64 = 1_000_000;
const DAY: i64 = 86_400 * SECOND;
/// Days from 1970 to 2000.
const EPOCH_DAYS: i64 = 10_957;

pub(super) fn date(days: i32, out: &mut Vec<u8>) {
    match days {
        i32::MAX => out.extend_from_slice(b"infinity"),
        i32::MIN => out.extend_from_slice(b"-infinity"),
        days => {
            let is_before = put_date(i64::from(days), out);
            put_era(is_before, out);
        }
    }
}

/// A time of a day, up to its end.
pub(super) fn time(micros: i64, out: &mut Vec<u8>) {
    let (micros, fraction) = (micros / SECOND, micros % SECOND);
    put_padded::<2>(micros.unsigned_abs() / 3600, out);
    out.push(b':');
    put_padded::<2>(micros.unsigned_abs() / 60 % 60, out);
    out.push(b':');
    put_padded::<2>(micros.unsigned_abs() % 60, out);
    if fraction != 0 {
        out.push(b'.');
        put_padded::<6>(fraction.unsigned_abs(), out);
        while out.last() == Some(&b'0') {
            out.pop();
        }
    }
}

/// A time and the seconds that its zone lies west of Greenwich.
pub(super) fn zoned_time(value: [u8; 12], out: &mut Vec<u8>) {
    let [time_bytes @ .., a, b, c, d] = value;
    time(i64::from_be_bytes(time_bytes), out);
    let west = i32::from_be_bytes([a, b, c, d]);
    out.push(if west <= 0 { b'+' } else { b'-' });
    let seconds = u64::from(west.unsigned_abs());
    put_padded::<2>(seconds / 3600, out);
    let (minutes, seconds) = (seconds / 60 % 60, seconds % 60);
    if (minutes, seconds) != (0, 0) {
        out.push(b':');
        put_padded::<2>(minutes, out);
    }
    if seconds != 0 {
        out.push(b':');
        put_padded::<2>(seconds, out);
    }
}

/// A moment, with what stands behind its time.
pub(super) fn timestamp(micros: i64, zone: &[u8], out: &mut Vec<u8>) {
    match micros {
        i64::MAX => out.extend_from_slice(b"infinity"),
        i64::MIN => out.extend_from_slice(b"-infinity"),
        micros => {
            let is_before = put_date(micros.div_euclid(DAY), out);
            out.push(b' ');
            time(micros.rem_euclid(DAY), out);
            out.extend_from_slice(zone);
            put_era(is_before, out);
        }
    }
}

/// Writes a date without its era; gives whether that is the one before.
fn put_date(days: i64, out: &mut Vec<u8>) -> bool {
    let (year, month, day) = civil::civil(days + EPOCH_DAYS);
    let is_before = year <= 0;
    let year = if is_before { 1 - year } else { year };
    put_padded::<4>(year.unsigned_abs(), out);
    out.push(b'-');
    put_padded::<2>(month.unsigned_abs(), out);
    out.push(b'-');
    put_padded::<2>(day.unsigned_abs(), out);
    is_before
}

fn put_era(is_before: bool, out: &mut Vec<u8>) {
    if is_before {
        out.extend_from_slice(b" BC");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(write: impl FnOnce(&mut Vec<u8>)) -> String {
        let mut out = Vec::new();
        write(&mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn dates_and_times_are_written_as_the_server_does() {
        for (days, want) in [
            (0, "2000-01-01"),
            (-1, "1999-12-31"),
            (-746_118, "0044-03-14 BC"),
            (2_921_939, "9999-12-31"),
            (2_921_940, "10000-01-01"),
            (i32::MIN, "-infinity"),
        ] {
            assert_eq!(of(|out| date(days, out)), want);
        }
        assert_eq!(of(|out| time(DAY, out)), "24:00:00");
        assert_eq!(of(|out| time(3_723_500_000, out)), "01:02:03.5");
        let stamp = |micros| of(|out| timestamp(micros, b"+00", out));
        assert_eq!(stamp(-1), "1999-12-31 23:59:59.999999+00");
        assert_eq!(stamp(i64::MAX), "infinity");
        assert_eq!(stamp(-746_118 * DAY), "0044-03-14 00:00:00+00 BC");
        for (west, want) in [
            (0, "+00"),
            (-19_800, "+05:30"),
            (3_661, "-01:01:01"),
            (3_601, "-01:00:01"),
        ] {
            let mut value = [0; 12];
            value[8..].copy_from_slice(&i32::to_be_bytes(west));
            assert_eq!(of(|out| zoned_time(value, out)), format!("00:00:00{want}"));
        }
    }
}
