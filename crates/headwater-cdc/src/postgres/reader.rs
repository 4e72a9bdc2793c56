//! Reads the fields of a message, one after the other, without copying and without believing lengths.

use bytes::{Buf, Bytes};
use headwater_log::Result;

use super::failure::malformed;

/// What is left of a message.
#[derive(Debug)]
pub(super) struct Reader {
    rest: Bytes,
    what: &'static str,
}

impl Reader {
    /// Reads `bytes`, which are called `what` if they are wrong.
    pub(super) fn new(bytes: Bytes, what: &'static str) -> Self {
        Self { rest: bytes, what }
    }

    pub(super) fn u8(&mut self) -> Result<u8> {
        self.rest.try_get_u8().map_err(|_| malformed(self.what))
    }

    pub(super) fn u16(&mut self) -> Result<u16> {
        self.rest.try_get_u16().map_err(|_| malformed(self.what))
    }

    pub(super) fn u32(&mut self) -> Result<u32> {
        self.rest.try_get_u32().map_err(|_| malformed(self.what))
    }

    pub(super) fn u64(&mut self) -> Result<u64> {
        self.rest.try_get_u64().map_err(|_| malformed(self.what))
    }

    pub(super) fn i64(&mut self) -> Result<i64> {
        self.rest.try_get_i64().map_err(|_| malformed(self.what))
    }

    /// So many bytes.
    pub(super) fn take(&mut self, count: usize) -> Result<Bytes> {
        match count <= self.rest.len() {
            true => Ok(self.rest.split_to(count)),
            false => Err(malformed(self.what)),
        }
    }

    /// A text up to a zero byte.
    pub(super) fn text(&mut self) -> Result<String> {
        let end = memchr::memchr(0, &self.rest).ok_or_else(|| malformed(self.what))?;
        let text = self.take(end)?;
        self.rest.advance(1);
        let text = std::str::from_utf8(&text).map_err(|_| malformed(self.what))?;
        Ok(text.to_owned())
    }

    /// Everything that is left.
    pub(super) fn rest(self) -> Bytes {
        self.rest
    }

    /// How many bytes are left.
    pub(super) fn len(&self) -> usize {
        self.rest.len()
    }
}
