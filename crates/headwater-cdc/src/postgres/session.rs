//! A session with the server: frames in both directions, and statements in the simple protocol.
//!
//! Values come as text in one form whatever the server's settings are, since every session sets those.

mod copy;

use std::io::ErrorKind as IoKind;
use std::net::{TcpStream, ToSocketAddrs};
use std::time::Duration;

use bytes::{Buf, Bytes, BytesMut};
use headwater_log::{Error, ErrorKind, Result};
use postgres_protocol::message::frontend;

use super::address::Address;
use super::failure::{from_server, malformed, unreachable};
use super::pgoutput::Cell;
use super::tls;
use crate::silence::Silence;
use crate::tls::Stream;

/// The largest message that the protocol carries.
const FRAME_BYTES_MAX: usize = 1 << 30;
/// What is asked of the kernel at a time.
const READ_BYTES: usize = 128 << 10;

/// The server does not hang up sooner, however little silence is borne here.
const SENDER_TIMEOUT_MIN: Duration = Duration::from_secs(10);

/// Makes the text of values independent of the server's settings.
const PARAMETERS: &[(&str, &str)] = &[
    ("client_encoding", "UTF8"),
    ("application_name", "headwater"),
    ("datestyle", "ISO, YMD"),
    ("intervalstyle", "iso_8601"),
    ("timezone", "UTC"),
    ("extra_float_digits", "1"),
    ("bytea_output", "hex"),
];

/// One message of the server.
#[derive(Debug)]
pub(super) struct Frame {
    pub(super) tag: u8,
    pub(super) body: Bytes,
}

/// A connection to a server.
#[derive(Debug)]
pub struct Session {
    wire: Stream,
    input: BytesMut,
    /// Where the kernel puts what comes.
    room: Box<[u8]>,
    /// How long the kernel waits for it.
    limit: Duration,
    silence: Silence,
}

impl Session {
    /// Connects for statements.
    ///
    /// # Errors
    /// `Unavailable` if the server cannot be reached, `Invalid` if it refuses.
    pub fn connect(address: &Address) -> Result<Self> {
        Self::open(address, &[])
    }

    /// Connects for replication of a database.
    pub(super) fn connect_replication(address: &Address) -> Result<Self> {
        // While it is busy with what is not for us it says so in half this time.
        let timeout = address.silence.max(SENDER_TIMEOUT_MIN).as_millis();
        let timeout = timeout.to_string();
        Self::open(
            address,
            &[
                ("replication", "database"),
                ("wal_sender_timeout", &timeout),
            ],
        )
    }

    fn open(address: &Address, extra: &[(&str, &str)]) -> Result<Self> {
        let what = format!("connection to {address}");
        let failed = |e| unreachable(&what, e);
        let silence = Silence::new(address.silence);
        let places = (address.host.as_str(), address.port).to_socket_addrs();
        let mut stream = Err(std::io::Error::from(IoKind::NotFound));
        for place in places.map_err(failed)? {
            stream = TcpStream::connect_timeout(&place, silence.of_connecting());
            if stream.is_ok() {
                break;
            }
        }
        let stream = stream.map_err(failed)?;
        stream.set_nodelay(true).map_err(failed)?;
        let limit = address.silence;
        stream.set_write_timeout(Some(limit)).map_err(failed)?;
        stream.set_read_timeout(Some(limit)).map_err(failed)?;
        let mut session = Self {
            wire: tls::begin(stream, address)?,
            input: BytesMut::new(),
            room: vec![0; READ_BYTES].into(),
            limit,
            silence,
        };
        let parameters: Vec<_> = PARAMETERS.iter().chain(extra).copied().collect();
        session.begin(address, &parameters)?;
        session.silence.allow_statements();
        Ok(session)
    }

    /// From now on statements are answered at once, or the connection is dead.
    pub(super) fn expect_at_once(&mut self) {
        self.silence.allow_none();
    }

    /// Whether the server has said nothing for as long as it may while it streams.
    pub(super) fn silence(&self) -> &Silence {
        &self.silence
    }

    /// What ends it, whoever waits for it.
    pub(super) fn line(&self) -> Option<TcpStream> {
        self.wire.socket().try_clone().ok()
    }

    pub(super) fn send(&mut self, message: &[u8]) -> Result<()> {
        let sent = self.wire.send(message);
        sent.map_err(|e| unreachable("the connection broke", e))
    }

    /// Whether a frame is here already.
    pub(super) fn has_frame(&self) -> bool {
        let length = |head: &[u8; 5]| u32::from_be_bytes([head[1], head[2], head[3], head[4]]);
        let head = self.input.first_chunk::<5>();
        head.is_some_and(|head| self.input.len() > length(head) as usize)
    }

