//! Packets in both directions: length, number, body; a body that is too long for one continues in the next.

use std::io::ErrorKind as IoKind;
use std::net::{TcpStream, ToSocketAddrs};
use std::time::Duration;

use bytes::{Buf, Bytes, BytesMut};
use headwater_log::{Error, ErrorKind, Result};

use super::address::Address;
use super::failure::{malformed, unreachable};
use super::tls::Tls;
use crate::silence::Silence;
use crate::tls::Stream;

/// A packet as long as this one continues in the next.
const PART_BYTES: usize = 0xff_ffff;
const HEAD_BYTES: usize = 4;
/// The largest value of `max_allowed_packet`, and what an event has around it.
const PACKET_BYTES_MAX: usize = (1 << 30) + (1 << 20);
/// What is asked of the kernel at a time.
const READ_BYTES: usize = 64 << 10;

/// A connection.
#[derive(Debug)]
pub(super) struct Packets {
    stream: Stream,
    input: BytesMut,
    /// The number of the next packet of this exchange.
    number: u8,
    silence: Silence,
}

impl Packets {
    pub(super) fn connect(address: &Address) -> Result<Self> {
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
        let limit = Some(address.silence);
        stream.set_write_timeout(limit).map_err(failed)?;
        Ok(Self {
            stream: Stream::Plain(stream),
            input: BytesMut::new(),
            number: 0,
            silence,
        })
    }

    /// The connection is made: statements may take their time.
    pub(super) fn allow_statements(&mut self) {
        self.silence.allow_statements();
    }

    /// Whether the server has said nothing for as long as it may while it streams.
    pub(super) fn silence(&self) -> &Silence {
        &self.silence
    }

    /// What ends the connection, whoever waits for it.
    pub(super) fn line(&self) -> Option<TcpStream> {
        self.stream.socket().try_clone().ok()
    }

    /// Encrypts what comes from here on.
    ///
    /// # Errors
    /// `Unavailable`; `Invalid` if the server does not prove what it must; `Corrupt` if it has said something already, which whoever sits
    /// between may have put in.
    pub(super) fn encrypt(self, tls: &Tls, host: &str) -> Result<Self> {
        if !self.input.is_empty() {
            return Err(malformed("beginning of encryption"));
        }
        let Stream::Plain(socket) = self.stream else {
            return Ok(self);
        };
        let limited = socket.set_read_timeout(Some(self.silence.of_answers()));
        limited.map_err(|e| unreachable("the connection broke", e))?;
        let stream = Stream::encrypted(socket, host, &tls.trust())?;
        Ok(Self { stream, ..self })
    }

    pub(super) fn is_encrypted(&self) -> bool {
        self.stream.is_encrypted()
    }

    /// Begins a new exchange with a command.
    pub(super) fn command(&mut self, kind: u8, body: &[u8]) -> Result<()> {
        self.number = 0;
        let mut whole = Vec::with_capacity(1 + body.len());
        whole.push(kind);
        whole.extend_from_slice(body);
        self.send(&whole)
    }

    /// Goes on with the exchange.
    pub(super) fn send(&mut self, body: &[u8]) -> Result<()> {
        let mut out = Vec::with_capacity(HEAD_BYTES + body.len());
        let mut rest = body;
        loop {
            let (part, after) = rest.split_at(rest.len().min(PART_BYTES));
            out.extend_from_slice(&(part.len() as u32).to_le_bytes()[..3]);
            out.push(self.number);
            self.number = self.number.wrapping_add(1);
            out.extend_from_slice(part);
            rest = after;
            // A full part is followed by another, be it an empty one.
            if part.len() < PART_BYTES {
                break;
            }
        }
        let sent = self.stream.send(&out);
        sent.map_err(|e| unreachable("the connection broke", e))
    }

    /// The next packet, or nothing if none comes in time.
    pub(super) fn receive(&mut self, wait: Duration) -> Result<Option<Bytes>> {
        let broke = |e| unreachable("the connection broke", e);
        loop {
            if let Some(packet) = self.buffered()? {
                return Ok(Some(packet));
            }
            let socket = self.stream.socket();
            socket.set_read_timeout(Some(wait)).map_err(broke)?;
            let mut room = [0; READ_BYTES];
            match self.stream.read(&mut room) {
                Ok(0) => return Err(broke(IoKind::UnexpectedEof.into())),
                Ok(count) => {
                    self.silence.end();
                    self.input.extend_from_slice(&room[..count]);
                }
                Err(e) if matches!(e.kind(), IoKind::WouldBlock | IoKind::TimedOut) => {
                    self.silence.lasts(wait);
                    return Ok(None);
                }
                Err(e) if e.kind() == IoKind::Interrupted => {}
                Err(e) => return Err(broke(e)),
            }
        }
    }

    /// Whether something has come that was not taken.
    pub(super) fn has_more(&self) -> bool {
        !self.input.is_empty()
    }

    /// The next packet, which must come.
    pub(super) fn expect(&mut self) -> Result<Bytes> {
        let packet = self.receive(self.silence.of_answers())?;
        packet.ok_or_else(|| Error::new(ErrorKind::Unavailable, "the server does not answer"))
    }

    /// A packet whose parts are all here.
    fn buffered(&mut self) -> Result<Option<Bytes>> {
        let (mut at, mut parts) = (0, 0);
        loop {
            let Some(head) = self.input.get(at..at + HEAD_BYTES) else {
                return Ok(None);
            };
            let length = u32::from_le_bytes([head[0], head[1], head[2], 0]) as usize;
            self.number = head[3].wrapping_add(1);
            at += HEAD_BYTES + length;
            parts += 1;
            if at > PACKET_BYTES_MAX {
                return Err(malformed("length"));
            }
            if self.input.len() < at {
                self.input.reserve(at - self.input.len());
                return Ok(None);
            }
            if length < PART_BYTES {
                break;
            }
        }
        let mut whole = self.input.split_to(at);
        if parts == 1 {
            whole.advance(HEAD_BYTES);
            return Ok(Some(whole.freeze()));
        }
        let bodies = whole.chunks(HEAD_BYTES + PART_BYTES);
        let mut packet = BytesMut::with_capacity(at);
        bodies.for_each(|part| packet.extend_from_slice(&part[HEAD_BYTES..]));
        Ok(Some(packet.freeze()))
    }
}
