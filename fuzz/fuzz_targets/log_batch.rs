//! Any bytes as record batches: an error, or records that can be read to their end.

#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| headwater_log::fuzz::batch(bytes));
