//! The snappy framing of `xerial/snappy-java` that Kafka clients write: a magic header, then blocks of a
//! big-endian length and raw snappy. Some clients write one raw block without a frame; that is read too.

use crate::error::{Error, ErrorKind, Result};

use super::codec::{BATCH_BYTES_MAX, too_big};
use super::header::{corrupt, field};

const MAGIC: [u8; 8] = [0x82, b'S', b'N', b'A', b'P', b'P', b'Y', 0];
const HEADER_BYTES: usize = 16;
/// Version 1, readable by version 1.
const VERSIONS: [u8; 8] = [0, 0, 0, 1, 0, 0, 0, 1];
/// Uncompressed bytes of a block, as snappy-java has it.
const BLOCK_BYTES: usize = 32 << 10;

/// Appends `records`, framed, to `out`.
pub(super) fn pack(records: &[u8], out: &mut Vec<u8>) -> Result<()> {
    out.extend_from_slice(&MAGIC);
    out.extend_from_slice(&VERSIONS);
    let mut encoder = snap::raw::Encoder::new();
    for block in records.chunks(BLOCK_BYTES) {
        let length_at = out.len();
        let room = snap::raw::max_compress_len(block.len());
        out.resize(length_at + 4 + room, 0);
        let written = encoder
            .compress(block, &mut out[length_at + 4..])
            .map_err(|e| {
                Error::new(ErrorKind::Bug, "records could not be compressed").with_source(e)
            })?;
        out.truncate(length_at + 4 + written);
        out[length_at..length_at + 4].copy_from_slice(&(written as u32).to_be_bytes());
    }
    Ok(())
}

/// Uncompresses framed or raw snappy.
pub(super) fn unpack(packed: &[u8]) -> Result<Vec<u8>> {
    let mut out = Vec::new();
    if packed.len() < HEADER_BYTES || packed[..MAGIC.len()] != MAGIC {
        unpack_block(packed, &mut out)?;
        return Ok(out);
    }
    let mut rest = &packed[HEADER_BYTES..];
    while !rest.is_empty() {
        if rest.len() < 4 {
            return Err(corrupt("snappy block is cut off in its length"));
        }
        let length = u32::from_be_bytes(field(rest, 0)) as usize;
        let block = rest
            .get(4..4 + length)
            .ok_or_else(|| corrupt("snappy block is cut off"))?;
        unpack_block(block, &mut out)?;
        rest = &rest[4 + length..];
    }
    Ok(out)
}

fn unpack_block(block: &[u8], out: &mut Vec<u8>) -> Result<()> {
    let damaged = |e| corrupt("compressed records are damaged").with_source(e);
    let length = snap::raw::decompress_len(block).map_err(damaged)?;
    if length > BATCH_BYTES_MAX - out.len() {
        return Err(too_big());
    }
    // Snappy packs at most 64 bytes into three, so a block cannot honestly claim more than this.
    if length > block.len().saturating_mul(64) {
        return Err(corrupt("snappy block claims more than it can hold"));
    }
    let at = out.len();
    out.resize(at + length, 0);
    let written = snap::raw::Decoder::new()
        .decompress(block, &mut out[at..])
        .map_err(damaged)?;
    out.truncate(at + written);
    Ok(())
}
