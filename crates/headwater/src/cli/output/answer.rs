//! An answer on its way to the terminal: results through a printer, lines to standard output, notes to standard error.

use std::io::{self, BufWriter, Stdout, Write};

use super::Printer;
use super::ticker::Ticker;
use crate::cli::args::Format;
use crate::cli::exit::Outcome;
use crate::cli::request::{Reply, gone};
use crate::cli::style::{self, Style};

/// Writes the pieces of an answer.
pub(crate) struct AnswerPrinter {
    format: Format,
    open: Option<Printer<BufWriter<Stdout>>>,
    /// Whether what is open may go on for ever.
    is_stream: bool,
    ticker: Option<Ticker>,
    names_commits: bool,
}

impl AnswerPrinter {
    /// A printer of answers with rows in `format`.
    pub(crate) fn new(format: Format) -> Self {
        Self {
            format,
            open: None,
            is_stream: false,
            ticker: None,
            names_commits: false,
        }
    }

    /// The same, which on a terminal shows how far the answer is, and of which commit its rows are.
    pub(crate) fn with_progress(mut self) -> Self {
        self.ticker = Ticker::on_terminal();
        self.names_commits |= self.ticker.is_some();
        self
    }

    /// The same, which says of which commit rows are, on a terminal or not.
    pub(crate) fn with_commits(mut self, names_commits: bool) -> Self {
        self.names_commits |= names_commits;
        self
    }

    /// Takes the sign of progress away.
    pub(crate) fn clear(&mut self) {
        if let Some(ticker) = &mut self.ticker {
            ticker.clear();
        }
    }

    /// Takes the sign of progress away and closes a result that was broken off, so that what was written of it is
    /// whole; says whether it was a stream.
    pub(crate) fn break_off(&mut self) -> Outcome<bool> {
        self.clear();
        match self.open.take() {
            Some(printer) => printer.end().map(|_| self.is_stream),
            None => Ok(false),
        }
    }

    /// Writes a piece.
    pub(crate) fn take(&mut self, reply: Reply) -> Outcome {
        if let Reply::Idle(progress) = reply {
            if let Some(ticker) = &mut self.ticker {
                ticker.tick(progress);
            }
            return if is_unread() { Err(gone()) } else { Ok(()) };
        }
        self.clear();
        match reply {
            Reply::Begin { schema, is_stream } => {
                self.is_stream = is_stream;
                let out = BufWriter::new(io::stdout());
                self.open = Some(Printer::new(out, self.format, &schema, is_stream)?);
            }
            Reply::Rows(batch) => {
                if let Some(printer) = &mut self.open {
                    printer.batch(&batch)?;
                }
            }
            Reply::End => {
                if let Some(printer) = self.open.take() {
                    drop(printer.end()?);
                }
            }
            Reply::AsOf(commit) => {
                if self.names_commits {
                    let text = format!("as of commit {commit}");
                    style::say(format_args!("{}", Style::stderr().dim(&text)));
                }
            }
            Reply::Line(text) => writeln!(io::stdout(), "{text}")?,
            Reply::Note(text) => style::say(format_args!("{text}")),
            Reply::Idle(_) => {}
        }
        Ok(())
    }
}

/// Whether standard output is a pipe whose reader has gone, which an idle stream would else never notice.
fn is_unread() -> bool {
    use rustix::event::{PollFd, PollFlags, poll};
    let stdout = io::stdout();
    let mut fds = [PollFd::new(&stdout, PollFlags::empty())];
    let now = rustix::event::Timespec {
        tv_sec: 0,
        tv_nsec: 0,
    };
    matches!(poll(&mut fds, Some(&now)), Ok(1)) && fds[0].revents().contains(PollFlags::ERR)
}
