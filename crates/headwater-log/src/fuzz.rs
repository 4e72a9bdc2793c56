//! Entry points for fuzzing: each takes any bytes and must neither panic nor take memory that the bytes do not
//! account for. Used by the mutation tests of this crate and by cargo-fuzz.

use bytes::Bytes;

use crate::batch::{BATCH_BYTES_MAX, LogBatch};

/// Where the checksum of a batch lies, and where what it covers begins.
const CHECKSUM: std::ops::Range<usize> = 17..21;

/// Reads a record batch, as it is and with its checksum put right so that what lies behind it is reached.
pub fn batch(data: &[u8]) {
    read_batches(Bytes::copy_from_slice(data));
    if data.len() > CHECKSUM.end {
        let mut fixed = data.to_vec();
        let crc = crc_fast::crc32_iscsi(&fixed[CHECKSUM.end..]);
        fixed[CHECKSUM].copy_from_slice(&crc.to_be_bytes());
        let length = (fixed.len() - 12) as i32;
        fixed[8..12].copy_from_slice(&length.to_be_bytes());
        read_batches(Bytes::from(fixed));
    }
}

fn read_batches(mut data: Bytes) {
    while let Ok(Some(batch)) = LogBatch::take(&mut data) {
        let owned = batch.records().take_while(Result::is_ok).count();
        let mut borrowed = 0;
        let whole = batch.for_each(|record| {
            borrowed += 1;
            assert!(record.offset <= batch.last_offset());
            assert!(record.headers.iter().count() == record.headers.len());
        });
        assert!(owned == borrowed && borrowed <= batch.record_count());
        assert!(whole.is_err() || borrowed == batch.record_count());
        assert!(batch.bytes().len() <= BATCH_BYTES_MAX);
    }
}
