//! Frames on a byte stream.

use std::io::{self, Read, Write};

/// The largest frame that is written or read.
pub(super) const FRAME_BYTES_MAX: usize = 256 << 20;

/// What a frame holds.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Frame {
    /// A JSON value.
    Json(Vec<u8>),
    /// An Arrow IPC stream.
    Rows(Vec<u8>),
}

impl Frame {
    fn body(&self) -> (u8, &[u8]) {
        match self {
            Self::Json(body) => (b'j', body),
            Self::Rows(body) => (b'a', body),
        }
    }

    /// Whether it is small enough to be written.
    pub(super) fn fits(&self) -> bool {
        self.body().1.len() < FRAME_BYTES_MAX
    }

    /// Writes it.
    pub(super) fn write(&self, out: &mut impl Write) -> io::Result<()> {
        let (kind, body) = self.body();
        if !self.fits() {
            let text = format!("a piece of {} MiB is too large", body.len() >> 20);
            return Err(io::Error::new(io::ErrorKind::InvalidInput, text));
        }
        let length = body.len() as u32 + 1;
        out.write_all(&length.to_be_bytes())?;
        out.write_all(&[kind])?;
        out.write_all(body)?;
        out.flush()
    }

    /// Reads the next one; `None`: the other side has closed between frames.
    pub(super) fn read(input: &mut impl Read) -> io::Result<Option<Self>> {
        let mut length = [0; 4];
        if input.read(&mut length[..1])? == 0 {
            return Ok(None);
        }
        input.read_exact(&mut length[1..])?;
        let length = u32::from_be_bytes(length) as usize;
        if length == 0 || length > FRAME_BYTES_MAX {
            return Err(invalid("a frame has an impossible length"));
        }
        let mut kind = [0];
        input.read_exact(&mut kind)?;
        let mut body = Vec::new();
        input.take(length as u64 - 1).read_to_end(&mut body)?;
        if body.len() != length - 1 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        match kind {
            [b'j'] => Ok(Some(Self::Json(body))),
            [b'a'] => Ok(Some(Self::Rows(body))),
            _ => Err(invalid("a frame of an unknown kind")),
        }
    }
}

/// Bytes that are not what they should be.
pub(super) fn invalid(why: impl Into<String>) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, why.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bytes(frames: &[Frame]) -> Vec<u8> {
        let mut out = Vec::new();
        for frame in frames {
            frame.write(&mut out).expect("a vector takes it");
        }
        out
    }

    #[test]
    fn frames_survive_the_stream() {
        let sent = [
            Frame::Json(b"{}".to_vec()),
            Frame::Rows(vec![0; 1000]),
            Frame::Json(vec![]),
        ];
        let mut stream = &bytes(&sent)[..];
        for frame in sent {
            assert_eq!(Frame::read(&mut stream).expect("reads"), Some(frame));
        }
        assert_eq!(Frame::read(&mut stream).expect("ends"), None);
    }

    #[test]
    fn a_cut_or_damaged_stream_is_an_error() {
        let whole = bytes(&[Frame::Json(b"{\"a\":1}".to_vec())]);
        for cut in 1..whole.len() {
            assert!(Frame::read(&mut &whole[..cut]).is_err(), "cut at {cut}");
        }
        assert!(Frame::read(&mut &[0xff, 0xff, 0xff, 0xff, b'j'][..]).is_err());
        assert!(Frame::read(&mut &[0, 0, 0, 0][..]).is_err());
        assert!(Frame::read(&mut &[0, 0, 0, 2, b'?', 0][..]).is_err());
    }
}
