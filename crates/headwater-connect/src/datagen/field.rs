//! How the values of one column are made.

use std::time::Duration;

use arrow::datatypes::TimeUnit;
use headwater_flow::connector::Options;
use headwater_flow::{Error, ErrorKind, Result};

use super::random::Random;
use crate::column::{Column, Refusal, Scalar, Shape, ShapeKind, Values};
use crate::temporal::per_second;

/// The longest string or list that is made.
const LENGTH_MAX: usize = 1 << 20;
const TEXT_LENGTH: usize = 100;
const LIST_LENGTH: usize = 3;

/// Values of one column.
#[derive(Debug, Clone)]
pub(super) struct FieldMaker {
    kind: Kind,
    null_rate: f64,
}

#[derive(Debug, Clone)]
enum Kind {
    Sequence {
        start: i64,
        scale: i128,
    },
    Bool,
    Whole {
        min: i128,
        max: i128,
    },
    Float {
        min: f64,
        max: f64,
    },
    Text {
        length: usize,
        varies: bool,
    },
    Bytes {
        length: usize,
        varies: bool,
    },
    /// A time that goes with the row's number; `past` is how far back it may be, in ticks.
    Timestamp {
        unit: TimeUnit,
        past: i64,
    },
    Date,
    Time(TimeUnit),
    Row(Vec<FieldMaker>),
    List(Box<FieldMaker>, usize),
    Map(Box<(FieldMaker, FieldMaker)>, usize),
}

/// A row that is being made.
#[derive(Debug, Clone, Copy)]
pub(super) struct RowContext {
    /// Its number.
    pub(super) row: u64,
    /// Its time, milliseconds.
    pub(super) time_ms: i64,
}

impl FieldMaker {
    /// The maker of column `path`, and after how many rows a sequence ends.
    ///
    /// # Errors
    /// `Invalid` for options that do not fit the type.
    pub(super) fn new(path: &str, shape: &Shape, options: &Options) -> Result<(Self, Option<u64>)> {
        let name = |option: &str| format!("fields.{path}.{option}");
        let null_rate = options.parse::<f64>(&name("null-rate"))?.unwrap_or(0.0);
        let (kind, rows) = match options.get_or(&name("kind"), "random") {
            "random" => (random(path, shape, options)?, None),
            "sequence" => sequence(path, shape, options)?,
            other => {
                let text = format!("option '{}' does not understand '{other}'", name("kind"));
                return Err(invalid(text).with_hint("write random or sequence"));
            }
        };
        Ok((Self { kind, null_rate }, rows))
    }

    /// Appends the value of a row.
    pub(super) fn push(
        &self,
        column: &mut Column,
        at: RowContext,
        random: &mut Random,
    ) -> Result<(), Refusal> {
        if self.null_rate > 0.0 && random.unit() < self.null_rate {
            return column.push_null();
        }
        match &self.kind {
            Kind::Sequence { start, scale } => {
                let value = start.saturating_add_unsigned(at.row);
                push_whole(column, i128::from(value) * scale)
            }
            Kind::Bool => column.push_bool(random.next() & 1 == 1),
            Kind::Whole { min, max } => push_whole(column, random.between(*min, *max)),
            Kind::Float { min, max } => column.push_f64(min + random.unit() * (max - min)),
            Kind::Text { length, varies } => {
                const HEX: &[u8; 16] = b"0123456789abcdef";
                let hex = |r: u64| HEX[(r & 15) as usize];
                column.push_text(&bytes(random, *length, *varies, hex))
            }
            Kind::Bytes { length, varies } => {
                column.push_bytes(&bytes(random, *length, *varies, |r| r as u8))
            }
            Kind::Timestamp { unit, past } => {
                let back = random.between(0, i128::from(*past)) as i64;
                let ticks = i128::from(at.time_ms) * i128::from(per_second(*unit)) / 1_000;
                column.push_i64((ticks as i64).saturating_sub(back))
            }
            Kind::Date => column.push_i64(at.time_ms.div_euclid(86_400_000)),
            Kind::Time(unit) => {
                let day = i128::from(86_400 * per_second(*unit));
                column.push_i64(random.between(0, day - 1) as i64)
            }
            Kind::Row(..) | Kind::List(..) | Kind::Map(..) => self.push_parts(column, at, random),
        }
    }

