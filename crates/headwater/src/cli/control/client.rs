//! The asking side.

use std::io::{self, BufReader};
use std::net::Shutdown;
use std::os::unix::net::UnixStream;
use std::path::Path;

use rustix::event::{PollFd, PollFlags, Timespec, poll};

use super::{socket, wire};
use crate::cli::exit::{Code, Failure, Outcome};
use crate::cli::interrupt;
use crate::cli::request::{Replies, Request};

/// How often Ctrl-C is looked for while nothing comes.
const NAP: Timespec = Timespec {
    tv_sec: 0,
    tv_nsec: 50_000_000,
};

/// A connection to the process that has a data directory open.
#[derive(Debug)]
pub(crate) struct Client {
    input: BufReader<UnixStream>,
    output: UnixStream,
    /// Whether it was hung up, so that it can carry no other request.
    is_spent: bool,
}

/// What became of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Asked {
    /// It was answered to the end.
    Answered,
    /// The other side ends and has not begun with it: it can be asked elsewhere.
    Declined,
}

impl Client {
    /// Connects to the process that serves `dir`; `None`: there is none.
    pub(crate) fn connect(dir: &Path) -> Outcome<Option<Self>> {
        use io::ErrorKind::{ConnectionRefused, NotADirectory, NotFound};
        match socket::connect(dir) {
            Ok(stream) => Self::over(stream).map(Some),
            // A socket whose process was killed refuses; the lock then decides who may open the directory.
            Err(e) if matches!(e.kind(), NotFound | ConnectionRefused | NotADirectory) => Ok(None),
            Err(e) if std::fs::read_dir(dir).is_err() => Err(Failure::io(
                format!("data directory '{}' cannot be opened", dir.display()),
                &e,
            )),
            Err(e) => Err(Failure::io(
                format!(
                    "cannot speak with the process that uses '{}'",
                    dir.display()
                ),
                &e,
            )),
        }
    }

    /// Speaks over a stream that is connected already.
    pub(crate) fn over(output: UnixStream) -> Outcome<Self> {
        let input = output.try_clone().map_err(|e| lost(&e))?;
        Ok(Self {
            input: BufReader::new(input),
            output,
            is_spent: false,
        })
    }

    /// Whether it can carry no other request.
    pub(crate) fn is_spent(&self) -> bool {
        self.is_spent
    }

    /// Asks, and hands on the answer as it comes. Ctrl-C lets an answer that goes on come to its end; any other is given up.
    pub(crate) fn ask(&mut self, request: &Request, replies: Replies<'_>) -> Outcome<Asked> {
        // If the other side has hung up it has said so before; what became of the writing shows in what is heard.
        drop(wire::write_json(&mut self.output, request));
        loop {
            match self.hear(request)? {
                wire::Heard::Reply(reply) => {
                    replies(reply).inspect_err(|_| self.is_spent = true)?
                }
                wire::Heard::Done => return Ok(Asked::Answered),
                wire::Heard::Failed(failure) => return Err(failure),
                wire::Heard::Closing => {
                    self.is_spent = true;
                    return Ok(Asked::Declined);
                }
            }
        }
    }

    /// The next piece of an answer. Ctrl-C is looked for before each: an answer may come without a pause.
    fn hear(&mut self, request: &Request) -> Outcome<wire::Heard> {
        loop {
            let is_there = !self.input.buffer().is_empty() || self.is_readable()?;
            if interrupt::is_asked() {
                self.heed_interrupt(request)?;
            }
            if is_there {
                break;
            }
        }
        wire::read(&mut self.input).map_err(|e| {
            self.is_spent = true;
            lost(&e)
        })
    }

    /// Ctrl-C hangs up: an answer that can come to its end is heard out, any other is given up.
    fn heed_interrupt(&mut self, request: &Request) -> Outcome {
        if !request.can_be_stopped() {
            self.is_spent = true;
            return Err(Failure::new(Code::Interrupted, "interrupted"));
        }
        if !self.is_spent {
            self.is_spent = true;
            let hung_up = self.output.shutdown(Shutdown::Write);
            hung_up.map_err(|e| lost(&e))?;
        }
        Ok(())
    }

    fn is_readable(&self) -> Outcome<bool> {
        let mut fds = [PollFd::new(&self.output, PollFlags::IN)];
        match poll(&mut fds, Some(&NAP)) {
            Ok(ready) => Ok(ready > 0),
            Err(rustix::io::Errno::INTR) => Ok(false),
            Err(e) => Err(lost(&e.into())),
        }
    }
}

fn lost(error: &io::Error) -> Failure {
    Failure::io("lost the process that has the data directory open", error)
}
