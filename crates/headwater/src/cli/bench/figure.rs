//! Figures as rows.

use std::sync::Arc;
use std::time::Duration;

use arrow::array::{ArrayRef, BooleanArray, RecordBatch, StringArray};

use crate::cli::args::Format;
use crate::cli::exit::{Failure, Outcome};
use crate::cli::output::Printer;
use crate::cli::style::say;

/// One thing that was measured.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Figure {
    /// What.
    pub(super) name: String,
    /// How much, with its unit.
    pub(super) measured: String,
    /// What it is compared with, if anything.
    pub(super) reference: Option<String>,
    /// Its part of the reference.
    pub(super) ratio: Option<f64>,
    /// What is wanted.
    pub(super) wanted: String,
    /// Whether it is so.
    pub(super) is_met: bool,
}

impl Figure {
    /// A rate as a part of another on the same machine.
    pub(super) fn ratio(
        name: impl Into<String>,
        rate: f64,
        reference: f64,
        unit: &str,
        least: f64,
    ) -> Self {
        let ratio = rate / reference;
        Self {
            name: name.into(),
            measured: amount(rate, unit),
            reference: Some(amount(reference, unit)),
            ratio: Some(ratio),
            wanted: format!("≥ {least} of it"),
            is_met: ratio >= least,
        }
    }

    /// An amount that must be at least so much.
    pub(super) fn at_least(name: impl Into<String>, measured: f64, least: f64, unit: &str) -> Self {
        Self {
            name: name.into(),
            measured: amount(measured, unit),
            reference: None,
            ratio: None,
            wanted: format!("≥ {}", amount(least, unit)),
            is_met: measured >= least,
        }
    }

    /// A rate that must be at least so much, beside another on the same machine.
    pub(super) fn beside(
        name: impl Into<String>,
        rate: f64,
        reference: f64,
        unit: &str,
        least: f64,
    ) -> Self {
        Self {
            reference: Some(amount(reference, unit)),
            ratio: Some(rate / reference),
            ..Self::at_least(name, rate, least, unit)
        }
    }

    /// An amount that must be at most so much.
    pub(super) fn at_most(name: impl Into<String>, measured: f64, most: f64, unit: &str) -> Self {
        Self {
            name: name.into(),
            measured: amount(measured, unit),
            reference: None,
            ratio: None,
            wanted: format!("≤ {}", amount(most, unit)),
            is_met: measured <= most,
        }
    }

    /// An amount that other figures are to be read with.
    pub(super) fn shown(name: impl Into<String>, measured: f64, unit: &str) -> Self {
        Self {
            name: name.into(),
            measured: amount(measured, unit),
            reference: None,
            ratio: None,
            wanted: String::new(),
            is_met: true,
        }
    }

    /// Such a rate beside another on the same machine.
    pub(super) fn shown_beside(
        name: impl Into<String>,
        rate: f64,
        reference: f64,
        unit: &str,
    ) -> Self {
        Self {
            reference: Some(amount(reference, unit)),
            ratio: Some(rate / reference),
            ..Self::shown(name, rate, unit)
        }
    }

    /// Also compares it with an amount that was measured elsewhere, of which it is to be so many times as much one day.
    #[must_use]
    pub(super) fn with_aim(mut self, measured: f64, reference: f64, unit: &str, aim: f64) -> Self {
        self.reference = Some(amount(reference, unit));
        self.ratio = Some(measured / reference);
        self.wanted += &format!(", aim {aim:.1} × the reference");
        self
    }

    /// Says it at once, since the table comes at the end.
    pub(super) fn tell(self) -> Self {
        let mark = match (self.wanted.is_empty(), self.is_met) {
            (true, _) => "",
            (_, true) => "ok",
            (_, false) => "MISSED",
        };
        say(format_args!(
            "{:<58} {:>20}  {} {mark}",
            self.name, self.measured, self.wanted
        ));
        self
    }
}

/// The value that a part `q` of the values does not exceed, in milliseconds; sorts them.
pub(super) fn quantile_ms(times: &mut [Duration], q: f64) -> f64 {
    times.sort_unstable();
    let at = (times.len() as f64 * q).ceil() as usize;
    let time = times.get(at.saturating_sub(1));
    time.map_or(f64::NAN, |t| t.as_secs_f64() * 1e3)
}

/// A number with its unit, thousands apart.
fn amount(value: f64, unit: &str) -> String {
    match value >= 1000.0 {
        true => format!("{} {unit}", grouped(value.round() as u64)),
        false => format!("{value:.2} {unit}"),
    }
}

/// A whole number, thousands apart.
pub(super) fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let groups = digits.as_bytes().rchunks(3).rev();
    let groups: Vec<&str> = groups.filter_map(|g| std::str::from_utf8(g).ok()).collect();
    groups.join(",")
}

/// Writes figures to standard output.
pub(super) fn print(figures: &[Figure], format: Format) -> Outcome {
    let texts = |of: fn(&Figure) -> Option<String>| -> ArrayRef {
        Arc::new(figures.iter().map(of).collect::<StringArray>())
    };
    let met: BooleanArray = figures.iter().map(|f| Some(f.is_met)).collect();
    let columns: [(&str, ArrayRef); 6] = [
        ("figure", texts(|f| Some(f.name.clone()))),
        ("measured", texts(|f| Some(f.measured.clone()))),
        ("reference", texts(|f| f.reference.clone())),
        ("ratio", texts(|f| f.ratio.map(|r| format!("{r:.2}")))),
        ("wanted", texts(|f| Some(f.wanted.clone()))),
        ("met", Arc::new(met)),
    ];
    let rows =
        RecordBatch::try_from_iter_with_nullable(columns.into_iter().map(|(n, c)| (n, c, true)))
            .map_err(|e| Failure::failed(format!("cannot make rows: {e}")))?;
    let mut printer = Printer::new(std::io::stdout().lock(), format, &rows.schema(), false)?;
    printer.batch(&rows)?;
    printer.end().map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_readable() {
        assert_eq!(amount(1_234_567.0, "events/s"), "1,234,567 events/s");
        assert_eq!(amount(0.5, "s"), "0.50 s");
        assert_eq!(grouped(1_500_000), "1,500,000");
        assert!(Figure::ratio("x", 0.9, 1.0, "", 0.9).is_met);
        assert!(!Figure::at_most("x", 2.0, 1.0, "").is_met);
    }

    #[test]
    fn a_quantile_is_a_value_that_was_measured() {
        let mut times: Vec<_> = (1..=100).rev().map(Duration::from_millis).collect();
        assert_eq!(quantile_ms(&mut times, 0.5), 50.0);
        assert_eq!(quantile_ms(&mut times, 0.99), 99.0);
        assert_eq!(quantile_ms(&mut times, 1.0), 100.0);
        assert!(!Figure::at_most("x", quantile_ms(&mut [], 0.5), 1.0, "ms").is_met);
    }
}
