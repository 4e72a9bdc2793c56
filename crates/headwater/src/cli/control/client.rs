//! The asking side.

use std::io::{self, BufReader};
use std::os::unix::net::UnixStream;
use std::path::Path;

use super::{NAME, wire};
use crate::cli::exit::{Failure, Outcome};
use crate::cli::request::{Replies, Request};

/// A connection to the process that has a data directory open.
#[derive(Debug)]
pub(crate) struct Client {
    input: BufReader<UnixStream>,
    output: UnixStream,
}

impl Client {
    /// Connects to the process that serves `dir`; `None`: there is none.
    pub(crate) fn connect(dir: &Path) -> Outcome<Option<Self>> {
        let path = dir.join(NAME);
        let output = match UnixStream::connect(&path) {
            Ok(stream) => stream,
            // A socket whose process was killed refuses; the lock then decides who may open the directory.
            Err(e)
                if matches!(
                    e.kind(),
                    io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused
                ) =>
            {
                return Ok(None);
            }
            Err(e) if e.kind() == io::ErrorKind::NotADirectory => return Ok(None),
            Err(e) => {
                return Err(Failure::io(
                    format!("cannot connect to '{}'", path.display()),
                    &e,
                ));
            }
        };
        let input = output.try_clone().map_err(|e| lost(&e))?;
        Ok(Some(Self {
            input: BufReader::new(input),
            output,
        }))
    }

    /// Asks, and hands on the answer as it comes.
    pub(crate) fn ask(&mut self, request: &Request, replies: Replies<'_>) -> Outcome {
        wire::write_json(&mut self.output, request).map_err(|e| lost(&e))?;
        loop {
            match wire::read(&mut self.input).map_err(|e| lost(&e))? {
                wire::Heard::Reply(reply) => replies(reply)?,
                wire::Heard::Done => return Ok(()),
                wire::Heard::Failed(failure) => return Err(failure),
            }
        }
    }
}

fn lost(error: &io::Error) -> Failure {
    Failure::failed(format!(
        "lost the process that has the data directory open: {error}"
    ))
}
