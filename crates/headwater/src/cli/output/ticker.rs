//! One line on a terminal that says how far an answer is, and goes when something else is written.

use std::io::{self, IsTerminal, Write};
use std::time::{Duration, Instant};

use crate::cli::request::Progress;
use crate::cli::style::Style;

/// What is over sooner needs no sign of progress.
const QUIET: Duration = Duration::from_secs(1);

/// The line.
pub(super) struct Ticker {
    started: Instant,
    is_shown: bool,
}

impl Ticker {
    /// A ticker, if standard error is a terminal.
    pub(super) fn on_terminal() -> Option<Self> {
        io::stderr().is_terminal().then(|| Self {
            started: Instant::now(),
            is_shown: false,
        })
    }

    /// Says how far it is.
    pub(super) fn tick(&mut self, progress: Progress) {
        let elapsed = self.started.elapsed();
        if elapsed < QUIET || progress == Progress::default() {
            return;
        }
        let line = line(progress, elapsed);
        // What cannot be shown is only a sign of progress.
        drop(write!(
            io::stderr(),
            "\r\x1b[K{}",
            Style::stderr().dim(&line)
        ));
        self.is_shown = true;
    }

    /// Takes the line away.
    pub(super) fn clear(&mut self) {
        if std::mem::take(&mut self.is_shown) {
            drop(write!(io::stderr(), "\r\x1b[K"));
        }
    }
}

fn line(progress: Progress, elapsed: Duration) -> String {
    let Progress { rows_in, rows_out } = progress;
    let seconds = elapsed.as_secs_f64();
    let rate = rows_in as f64 / seconds;
    format!("{rows_in} rows in, {rows_out} out, {seconds:.0} s, {rate:.0} rows/s")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_says_how_much_and_how_fast() {
        let progress = Progress {
            rows_in: 3000,
            rows_out: 7,
        };
        let shown = line(progress, Duration::from_secs(2));
        assert_eq!(shown, "3000 rows in, 7 out, 2 s, 1500 rows/s");
    }
}
