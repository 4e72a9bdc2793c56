//! Any bytes as the binary log of MariaDB or MySQL: read, or refused.

#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| headwater_cdc::fuzz::binlog(bytes));
