//! The tables and figures at the end.

use std::io::{self, Write};
use std::time::Duration;

use headwater_log::{Log, TopicPartition};

use crate::cli::args::Format;
use crate::cli::exit::Outcome;
use crate::cli::host::Host;
use crate::cli::output::Printer;
use crate::cli::request::{Reply, Request};
use crate::cli::style::Style;

/// The tables at the end, with their titles.
const FINAL: [(&str, &str); 5] = [
    (
        "The board (materialised view)",
        "SELECT origin, departed, arrived, cancelled, on_their_way, ROUND(avg_delay, 1) AS avg_delay, last_event
         FROM board ORDER BY origin",
    ),
    ("The weather (materialised view)", "SELECT * FROM weather_by_airport ORDER BY origin"),
    (
        "The worst hours (tumbling windows, emitted on close)",
        "SELECT window_start, origin, departed, cancelled, late_15, ROUND(avg_delay, 1) AS avg_delay, max_delay
         FROM departures ORDER BY cancelled + late_15 DESC, window_start, origin LIMIT 8",
    ),
    (
        "The busiest aircraft (session windows)",
        "SELECT tailnum, window_start, window_end, departures, airports, ROUND(avg_delay, 1) AS avg_delay
         FROM aircraft_sessions ORDER BY departures DESC, window_start, tailnum LIMIT 5",
    ),
    (
        "Punctuality by carrier (reports, out of order by hours)",
        "SELECT carrier, SUM(reports) AS reports, SUM(cancelled) AS cancelled,
         ROUND(AVG(avg_arrival_delay), 1) AS avg_arrival_delay, SUM(miles) AS miles
         FROM carrier_hours GROUP BY carrier ORDER BY reports DESC, carrier",
    ),
];

/// What this run did.
#[derive(Debug)]
pub(super) struct Figures {
    /// Events played by this run.
    pub(super) events: usize,
    /// How long it took.
    pub(super) took: Duration,
    /// Epochs that the pipelines committed.
    pub(super) epochs: u64,
    /// How long each commit of the player took.
    pub(super) commit_times: Vec<Duration>,
}

/// Writes the tables and figures to standard output.
pub(super) fn print(host: &Host, figures: Figures) -> Outcome {
    let style = Style::stdout();
    let mut out = io::stdout().lock();
    for (title, query) in FINAL {
        writeln!(
            out,
            "{}\n{}",
            style.bold(title),
            table(host, query, Format::Table)?
        )?;
    }
    writeln!(out, "{}", counts(host)?)?;
    writeln!(out, "{}", figures.line())?;
    out.flush()?;
    Ok(())
}

impl Figures {
    fn line(mut self) -> String {
        self.commit_times.sort_unstable();
        let rate = self.events as f64 / self.took.as_secs_f64().max(1e-9);
        format!(
            "{} events in {:.1} s, {rate:.0} events/s, {} epochs, commits p50 {} p99 {}",
            self.events,
            self.took.as_secs_f64(),
            self.epochs,
            percentile(&self.commit_times, 50),
            percentile(&self.commit_times, 99),
        )
    }
}

/// A percentile of sorted times.
fn percentile(sorted: &[Duration], percent: usize) -> String {
    let last = sorted.len().saturating_sub(1);
    match sorted.get(last * percent / 100) {
        Some(time) => format!("{:.2} ms", time.as_secs_f64() * 1000.0),
        None => "–".to_owned(),
    }
}

/// How much the pipelines have written.
pub(super) fn counts(host: &Host) -> Outcome<String> {
    let log = host.log();
    let count = |topic| records(log, topic);
    Ok(format!(
        "{} hours closed, {} aircraft sessions, {} carrier hours, {} late reports kept in carrier_hours$late",
        count("departures"),
        count("aircraft_sessions"),
        count("carrier_hours"),
        count("carrier_hours$late"),
    ))
}

/// The records of a topic; none if there is no such topic yet.
fn records(log: &Log, topic: &str) -> u64 {
    let partitions = log.topic(topic).map_or(0, |t| t.config.partitions);
    let bounds = (0..partitions).filter_map(|p| log.bounds(&TopicPartition::new(topic, p)).ok());
    bounds.map(|b| b.end.0 - b.start.0).sum()
}

/// The answer to a query, as text.
pub(super) fn table(host: &Host, query: &str, format: Format) -> Outcome<String> {
    let mut text = Vec::new();
    let mut printer = None;
    let request = Request::Sql {
        text: format!("{query};"),
        waits: false,
    };
    host.answer(request, &mut |reply| {
        match reply {
            Reply::Begin { schema, .. } => {
                printer = Some(Printer::new(Vec::new(), format, &schema, false)?)
            }
            Reply::Rows(batch) => {
                if let Some(printer) = &mut printer {
                    printer.batch(&batch)?;
                }
            }
            Reply::End => {
                if let Some(printer) = printer.take() {
                    text.extend(printer.end()?);
                }
            }
            Reply::AsOf(_) | Reply::Line(_) | Reply::Note(_) | Reply::Idle(_) => {}
        }
        Ok(())
    })?;
    Ok(String::from_utf8_lossy(&text).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles() {
        let times: Vec<Duration> = (1..=101).map(Duration::from_millis).collect();
        assert_eq!(percentile(&times, 50), "51.00 ms");
        assert_eq!(percentile(&times, 99), "100.00 ms");
        assert_eq!(percentile(&[], 50), "–");
    }
}
