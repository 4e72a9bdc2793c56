//! The offset grammar of `topic consume`, which is rpk's: `start`, `end`, `-10`, `5:9`, `@-1h:end`, `:end`.

use headwater_log::{Log, Offset, Timestamp, TopicPartition};

use super::exit::{Failure, Outcome};

/// Where a reading begins or stops.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub(crate) enum Point {
    /// The first record that is there.
    Start,
    /// The end at the moment of asking.
    End,
    /// This offset.
    At(u64),
    /// So many after the start.
    AfterStart(u64),
    /// So many before the end.
    BeforeEnd(u64),
    /// The first record that is not older.
    Time(Timestamp),
}

/// A range of a partition; without `to` it waits for more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub(crate) struct Span {
    /// Where to begin.
    pub(crate) from: Point,
    /// Where to stop, exclusively.
    pub(crate) to: Option<Point>,
}

impl Span {
    /// Reads the grammar; times are relative to `now`.
    pub(crate) fn parse(text: &str, now: Timestamp) -> Outcome<Self> {
        let wrong = || {
            Failure::usage(format!("offset '{text}' is not understood"))
                .with_hint("see `headwater topic consume --help` for the grammar")
        };
        match text.strip_prefix('@') {
            Some(times) => time_span(times, now),
            None => offset_span(text),
        }
        .ok_or_else(wrong)
    }

    /// The offsets that it means in a partition now. A range that has an end never waits: what is not there yet
    /// is beyond it.
    pub(crate) fn resolve(self, log: &Log, of: &TopicPartition) -> Outcome<(u64, Option<u64>)> {
        let from = self.from.resolve(log, of)?;
        let end = log.bounds(of)?.end.0;
        let to = self.to.map(|point| point.resolve(log, of)).transpose()?;
        let to = to.map(|offset| offset.min(end));
        Ok((from, to))
    }
}

impl Point {
    fn resolve(self, log: &Log, of: &TopicPartition) -> Outcome<u64> {
        let bounds = log.bounds(of)?;
        let Offset(start) = bounds.start;
        let Offset(end) = bounds.end;
        Ok(match self {
            Self::Start => start,
            Self::End => end,
            Self::At(offset) => offset.max(start),
            Self::AfterStart(n) => start.saturating_add(n).min(end),
            Self::BeforeEnd(n) => end.saturating_sub(n).max(start),
            Self::Time(time) => log.offset_at(of, time)?.0,
        })
    }
}

fn offset_span(text: &str) -> Option<Span> {
    let (from, to) = text.split_once(':').unwrap_or((text, ""));
    let from = match from {
        "" if to.is_empty() => return None,
        "" => Point::Start,
        point => offset_point(point)?,
    };
    let to = match to {
        "" => None,
        point => Some(offset_point(point)?),
    };
    Some(Span { from, to })
}

fn offset_point(text: &str) -> Option<Point> {
    match text {
        "start" => Some(Point::Start),
        "end" => Some(Point::End),
        _ => match text.split_at_checked(1)? {
            ("+", n) => n.parse().ok().map(Point::AfterStart),
            ("-", n) => n.parse().ok().map(Point::BeforeEnd),
            _ => text.parse().ok().map(Point::At),
        },
    }
}

/// `T`, `T:`, `:T`, `T1:T2`. Times hold colons themselves, so every colon is tried as the one between.
fn time_span(text: &str, now: Timestamp) -> Option<Span> {
    if let Some(from) = Time::parse(text) {
        let from = from.point(now);
        return Some(Span { from, to: None });
    }
    text.match_indices(':').find_map(|(at, _)| {
        let (from, to) = (&text[..at], &text[at + 1..]);
        let first = match from {
            "" if to.is_empty() => return None,
            "" => None,
            text => Some(Time::parse(text)?),
        };
        let to = match to {
            "" => None,
            text => Some(Time::parse(text)?.point(first.map_or(now, |f| f.base(now)))),
        };
        let from = first.map_or(Point::Start, |f| f.point(now));
        Some(Span { from, to })
    })
}

/// A time as it is written.
#[derive(Debug, Clone, Copy)]
enum Time {
    Start,
    End,
    Moment(i64),
    Duration(i64),
}

impl Time {
    fn parse(text: &str) -> Option<Self> {
        match text {
            "start" => Some(Self::Start),
            "end" => Some(Self::End),
            _ => digits(text)
                .or_else(|| moment(text))
                .map(Self::Moment)
                .or_else(|| duration(text).map(Self::Duration)),
        }
    }

    /// What it means where durations count from `base`.
    fn point(self, base: Timestamp) -> Point {
        match self {
            Self::Start => Point::Start,
            Self::End => Point::End,
            Self::Moment(ms) => Point::Time(Timestamp(ms)),
            Self::Duration(ms) => Point::Time(Timestamp(base.0.saturating_add(ms))),
        }
    }

    /// What a duration after it counts from: a moment, but never another duration.
    fn base(self, now: Timestamp) -> Timestamp {
        match self {
            Self::Moment(ms) => Timestamp(ms),
            _ => now,
        }
    }
}

