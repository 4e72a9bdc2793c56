//! What the connector `print` writes, on its way to whoever asked.

use std::io::{self, Write};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::time::Duration;

use headwater_connect::PrintTarget;

use crate::cli::exit::Outcome;
use crate::cli::request::{Replies, Reply};

/// Pieces that may wait; then pipelines wait.
const PIECES_MAX: usize = 16;
/// A piece ends with the line that reaches this.
const PIECE_BYTES: usize = 1 << 20;

/// The end at which text comes out.
pub(super) struct Printed(Receiver<Piece>);

/// Whole lines, and whether they go to standard error.
struct Piece {
    text: Vec<u8>,
    is_error: bool,
}

/// Something to print to, and what is printed there.
pub(super) fn pipe() -> (PrintTarget, Printed) {
    let (sender, receiver) = sync_channel(PIECES_MAX);
    let writer = |is_error| Writer {
        pieces: sender.clone(),
        is_error,
    };
    (
        PrintTarget::both(writer(false), writer(true)),
        Printed(receiver),
    )
}

impl Printed {
    /// Passes on what is there, waiting so long for the first piece.
    pub(super) fn pass_on(&self, wait: Duration, replies: Replies<'_>) -> Outcome {
        let Ok(first) = self.0.recv_timeout(wait) else {
            return Ok(());
        };
        let pieces = std::iter::once(first).chain(self.0.try_iter().take(PIECES_MAX));
        for piece in pieces {
            let text = String::from_utf8_lossy(&piece.text);
            let lines = text.strip_suffix('\n').unwrap_or(&text).to_owned();
            replies(match piece.is_error {
                true => Reply::Note(lines),
                false => Reply::Line(lines),
            })?;
        }
        Ok(())
    }
}

struct Writer {
    pieces: SyncSender<Piece>,
    is_error: bool,
}

impl Write for Writer {
    /// Takes whole lines.
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let end = bytes.iter().skip(PIECE_BYTES).position(|b| *b == b'\n');
        let lines = &bytes[..end.map_or(bytes.len(), |i| PIECE_BYTES + i + 1)];
        let sent = self.pieces.send(Piece {
            text: lines.to_vec(),
            is_error: self.is_error,
        });
        sent.map_err(|_| io::ErrorKind::BrokenPipe)?;
        Ok(lines.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_end_with_lines() {
        let (sender, receiver) = sync_channel(PIECES_MAX);
        let mut writer = Writer {
            pieces: sender,
            is_error: false,
        };
        let printed = Printed(receiver);
        let line = "x".repeat(PIECE_BYTES / 2);
        let text = format!("{line}\n{line}\n{line}\nend\n");
        writer.write_all(text.as_bytes()).expect("is taken");
        drop(writer);
        let mut lines = Vec::new();
        printed
            .pass_on(Duration::ZERO, &mut |reply| {
                let Reply::Line(text) = reply else {
                    panic!("something else than lines");
                };
                lines.push(text);
                Ok(())
            })
            .expect("passes on");
        assert_eq!(lines.len(), 2);
        assert_eq!(lines.join("\n") + "\n", text);
    }
}
