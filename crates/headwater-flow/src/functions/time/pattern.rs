//! Java's date patterns (`yyyy-MM-dd HH:mm:ss.SSS`): parsed once, then used to write or read points in time (UTC).

use super::civil::{Civil, from_civil};

/// A part of a pattern.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Item {
    /// Text as it is.
    Literal(String),
    /// A field, written with at least so many digits.
    Field(Field, usize),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Field {
    Year,
    ShortYear,
    Quarter,
    Month,
    MonthName,
    Day,
    DayOfYear,
    Weekday,
    WeekdayNumber,
    Hour,
    Hour12,
    Hour24,
    Minute,
    Second,
    Fraction,
    HalfDay,
    Zone,
}

const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];
const DAYS: [&str; 7] = [
    "Monday",
    "Tuesday",
    "Wednesday",
    "Thursday",
    "Friday",
    "Saturday",
    "Sunday",
];

/// A parsed pattern.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Pattern {
    items: Vec<Item>,
    /// The text stays the same within so many microseconds.
    granularity: i64,
}

impl Pattern {
    /// Parses a pattern; `None` if a letter is not known.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let mut items: Vec<Item> = Vec::new();
        let mut chars = text.chars().peekable();
        while let Some(c) = chars.next() {
            if c == '\'' {
                literal(&mut items, &quoted(&mut chars));
            } else if c.is_ascii_alphabetic() {
                let mut count = 1;
                while chars.next_if_eq(&c).is_some() {
                    count += 1;
                }
                items.push(field(c, count)?);
            } else {
                literal(&mut items, c.encode_utf8(&mut [0; 4]));
            }
        }
        let granularity = items.iter().map(granularity).min().unwrap_or(DAY);
        Some(Self { items, granularity })
    }

    /// The length of time in which the written text stays the same, in microseconds.
    pub(super) fn granularity(&self) -> i64 {
        self.granularity
    }

    /// Writes a point in time, microseconds since the epoch.
    pub(super) fn write(&self, micros: i64, out: &mut String) {
        let civil = Civil::new(micros);
        for item in &self.items {
            match item {
                Item::Literal(text) => out.push_str(text),
                Item::Field(field, width) => write_field(*field, *width, &civil, out),
            }
        }
    }

    /// Reads a text that is wholly of this pattern.
    pub(super) fn read(&self, text: &str) -> Option<i64> {
        let mut reading = Reading::default();
        let mut rest = text;
        let last = self.items.len().saturating_sub(1);
        for (i, item) in self.items.iter().enumerate() {
            match item {
                Item::Literal(literal) => rest = rest.strip_prefix(literal.as_str())?,
                Item::Field(field, width) => {
                    let adjacent = i < last && matches!(self.items[i + 1], Item::Field(..));
                    rest = reading.field(*field, *width, adjacent, rest)?;
                }
            }
        }
        if rest.is_empty() {
            reading.micros()
        } else {
            None
        }
    }
}

const SECOND: i64 = 1_000_000;
const DAY: i64 = 86_400 * SECOND;

fn granularity(item: &Item) -> i64 {
    match item {
        Item::Literal(_) => DAY,
        Item::Field(field, _) => match field {
            Field::Hour | Field::Hour12 | Field::Hour24 | Field::HalfDay => 3_600 * SECOND,
            Field::Minute => 60 * SECOND,
            Field::Second => SECOND,
            Field::Fraction => 1,
            _ => DAY,
        },
    }
}

fn literal(items: &mut Vec<Item>, text: &str) {
    if let Some(Item::Literal(last)) = items.last_mut() {
        last.push_str(text);
    } else {
        items.push(Item::Literal(text.to_owned()));
    }
}

fn quoted(chars: &mut std::iter::Peekable<std::str::Chars<'_>>) -> String {
    if chars.next_if_eq(&'\'').is_some() {
        return "'".to_owned();
    }
    let mut text = String::new();
    while let Some(c) = chars.next() {
        if c != '\'' {
            text.push(c);
        } else if chars.next_if_eq(&'\'').is_some() {
            text.push('\'');
        } else {
            break;
        }
    }
    text
}

fn field(letter: char, count: usize) -> Option<Item> {
    let field = match letter {
        'y' | 'u' if count == 2 => Field::ShortYear,
        'y' | 'u' => Field::Year,
        'Q' | 'q' => Field::Quarter,
        'M' | 'L' if count >= 3 => Field::MonthName,
        'M' | 'L' => Field::Month,
        'd' => Field::Day,
        'D' => Field::DayOfYear,
        'E' => Field::Weekday,
        'e' => Field::WeekdayNumber,
        'H' => Field::Hour,
        'h' => Field::Hour12,
        'k' => Field::Hour24,
        'm' => Field::Minute,
        's' => Field::Second,
        'S' => Field::Fraction,
        'a' => Field::HalfDay,
        'X' | 'x' | 'Z' | 'z' => {
            return Some(match letter {
                'X' => Item::Literal("Z".to_owned()),
                'z' => Item::Literal("UTC".to_owned()),
                _ => Item::Field(Field::Zone, count),
            });
        }
        _ => return None,
    };
    Some(Item::Field(field, count))
}