/// A time as it is written; durations count from `now`.
pub(crate) fn time(text: &str, now: Timestamp) -> Option<Timestamp> {
    match Time::parse(text)?.point(now) {
        Point::Time(time) => Some(time),
        _ => None,
    }
}

/// 13 digits: milliseconds; 9 or 10: seconds.
fn digits(text: &str) -> Option<i64> {
    let number: i64 = text.parse().ok()?;
    match text.len() {
        13 => Some(number),
        9 | 10 => number.checked_mul(1000),
        _ => None,
    }
}

/// A signed duration as in Go: `-90s`, `-1h30m`, `5ms`.
fn duration(text: &str) -> Option<i64> {
    let (sign, mut rest) = match text.strip_prefix('-') {
        Some(rest) => (-1, rest),
        None => (1, text.strip_prefix('+').unwrap_or(text)),
    };
    let mut total = 0_i64;
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit())?;
        let amount: i64 = rest[..digits].parse().ok()?;
        rest = &rest[digits..];
        let width = rest
            .find(|c: char| c.is_ascii_digit())
            .unwrap_or(rest.len());
        let unit = match &rest[..width] {
            "ms" => 1,
            "s" => 1_000,
            "m" => 60_000,
            "h" | "hr" => 3_600_000,
            "d" => 86_400_000,
            _ => return None,
        };
        rest = &rest[width..];
        total = total.checked_add(amount.checked_mul(unit)?)?;
    }
    (!text.is_empty()).then(|| sign * total)
}

/// A date or an RFC 3339 time.
fn moment(text: &str) -> Option<i64> {
    if let Ok(time) = text.parse::<jiff::Timestamp>() {
        return Some(time.as_millisecond());
    }
    let date: jiff::civil::Date = text.parse().ok()?;
    let midnight = date.to_zoned(jiff::tz::TimeZone::UTC).ok()?;
    Some(midnight.timestamp().as_millisecond())
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp(1_700_000_000_000);

    fn span(text: &str) -> (Point, Option<Point>) {
        let span = Span::parse(text, NOW).unwrap_or_else(|e| panic!("{text}: {}", e.message));
        (span.from, span.to)
    }

    #[test]
    fn offsets() {
        assert_eq!(span("start"), (Point::Start, None));
        assert_eq!(span("end"), (Point::End, None));
        assert_eq!(span(":end"), (Point::Start, Some(Point::End)));
        assert_eq!(span("+5"), (Point::AfterStart(5), None));
        assert_eq!(span("-10"), (Point::BeforeEnd(10), None));
        assert_eq!(span("-10:end"), (Point::BeforeEnd(10), Some(Point::End)));
        assert_eq!(span("7"), (Point::At(7), None));
        assert_eq!(span("7:"), (Point::At(7), None));
        assert_eq!(span(":7"), (Point::Start, Some(Point::At(7))));
        assert_eq!(span("3:7"), (Point::At(3), Some(Point::At(7))));
    }

    #[test]
    fn times() {
        let at = |ms| Point::Time(Timestamp(ms));
        assert_eq!(span("@1700000000123"), (at(1_700_000_000_123), None));
        assert_eq!(span("@1700000000"), (at(1_700_000_000_000), None));
        assert_eq!(span("@2023-11-14"), (at(1_699_920_000_000), None));
        assert_eq!(span("@2023-11-14T22:13:20Z"), (at(1_700_000_000_000), None));
        assert_eq!(span("@-1h"), (at(NOW.0 - 3_600_000), None));
        assert_eq!(
            span("@-1h30m:end"),
            (at(NOW.0 - 5_400_000), Some(Point::End))
        );
        assert_eq!(span("@:-5s"), (Point::Start, Some(at(NOW.0 - 5_000))));
        assert_eq!(span("@:-1hr"), (Point::Start, Some(at(NOW.0 - 3_600_000))));
        let both = span("@2023-11-14T22:13:20Z:2023-11-14T22:13:21Z");
        assert_eq!(both, (at(NOW.0), Some(at(NOW.0 + 1_000))));
    }

    #[test]
    fn a_duration_counts_from_the_moment_before_it_but_not_from_another_duration() {
        let at = |ms| Point::Time(Timestamp(ms));
        let valentine = 1_644_796_800_000;
        let hour = (at(valentine), Some(at(valentine + 3_600_000)));
        assert_eq!(span("@2022-02-14:1h"), hour);
        let yesterday = (at(NOW.0 - 48 * 3_600_000), Some(at(NOW.0 - 24 * 3_600_000)));
        assert_eq!(span("@-48h:-24h"), yesterday);
    }

    #[test]
    fn what_is_neither_is_a_usage_error() {
        for text in ["", ":", "x", "1:2:3", "--1", "@", "@:", "@x", "@-1y", "@12"] {
            assert!(Span::parse(text, NOW).is_err(), "{text}");
        }
    }
}
