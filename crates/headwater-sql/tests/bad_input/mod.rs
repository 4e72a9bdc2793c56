//! What a person sees who wrote something wrong.

mod meaning;
mod names;
mod syntax;

use crate::support::{plan, session};

const TABLES: &str = "
    CREATE TABLE bids (auction BIGINT, price BIGINT, name STRING, ts TIMESTAMP(3), place ROW<city STRING>,
        WATERMARK FOR ts AS ts - INTERVAL '5' SECOND) WITH ('connector' = 'nexmark');
    CREATE VIEW v AS SELECT auction FROM bids;
    CREATE TABLE sink (auction BIGINT NOT NULL, price INT) WITH ('connector' = 'blackhole');";

fn check(sql: &str) -> String {
    plan(&mut session(TABLES), sql)
}

/// All errors, one after the other.
fn errors(statements: &[&str]) -> String {
    let errors: Vec<String> = statements.iter().map(|s| check(s)).collect();
    errors.join("\n\n")
}