fn write_field(field: Field, width: usize, civil: &Civil, out: &mut String) {
    let name = |names: &'static str, short: usize| match width {
        4 => names,
        _ => &names[..short.min(names.len())],
    };
    match field {
        Field::Year => number(i64::from(civil.year), width, out),
        Field::ShortYear => number(i64::from(civil.year.rem_euclid(100)), 2, out),
        Field::Quarter => number(i64::from((civil.month - 1) / 3 + 1), width, out),
        Field::Month => number(i64::from(civil.month), width, out),
        Field::MonthName => out.push_str(name(MONTHS[civil.month as usize - 1], 3)),
        Field::Day => number(i64::from(civil.day), width, out),
        Field::DayOfYear => number(civil.day_of_year(), width, out),
        Field::Weekday => out.push_str(name(DAYS[civil.weekday() as usize], 3)),
        Field::WeekdayNumber => number((civil.weekday() + 1) % 7 + 1, width, out),
        Field::Hour => number(civil.hour(), width, out),
        Field::Hour12 => number((civil.hour() + 11) % 12 + 1, width, out),
        Field::Hour24 => number((civil.hour() + 23) % 24 + 1, width, out),
        Field::Minute => number(civil.minute(), width, out),
        Field::Second => number(civil.second(), width, out),
        Field::Fraction => {
            let digits = format!("{:06}000", civil.micros_of_second());
            out.push_str(&digits[..width.min(9)]);
        }
        Field::HalfDay => out.push_str(if civil.hour() < 12 { "AM" } else { "PM" }),
        Field::Zone => out.push_str("+0000"),
    }
}

fn number(value: i64, width: usize, out: &mut String) {
    let mut digits = [b'0'; 20];
    let mut at = digits.len();
    let mut rest = value.unsigned_abs();
    while rest > 0 || digits.len() - at < width.clamp(1, 19) {
        at -= 1;
        digits[at] = b'0' + (rest % 10) as u8;
        rest /= 10;
    }
    if value < 0 {
        out.push('-');
    }
    out.extend(digits[at..].iter().map(|b| char::from(*b)));
}

/// The fields read so far.
struct Reading {
    year: i64,
    month: i64,
    day: i64,
    hour: i64,
    minute: i64,
    second: i64,
    micros: i64,
    afternoon: Option<bool>,
}

impl Default for Reading {
    fn default() -> Self {
        Self {
            year: 1970,
            month: 1,
            day: 1,
            hour: 0,
            minute: 0,
            second: 0,
            micros: 0,
            afternoon: None,
        }
    }
}

impl Reading {
    /// Reads a field and returns the rest. A field next to another has exactly its width.
    fn field<'a>(
        &mut self,
        field: Field,
        width: usize,
        adjacent: bool,
        text: &'a str,
    ) -> Option<&'a str> {
        match field {
            Field::MonthName => {
                let (month, rest) = named(text, &MONTHS, width)?;
                self.month = month as i64 + 1;
                return Some(rest);
            }
            Field::Weekday => return named(text, &DAYS, width).map(|(_, rest)| rest),
            Field::HalfDay => {
                let half = text.get(..2)?;
                self.afternoon = Some(half.eq_ignore_ascii_case("PM"));
                let known = self.afternoon == Some(true) || half.eq_ignore_ascii_case("AM");
                return known.then(|| &text[2..]);
            }
            Field::Zone => return text.strip_prefix("+0000").or(text.strip_prefix('Z')),
            _ => {}
        }
        let digits = text.bytes().take_while(u8::is_ascii_digit).count();
        let length = match (field, adjacent) {
            (Field::Fraction, _) | (_, true) => width.min(digits),
            (Field::Year, false) => digits.min(9),
            (_, false) => digits.min(width.max(2)),
        };
        if length < width.min(if adjacent { width } else { 1 }) || length == 0 {
            return None;
        }
        let value: i64 = text[..length].parse().ok()?;
        match field {
            Field::Year => self.year = value,
            Field::ShortYear => self.year = 2000 + value,
            Field::Month => self.month = value,
            Field::Day => self.day = value,
            Field::Hour | Field::Hour12 => self.hour = value,
            Field::Hour24 => self.hour = value % 24,
            Field::Minute => self.minute = value,
            Field::Second => self.second = value,
            Field::Fraction => {
                let scaled = format!("{:0<6}", &text[..length]);
                self.micros = scaled.get(..6)?.parse().ok()?;
            }
            Field::DayOfYear => {
                self.month = 1;
                self.day = value;
            }
            _ => {}
        }
        Some(&text[length..])
    }

    fn micros(&self) -> Option<i64> {
        let hour = match self.afternoon {
            Some(afternoon) => self.hour % 12 + if afternoon { 12 } else { 0 },
            None => self.hour,
        };
        let valid = hour < 24 && self.minute < 60 && self.second < 60;
        let days = from_civil(self.year, self.month, self.day)?;
        valid.then(|| {
            days * DAY + ((hour * 60 + self.minute) * 60 + self.second) * SECOND + self.micros
        })
    }
}

fn named<'a>(text: &'a str, names: &[&str], width: usize) -> Option<(usize, &'a str)> {
    names.iter().enumerate().find_map(|(i, name)| {
        let name = if width >= 4 { name } else { &name[..3] };
        let head = text.get(..name.len())?;
        head.eq_ignore_ascii_case(name)
            .then(|| (i, &text[name.len()..]))
    })
}
