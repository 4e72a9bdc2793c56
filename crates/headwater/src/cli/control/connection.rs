//! One connection on the answering side: requests, one after the other, each answered completely before the next is
//! read.

use std::io::{self, BufReader};
use std::os::unix::net::UnixStream;

use rustix::event::{PollFd, PollFlags, Timespec, poll};

use super::frame::Frame;
use super::wire;
use crate::cli::exit::{Code, Failure, Outcome};
use crate::cli::request::{Replies, Reply, Request, gone};

/// Answers a request.
pub(crate) type Answer = dyn Fn(Request, Replies<'_>) -> Outcome + Send + Sync;

/// What a connection may do now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Service {
    /// Ask.
    Open,
    /// Nothing: too many others are served.
    Full,
    /// Nothing more: the process ends.
    Closing,
}

/// Answers the requests of a connection until one of the sides closes it, or one comes that is not taken here.
pub(super) fn converse(
    stream: UnixStream,
    answer: &Answer,
    service: &dyn Fn() -> Service,
    takes: &dyn Fn(&Request) -> bool,
) -> io::Result<()> {
    let mut output = stream.try_clone()?;
    let mut input = BufReader::new(stream);
    // A request that is cut off was not made.
    while let Ok(Some(frame)) = Frame::read(&mut input) {
        let outcome = match understand(&frame) {
            _ if service() == Service::Closing => break,
            _ if service() == Service::Full => {
                Err(Failure::failed("too many commands are connected already"))
            }
            Err(why) => Err(Failure::new(
                Code::Usage,
                format!("a request was not understood: {why}"),
            )),
            Ok(request) if !takes(&request) => return wire::write_closing(&mut output),
            Ok(request) => answer(request, &mut |reply| {
                let goes_on = matches!(reply, Reply::Idle(_));
                wire::write_reply(&mut output, reply)?;
                match goes_on {
                    true => may_go_on(&output, service()),
                    false => Ok(()),
                }
            }),
        };
        wire::write_end(&mut output, outcome)?;
    }
    match service() {
        Service::Closing => wire::write_closing(&mut output),
        _ => Ok(()),
    }
}

/// Whether an answer that could go on for ever should.
fn may_go_on(output: &UnixStream, service: Service) -> Outcome {
    if service == Service::Closing {
        let text = "the process that has the data directory open ends";
        return Err(Failure::failed(text).with_hint("run the command again to go on"));
    }
    // Whoever has had enough hangs up its half of the connection and listens on.
    let mut fds = [PollFd::new(output, PollFlags::RDHUP)];
    let now = Timespec {
        tv_sec: 0,
        tv_nsec: 0,
    };
    match poll(&mut fds, Some(&now)) {
        Ok(1) => Err(gone()),
        _ => Ok(()),
    }
}

fn understand(frame: &Frame) -> Result<Request, String> {
    match frame {
        Frame::Json(body) => serde_json::from_slice(body).map_err(|e| e.to_string()),
        Frame::Rows(_) => Err("rows".to_owned()),
    }
}