    /// The next frame that is here already, without asking the kernel.
    pub(super) fn buffered(&mut self) -> Result<Option<Frame>> {
        let Some(head) = self.input.first_chunk::<5>() else {
            return Ok(None);
        };
        let tag = head[0];
        let length = u32::from_be_bytes([head[1], head[2], head[3], head[4]]) as usize;
        if !(4..=FRAME_BYTES_MAX).contains(&length) {
            return Err(malformed("length"));
        }
        if self.input.len() <= length {
            self.input.reserve(length + 1 - self.input.len());
            return Ok(None);
        }
        let mut body = self.input.split_to(length + 1).freeze();
        body.advance(5);
        Ok(Some(Frame { tag, body }))
    }

    /// The next frame, or nothing if none comes in time. An error of the server is an error here.
    pub(super) fn receive(&mut self, wait: Duration) -> Result<Option<Frame>> {
        loop {
            if let Some(frame) = self.buffered()? {
                return match frame.tag {
                    b'E' => Err(from_server(&frame.body)),
                    _ => Ok(Some(frame)),
                };
            }
            if !self.fill(wait)? {
                return Ok(None);
            }
        }
    }

    /// Takes what there is of the next frames; whether anything came in time.
    fn fill(&mut self, wait: Duration) -> Result<bool> {
        let broke = |e| unreachable("the connection broke", e);
        if self.limit != wait {
            let socket = self.wire.socket();
            socket.set_read_timeout(Some(wait)).map_err(broke)?;
            self.limit = wait;
        }
        loop {
            match self.wire.read(&mut self.room) {
                Ok(0) => return Err(broke(IoKind::UnexpectedEof.into())),
                Ok(count) => {
                    self.silence.end();
                    self.input.extend_from_slice(&self.room[..count]);
                    return Ok(true);
                }
                Err(e) if matches!(e.kind(), IoKind::WouldBlock | IoKind::TimedOut) => {
                    self.silence.lasts(wait);
                    return Ok(false);
                }
                Err(e) if e.kind() == IoKind::Interrupted => {}
                Err(e) => return Err(broke(e)),
            }
        }
    }

    /// The next frame, which must come.
    pub(super) fn expect(&mut self) -> Result<Frame> {
        let frame = self.receive(self.silence.of_answers())?;
        frame.ok_or_else(silent)
    }

    pub(super) fn ask(&mut self, sql: &str) -> Result<()> {
        let mut message = BytesMut::new();
        frontend::query(sql, &mut message).map_err(|e| {
            Error::new(ErrorKind::Invalid, "a statement with a zero byte").with_source(e)
        })?;
        self.send(&message)
    }

    /// Runs a statement and gives each row to `row`.
    ///
    /// # Errors
    /// What the server says, or what `row` says; after the latter the session is of no use.
    pub fn for_each(
        &mut self,
        sql: &str,
        mut row: impl FnMut(&[Cell]) -> Result<()>,
    ) -> Result<()> {
        self.ask(sql)?;
        let mut failed = None;
        loop {
            let frame = match self.receive(self.silence.of_answers()) {
                // The server says ready after an error too, unless the connection is gone: then the next look says so again.
                Err(e) if failed.is_none() => {
                    failed = Some(e);
                    continue;
                }
                Err(e) => return Err(failed.unwrap_or(e)),
                Ok(None) => return Err(failed.unwrap_or_else(silent)),
                Ok(Some(frame)) => frame,
            };
            match frame.tag {
                b'D' => row(&cells(frame.body)?)?,
                b'Z' => return failed.map_or(Ok(()), Err),
                _ => {}
            }
        }
    }

    /// Runs a statement; all rows of what it gives, as text.
    ///
    /// # Errors
    /// What the server says.
    pub fn query(&mut self, sql: &str) -> Result<Vec<Vec<Option<String>>>> {
        let mut rows = Vec::new();
        self.for_each(sql, |cells| {
            rows.push(cells.iter().map(Cell::to_text).collect());
            Ok(())
        })?;
        Ok(rows)
    }

    /// The one value that a statement gives; `None`: null, or no row.
    ///
    /// # Errors
    /// What the server says.
    pub fn value(&mut self, sql: &str) -> Result<Option<String>> {
        let rows = self.query(sql)?;
        Ok(rows
            .into_iter()
            .next()
            .and_then(|r| r.into_iter().next())
            .flatten())
    }
}

fn silent() -> Error {
    Error::new(ErrorKind::Unavailable, "the server does not answer")
}

/// The values of a `DataRow`.
fn cells(mut body: Bytes) -> Result<Vec<Cell>> {
    let short = || malformed("row");
    let count = body.try_get_u16().map_err(|_| short())?;
    let mut cells = Vec::with_capacity(usize::from(count));
    for _ in 0..count {
        let length = body.try_get_i32().map_err(|_| short())?;
        cells.push(match usize::try_from(length) {
            Err(_) => Cell::Null,
            Ok(length) if length <= body.len() => Cell::Text(body.split_to(length)),
            Ok(_) => return Err(short()),
        });
    }
    Ok(cells)
}
