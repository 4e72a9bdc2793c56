//! Compression of the records of a batch: Kafka's five codecs, each bounded when it unpacks.

use std::io::{Read, Write};

use lz4_flex::frame::{BlockMode, BlockSize, FrameDecoder, FrameEncoder, FrameInfo};

use crate::error::{Error, ErrorKind, Result};

use super::header::corrupt;
use super::xerial;

/// The most bytes that a batch may have, packed or unpacked.
pub const BATCH_BYTES_MAX: usize = 256 << 20;
/// Initial room for unpacking; grows with what is really there.
const UNPACK_ROOM_BYTES: usize = 64 << 10;

/// How the records of a batch are compressed.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Hash, Default, serde::Serialize, serde::Deserialize,
)]
#[serde(rename_all = "lowercase")]
pub enum Codec {
    /// Not at all.
    #[default]
    None,
    /// gzip.
    Gzip,
    /// Snappy in the xerial framing, as Kafka's Java client writes it.
    Snappy,
    /// LZ4 frames with independent blocks.
    Lz4,
    /// Zstandard.
    Zstd,
}

impl Codec {
    /// All of them.
    pub const ALL: [Codec; 5] = [
        Codec::None,
        Codec::Gzip,
        Codec::Snappy,
        Codec::Lz4,
        Codec::Zstd,
    ];

    /// The number in a batch's attributes.
    pub(super) fn id(self) -> u16 {
        match self {
            Codec::None => 0,
            Codec::Gzip => 1,
            Codec::Snappy => 2,
            Codec::Lz4 => 3,
            Codec::Zstd => 4,
        }
    }

    pub(super) fn from_id(id: u16) -> Result<Self> {
        Self::ALL
            .get(usize::from(id))
            .copied()
            .ok_or_else(|| corrupt(format!("batch has the unknown compression {id}")))
    }

    /// Appends `records`, compressed, to `out`.
    pub(super) fn pack(self, records: &[u8], out: &mut Vec<u8>) -> Result<()> {
        match self {
            Codec::None => out.extend_from_slice(records),
            Codec::Gzip => {
                let mut gz = flate2::write::GzEncoder::new(out, flate2::Compression::default());
                gz.write_all(records)
                    .and_then(|()| gz.finish().map(drop))
                    .map_err(pack_failed)?;
            }
            Codec::Snappy => xerial::pack(records, out)?,
            Codec::Lz4 => {
                let info = FrameInfo::new()
                    .block_size(BlockSize::Max64KB)
                    .block_mode(BlockMode::Independent);
                let mut lz4 = FrameEncoder::with_frame_info(info, out);
                lz4.write_all(records).map_err(pack_failed)?;
                lz4.finish().map(drop).map_err(pack_failed)?;
            }
            Codec::Zstd => {
                let mut zstd = zstd::stream::write::Encoder::new(out, 0).map_err(pack_failed)?;
                zstd.write_all(records)
                    .and_then(|()| zstd.finish().map(drop))
                    .map_err(pack_failed)?;
            }
        }
        Ok(())
    }

    /// Uncompresses the records of a batch.
    ///
    /// # Errors
    /// `Corrupt` if they are damaged or would take more than [`BATCH_BYTES_MAX`].
    pub(super) fn unpack(self, packed: &[u8]) -> Result<Vec<u8>> {
        match self {
            Codec::None => Ok(packed.to_vec()),
            Codec::Gzip => read_bounded(flate2::read::MultiGzDecoder::new(packed)),
            Codec::Snappy => xerial::unpack(packed),
            Codec::Lz4 => read_bounded(FrameDecoder::new(packed)),
            Codec::Zstd => read_bounded(
                zstd::stream::read::Decoder::with_buffer(packed).map_err(unpack_failed)?,
            ),
        }
    }
}

fn read_bounded(reader: impl Read) -> Result<Vec<u8>> {
    let mut out = Vec::with_capacity(UNPACK_ROOM_BYTES);
    reader
        .take(BATCH_BYTES_MAX as u64 + 1)
        .read_to_end(&mut out)
        .map_err(unpack_failed)?;
    if out.len() > BATCH_BYTES_MAX {
        return Err(too_big());
    }
    Ok(out)
}

pub(super) fn too_big() -> Error {
    corrupt(format!(
        "compressed records take more than {BATCH_BYTES_MAX} bytes"
    ))
}

fn unpack_failed(source: std::io::Error) -> Error {
    corrupt("compressed records are damaged").with_source(source)
}

fn pack_failed(source: impl std::error::Error + Send + Sync + 'static) -> Error {
    Error::new(ErrorKind::Bug, "records could not be compressed").with_source(source)
}