    fn push_parts(
        &self,
        column: &mut Column,
        at: RowContext,
        random: &mut Random,
    ) -> Result<(), Refusal> {
        let row = column.len();
        let end = |len: usize| i32::try_from(len).map_err(|_| Refusal("too many elements"));
        match (&self.kind, &mut column.values) {
            (Kind::Row(makers), Values::Struct(columns)) => {
                for (maker, field) in makers.iter().zip(&mut columns.fields) {
                    field.align(row);
                    maker.push(field, at, random)?;
                }
            }
            (Kind::List(maker, length), Values::List(ends, item)) => {
                for _ in 0..*length {
                    maker.push(item, at, random)?;
                }
                ends.push(end(item.len())?);
            }
            (Kind::Map(makers, length), Values::Map(ends, entry)) => {
                for _ in 0..*length {
                    makers.0.push(&mut entry.0, at, random)?;
                    makers.1.push(&mut entry.1, at, random)?;
                }
                ends.push(end(entry.0.len())?);
            }
            _ => return Err(Refusal("a column of another type")),
        }
        column.pushed();
        Ok(())
    }
}

fn push_whole(column: &mut Column, value: i128) -> Result<(), Refusal> {
    match i64::try_from(value) {
        Ok(value) => match column.push_i64(value) {
            Err(_) if column.shape().is_text() => column.push_text(value.to_string().as_bytes()),
            other => other,
        },
        Err(_) => column.push_i128(value),
    }
}

fn bytes(random: &mut Random, length: usize, varies: bool, byte: impl Fn(u64) -> u8) -> Vec<u8> {
    let length = if varies {
        random.between(1, length.max(1) as i128) as usize
    } else {
        length
    };
    (0..length).map(|_| byte(random.next())).collect()
}

fn sequence(path: &str, shape: &Shape, options: &Options) -> Result<(Kind, Option<u64>)> {
    let ShapeKind::Scalar(scalar) = &shape.kind else {
        return Err(invalid(format!(
            "column '{path}' cannot be a sequence: it has parts"
        )));
    };
    let scale = match scalar {
        Scalar::I8 | Scalar::I16 | Scalar::I32 | Scalar::I64 | Scalar::Text => 1,
        Scalar::Decimal { scale, .. } => 10_i128.pow(u32::from(scale.unsigned_abs())),
        _ => return Err(invalid(format!("column '{path}' cannot be a sequence"))),
    };
    let bound = |option: &str| -> Result<i64> {
        let name = format!("fields.{path}.{option}");
        options.require(&name)?;
        Ok(options.parse(&name)?.unwrap_or(0))
    };
    let (start, end) = (bound("start")?, bound("end")?);
    if end < start {
        return Err(invalid(format!(
            "the sequence of column '{path}' ends before it starts"
        )));
    }
    let fits = |v: i64| match scalar {
        Scalar::I8 => i8::try_from(v).is_ok(),
        Scalar::I16 => i16::try_from(v).is_ok(),
        Scalar::I32 => i32::try_from(v).is_ok(),
        Scalar::Decimal { precision, .. } => {
            i128::from(v).abs() * scale < 10_i128.pow(u32::from(*precision))
        }
        _ => true,
    };
    if !fits(start) || !fits(end) {
        return Err(invalid(format!(
            "the sequence of column '{path}' does not fit its type"
        )));
    }
    let rows = end.abs_diff(start).saturating_add(1);
    Ok((Kind::Sequence { start, scale }, Some(rows)))
}

