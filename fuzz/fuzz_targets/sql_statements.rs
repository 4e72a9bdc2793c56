//! Any text as SQL: planned, or an error that can be shown.

#![no_main]

use std::sync::LazyLock;

use headwater_connect::{PrintTarget, register_all};
use headwater_flow::connector::Registry;
use headwater_sql::Session;
use headwater_sql::catalogue::Catalogue;
use libfuzzer_sys::fuzz_target;

static REGISTRY: LazyLock<Registry> = LazyLock::new(|| {
    let mut registry = Registry::default();
    register_all(&mut registry, PrintTarget::new(std::io::sink()));
    registry
});

const TABLES: &str = "
    CREATE TABLE t (a BIGINT, b STRING, c DECIMAL(10, 2), ts TIMESTAMP(3), r ROW<x INT, y STRING>, l ARRAY<INT>,
        WATERMARK FOR ts AS ts - INTERVAL '5' SECOND) WITH ('connector' = 'datagen');
    CREATE TABLE o (a BIGINT, n BIGINT, PRIMARY KEY (a) NOT ENFORCED) WITH ('connector' = 'blackhole');";

fuzz_target!(|text: &str| {
    let mut session = Session::new(Catalogue::in_memory(), REGISTRY.clone());
    headwater_sql::fuzz_statements(&mut session, TABLES).expect("the tables are sound");
    if let Err(error) = headwater_sql::fuzz_statements(&mut session, text) {
        assert!(!error.render(text).is_empty());
    }
});
