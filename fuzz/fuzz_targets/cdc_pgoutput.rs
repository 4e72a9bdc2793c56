//! Any bytes as a message of PostgreSQL's pgoutput: read, or refused.

#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| headwater_cdc::fuzz::pgoutput(bytes));
