//! Reads the fields of a packet or an event, one after the other, without copying and without believing lengths.

use bytes::{Buf, Bytes, TryGetError};
use headwater_log::{Error, Result};

use super::failure::malformed;

/// What is left of a message; numbers are little-endian.
#[derive(Debug, Clone)]
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
        self.rest.try_get_u8().map_err(|e| self.short(e))
    }

    pub(super) fn u16(&mut self) -> Result<u16> {
        self.rest.try_get_u16_le().map_err(|e| self.short(e))
    }

    pub(super) fn u32(&mut self) -> Result<u32> {
        self.rest.try_get_u32_le().map_err(|e| self.short(e))
    }

    pub(super) fn u64(&mut self) -> Result<u64> {
        self.rest.try_get_u64_le().map_err(|e| self.short(e))
    }

    /// An unsigned number of up to eight bytes.
    pub(super) fn uint(&mut self, bytes: usize) -> Result<u64> {
        self.rest.try_get_uint_le(bytes).map_err(|e| self.short(e))
    }

    /// A signed number of one to eight bytes.
    pub(super) fn int(&mut self, bytes: usize) -> Result<i64> {
        let unused = 64 - 8 * bytes as u32;
        Ok((self.uint(bytes)? as i64) << unused >> unused)
    }

    /// An unsigned number of up to eight bytes, the highest first.
    pub(super) fn big_endian(&mut self, bytes: usize) -> Result<u64> {
        self.rest.try_get_uint(bytes).map_err(|e| self.short(e))
    }

    /// A number whose first byte says how long it is.
    pub(super) fn packed(&mut self) -> Result<u64> {
        match self.u8()? {
            first @ 0..=0xfa => Ok(u64::from(first)),
            0xfc => self.uint(2),
            0xfd => self.uint(3),
            0xfe => self.u64(),
            _ => Err(self.malformed()),
        }
    }

    /// A packed number that counts what is in memory.
    pub(super) fn packed_len(&mut self) -> Result<usize> {
        let number = self.packed()?;
        usize::try_from(number).map_err(|_| self.malformed())
    }

    /// So many bytes.
    pub(super) fn take(&mut self, count: usize) -> Result<Bytes> {
        match count <= self.rest.len() {
            true => Ok(self.rest.split_to(count)),
            false => Err(self.malformed()),
        }
    }

    /// Bytes after their packed length.
    pub(super) fn packed_bytes(&mut self) -> Result<Bytes> {
        let count = self.packed_len()?;
        self.take(count)
    }

    /// A text of so many bytes.
    pub(super) fn text(&mut self, count: usize) -> Result<String> {
        let text = self.take(count)?;
        let text = std::str::from_utf8(&text).map_err(|_| self.malformed())?;
        Ok(text.to_owned())
    }

    /// A text up to a zero byte, or to the end.
    pub(super) fn text_to_zero(&mut self) -> Result<String> {
        let end = memchr::memchr(0, &self.rest);
        let text = self.text(end.unwrap_or(self.rest.len()))?;
        if end.is_some() {
            self.rest.advance(1);
        }
        Ok(text)
    }

    /// Whether the next byte is `mark`, which is read then.
    pub(super) fn skips(&mut self, mark: u8) -> bool {
        let is_next = self.rest.first() == Some(&mark);
        if is_next {
            self.rest.advance(1);
        }
        is_next
    }

    /// Everything that is left.
    pub(super) fn rest(self) -> Bytes {
        self.rest
    }

    /// How many bytes are left.
    pub(super) fn len(&self) -> usize {
        self.rest.len()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    pub(super) fn malformed(&self) -> Error {
        malformed(self.what)
    }

    fn short(&self, _: TryGetError) -> Error {
        self.malformed()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_packed_number_says_how_long_it_is() {
        let mut reader = Reader::new(Bytes::from_static(b"\xfa\xfc\x01\x02\xfd\x01\0\0\xfb"), "x");
        assert_eq!(reader.packed().unwrap(), 250);
        assert_eq!(reader.packed().unwrap(), 0x201);
        assert_eq!(reader.packed().unwrap(), 1);
        assert!(reader.packed().is_err());
        assert!(reader.u8().is_err());
    }
}