fn random(path: &str, shape: &Shape, options: &Options) -> Result<Kind> {
    let name = |option: &str| format!("fields.{path}.{option}");
    let length = |option: &str, default: usize| -> Result<usize> {
        let length = options.parse(&name(option))?.unwrap_or(default);
        if length > LENGTH_MAX {
            return Err(invalid(format!(
                "option '{}' is over {LENGTH_MAX}",
                name(option)
            )));
        }
        Ok(length)
    };
    let part =
        |part: &str, shape: &Shape| FieldMaker::new(&format!("{path}.{part}"), shape, options);
    let varies = options.flag(&name("var-len"), false)?;
    Ok(match &shape.kind {
        ShapeKind::Struct(fields) => {
            let makers = fields.names.iter().zip(&fields.fields);
            Kind::Row(
                makers
                    .map(|(n, s)| Ok(part(n, s)?.0))
                    .collect::<Result<_>>()?,
            )
        }
        ShapeKind::List(item) => Kind::List(
            Box::new(part("element", item)?.0),
            length("length", LIST_LENGTH)?,
        ),
        ShapeKind::Map(entry) => Kind::Map(
            Box::new((part("key", &entry.0)?.0, part("value", &entry.1)?.0)),
            length("length", LIST_LENGTH)?,
        ),
        ShapeKind::Scalar(scalar) => match scalar {
            Scalar::Bool => Kind::Bool,
            Scalar::Text => Kind::Text {
                length: length("length", TEXT_LENGTH)?,
                varies,
            },
            Scalar::Binary => Kind::Bytes {
                length: length("length", TEXT_LENGTH)?,
                varies,
            },
            Scalar::F32 | Scalar::F64 => Kind::Float {
                min: options.parse(&name("min"))?.unwrap_or(0.0),
                max: options.parse(&name("max"))?.unwrap_or(1.0),
            },
            Scalar::Date => Kind::Date,
            Scalar::Time(unit) => Kind::Time(*unit),
            Scalar::Timestamp { unit, .. } => {
                let past = options
                    .duration(&name("max-past"))?
                    .unwrap_or(Duration::ZERO);
                let ticks = past.as_millis() * per_second(*unit).unsigned_abs() as u128 / 1_000;
                Kind::Timestamp {
                    unit: *unit,
                    past: i64::try_from(ticks).unwrap_or(i64::MAX),
                }
            }
            whole => whole_range(path, whole, options)?,
        },
    })
}

fn whole_range(path: &str, scalar: &Scalar, options: &Options) -> Result<Kind> {
    let (low, high, scale) = match scalar {
        Scalar::I8 => (i8::MIN.into(), i8::MAX.into(), 1),
        Scalar::I16 => (i16::MIN.into(), i16::MAX.into(), 1),
        Scalar::I32 => (i32::MIN.into(), i32::MAX.into(), 1),
        Scalar::Decimal { precision, scale } => {
            let most = 10_i128.pow(u32::from(*precision)) - 1;
            (0, most, 10_i128.pow(u32::from(scale.unsigned_abs())))
        }
        _ => (i64::MIN.into(), i64::MAX.into(), 1),
    };
    let bound = |option: &str, default: i128| -> Result<i128> {
        let value = options.parse::<i128>(&format!("fields.{path}.{option}"))?;
        Ok(value.map_or(default, |v| v.saturating_mul(scale)))
    };
    let (min, max) = (bound("min", low)?, bound("max", high)?);
    let lowest = if matches!(scalar, Scalar::Decimal { .. }) {
        -high
    } else {
        low
    };
    if min > max || min < lowest || max > high {
        return Err(invalid(format!(
            "column '{path}' has no values from min to max"
        )));
    }
    Ok(Kind::Whole { min, max })
}

fn invalid(text: String) -> Error {
    Error::new(ErrorKind::Invalid, text)
}
