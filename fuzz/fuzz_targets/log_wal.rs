//! Any bytes as a file of the write-ahead log: recovered, or refused.

#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| headwater_log::fuzz::wal(bytes));
