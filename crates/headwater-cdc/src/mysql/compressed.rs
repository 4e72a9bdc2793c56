//! What MariaDB and MySQL compress: values of columns, events, and whole transactions.

use std::io::Read;

use bytes::Bytes;
use headwater_log::Result;

use super::failure::malformed;
use super::reader::Reader;

/// More than any event may hold.
const BYTES_MAX: usize = 1 << 30;
/// How much is taken on trust before the bytes come.
const TRUSTED_BYTES: usize = 1 << 20;

/// The bytes of a column that MariaDB compresses: one that says how, their length, the compressed ones.
pub(super) fn column(bytes: Bytes) -> Result<Bytes> {
    const ZLIB: u8 = 8;
    if bytes.is_empty() {
        return Ok(bytes);
    }
    let mut reader = Reader::new(bytes, "compressed value");
    let head = reader.u8()?;
    if head == 0 {
        return Ok(reader.rest());
    }
    // Bit 3 says that the stream stands without zlib's own head.
    let (method, is_raw, length) = (head >> 4, head & 8 != 0, usize::from(head & 7));
    if method != ZLIB {
        return Err(reader.malformed());
    }
    let length = reader.big_endian(length)? as usize;
    inflate(&reader.rest(), length, is_raw)
}

/// The part of an event that MariaDB compresses: how, its length, the compressed bytes.
pub(super) fn event(bytes: Bytes) -> Result<Bytes> {
    const ZLIB: u8 = 0;
    let mut reader = Reader::new(bytes, "compressed event");
    let head = reader.u8()?;
    let (method, length) = (head >> 4 & 7, usize::from(head & 7));
    if head & 0x80 == 0 || method != ZLIB || length > 4 {
        return Err(reader.malformed());
    }
    let length = reader.big_endian(length)? as usize;
    inflate(&reader.rest(), length, false)
}

/// As many bytes as were promised, no more and no less.
fn inflate(bytes: &[u8], length: usize, is_raw: bool) -> Result<Bytes> {
    let wrong = || malformed("compressed value");
    if length > BYTES_MAX {
        return Err(wrong());
    }
    let mut out = Vec::with_capacity(length.min(TRUSTED_BYTES));
    let limit = length as u64 + 1;
    let read = match is_raw {
        true => flate2::read::DeflateDecoder::new(bytes)
            .take(limit)
            .read_to_end(&mut out),
        false => flate2::read::ZlibDecoder::new(bytes)
            .take(limit)
            .read_to_end(&mut out),
    };
    match read {
        Ok(read) if read == length => Ok(out.into()),
        _ => Err(wrong()),
    }
}

/// The events of a transaction that MySQL compresses as a whole, one after the other, so that only one is in memory.
pub(super) struct Payload {
    bytes: Box<dyn Read + Send>,
}

impl std::fmt::Debug for Payload {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Payload")
    }
}

impl Payload {
    /// Opens the body of a `TRANSACTION_PAYLOAD_EVENT`: fields by number and length, then the bytes.
    pub(super) fn open(body: Bytes) -> Result<Self> {
        const END: u64 = 0;
        const COMPRESSION: u64 = 2;
        const ZSTD: u64 = 0;
        const NONE: u64 = 255;
        let mut reader = Reader::new(body, "transaction payload");
        let mut compression = NONE;
        loop {
            let field = reader.packed()?;
            if field == END {
                break;
            }
            let value = reader.packed_bytes()?;
            if field == COMPRESSION {
                compression = Reader::new(value, "transaction payload").packed()?;
            }
        }
        let bytes = std::io::Cursor::new(reader.clone().rest());
        let bytes: Box<dyn Read + Send> = match compression {
            NONE => Box::new(bytes),
            ZSTD => {
                let decoder = zstd::Decoder::new(bytes);
                Box::new(decoder.map_err(|_| malformed("transaction payload"))?)
            }
            _ => return Err(reader.malformed()),
        };
        Ok(Self { bytes })
    }

    /// The next event, which has no checksum of its own.
    pub(super) fn next(&mut self) -> Result<Option<Bytes>> {
        const HEAD: usize = 19;
        const LENGTH_AT: usize = 9;
        let wrong = |_| malformed("transaction payload");
        let mut event = Vec::with_capacity(HEAD);
        let read = (&mut self.bytes).take(HEAD as u64).read_to_end(&mut event);
        match read.map_err(wrong)? {
            0 => return Ok(None),
            HEAD => {}
            _ => return Err(malformed("transaction payload")),
        }
        let mut length = Reader::new(Bytes::copy_from_slice(&event[LENGTH_AT..]), "event");
        let length = length.u32()? as usize;
        if !(HEAD..=BYTES_MAX).contains(&length) {
            return Err(malformed("transaction payload"));
        }
        let rest = (length - HEAD) as u64;
        let read = (&mut self.bytes).take(rest).read_to_end(&mut event);
        match read.map_err(wrong)? as u64 == rest {
            true => Ok(Some(event.into())),
            false => Err(malformed("transaction payload")),
        }
    }
}
