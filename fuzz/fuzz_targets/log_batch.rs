//! Any bytes as a record batch: an error, or records that can be read to their end.

#![no_main]

use bytes::Bytes;
use headwater_log::LogBatch;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    if let Ok(batch) = LogBatch::parse(Bytes::copy_from_slice(bytes)) {
        for record in batch.records() {
            if record.is_err() {
                break;
            }
        }
    }
});
