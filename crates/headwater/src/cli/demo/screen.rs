//! What is seen while the demo plays: on a terminal a live table and a progress bar, elsewhere plain lines. All of it
//! goes to standard error; standard output is for the final tables.

use std::io::{self, IsTerminal, Write};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};
use unicode_width::UnicodeWidthChar;

use super::summary;
use crate::cli::args::Format;
use crate::cli::exit::{Failure, Outcome};
use crate::cli::host::Host;
use crate::cli::style::{Style, say};

/// How often the live table is drawn.
const FRAME: Duration = Duration::from_millis(250);
/// How much of the week lies between plain lines.
const LINE_MS: i64 = 6 * 3_600_000;

/// The live tables.
const LIVE: [&str; 2] = [
    "SELECT origin, departed, arrived, cancelled, on_their_way, ROUND(avg_delay, 1) AS avg_delay, last_event
     FROM board ORDER BY origin",
    "SELECT window_start, origin, departed, cancelled, late_15, ROUND(avg_delay, 1) AS avg_delay, max_delay
     FROM departures ORDER BY window_start DESC, origin LIMIT 6",
];

/// Where the demo is.
#[derive(Debug, Clone, Copy)]
pub(super) struct Scene {
    /// The week's time, milliseconds since 1970.
    pub(super) time: i64,
    /// Events played, by earlier runs too.
    pub(super) played: usize,
    /// Events of the week.
    pub(super) total: usize,
}

/// Shows the demo.
pub(super) enum Screen {
    /// On a terminal.
    Live {
        bar: ProgressBar,
        next: Instant,
        size: Size,
    },
    /// Elsewhere.
    Plain { next: i64 },
}

impl Screen {
    /// A screen that suits standard error.
    pub(super) fn open(total: usize) -> Outcome<Self> {
        if !io::stderr().is_terminal() {
            return Ok(Self::Plain { next: i64::MIN });
        }
        let template = "{msg}\n{wide_bar:.cyan/dim} {percent:>3} %  {human_pos} of {human_len} events  {elapsed}";
        let style = ProgressStyle::with_template(template)
            .map_err(|e| Failure::failed(format!("cannot draw a progress bar: {e}")))?;
        let bar = ProgressBar::new(total as u64).with_style(style);
        let next = Instant::now();
        let size = Size::now();
        Ok(Self::Live { bar, next, size })
    }

    /// Shows where the demo is, if it is time to.
    pub(super) fn show(&mut self, host: &Host, scene: Scene) -> Outcome {
        match self {
            Self::Live { bar, next, size } if Instant::now() >= *next => {
                let now = Size::now();
                if std::mem::replace(size, now) != now {
                    // What was drawn for another size lies about in pieces.
                    bar.suspend(|| drop(write!(io::stderr(), "\x1b[2J\x1b[H")));
                }
                bar.set_message(frame(host, scene, now)?);
                bar.set_position(scene.played as u64);
                *next = Instant::now() + FRAME;
            }
            Self::Plain { next } if scene.time >= *next => {
                let line = summary::counts(host)?;
                say(format_args!(
                    "{}  {} of {} events, {line}",
                    clock(scene.time),
                    scene.played,
                    scene.total
                ));
                *next = scene.time - scene.time.rem_euclid(LINE_MS) + LINE_MS;
            }
            Self::Live { .. } | Self::Plain { .. } => {}
        }
        Ok(())
    }

    /// Says something beside the pictures.
    pub(super) fn note(&self, text: &str) {
        match self {
            Self::Live { bar, .. } => bar.suspend(|| say(format_args!("{text}"))),
            Self::Plain { .. } => say(format_args!("{text}")),
        }
    }

    /// Takes the pictures away.
    pub(super) fn close(self) {
        if let Self::Live { bar, .. } = self {
            bar.finish_and_clear();
        }
    }
}

/// How large the terminal is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Size {
    columns: usize,
    rows: usize,
}

impl Size {
    fn now() -> Self {
        let size = rustix::termios::tcgetwinsize(io::stderr());
        let (columns, rows) = size.map_or((80, 24), |s| (s.ws_col, s.ws_row));
        Self {
            columns: columns.into(),
            rows: rows.into(),
        }
    }
}

/// The picture: as much of it as there is room for above the bar.
fn frame(host: &Host, scene: Scene, size: Size) -> Outcome<String> {
    let style = Style::stderr();
    let mut lines = vec![(
        Style::bold as Look,
        format!("New York, {}", clock(scene.time)),
    )];
    for (title, query) in ["The board, now", "Hours that have closed"]
        .iter()
        .zip(LIVE)
    {
        let table = summary::table(host, query, Format::Table)?;
        lines.push((plain, String::new()));
        lines.push((Style::dim, (*title).to_owned()));
        lines.extend(table.lines().map(|line| (plain as Look, line.to_owned())));
    }
    lines.push((plain, String::new()));
    lines.push((plain, summary::counts(host)?));
    lines.push((plain, String::new()));
    let shown = lines.iter().take(size.rows.saturating_sub(2));
    let shown = shown.map(|(look, line)| look(style, cut(line, size.columns)));
    Ok(shown.collect::<Vec<_>>().join("\n"))
}

/// How a line looks.
type Look = fn(Style, &str) -> String;

fn plain(_: Style, text: &str) -> String {
    text.to_owned()
}

/// As much of a line as is `width` columns wide.
fn cut(line: &str, width: usize) -> &str {
    let mut columns = 0;
    for (at, c) in line.char_indices() {
        columns += c.width().unwrap_or(0);
        if columns > width {
            return &line[..at];
        }
    }
    line
}

/// A time of the week as New York's clocks show it.
fn clock(ms: i64) -> String {
    let shown = jiff::Timestamp::from_millisecond(ms)
        .ok()
        .and_then(|t| t.in_tz("America/New_York").ok());
    shown.map_or_else(String::new, |t| {
        t.strftime("%a %-d %b %Y %H:%M").to_string()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_cut_by_what_they_show() {
        assert_eq!(cut("a │ b", 3), "a │");
        assert_eq!(cut("a │ b", 9), "a │ b");
        assert_eq!(cut("日本", 3), "日");
        assert_eq!(cut("x", 0), "");
    }
}
