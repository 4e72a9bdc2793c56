//! Any text as SQL: statements, or an error that can be shown.

#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    if let Err(error) = headwater_sql::parse(text) {
        assert!(!error.render(text).is_empty());
    }
});
