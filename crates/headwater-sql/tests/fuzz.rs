//! Statements from outside never panic: seeded mutation of everything that parses.

use std::time::{Duration, Instant};

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

use crate::support::session;

const SEEDS: &[&str] = &[
    include_str!("../../../examples/nexmark/tables.sql"),
    include_str!("../../../examples/nexmark/q11.sql"),
    include_str!("../../../examples/nexmark/q14.sql"),
    include_str!("../../../examples/nexmark/q21.sql"),
    include_str!("../../../examples/flights/01-tables.sql"),
    include_str!("../../../examples/flights/04-sessions.sql"),
    "EXECUTE STATEMENT SET BEGIN INSERT INTO a SELECT 1; INSERT INTO b VALUES (1, 'x'); END; SET 'k' = 'v';",
    "CREATE SINK s FROM v WITH (connector = 'print', a.b-c = 1) FORMAT DEBEZIUM ENCODE JSON (x = 'y'); DROP VIEW IF EXISTS v",
    "SELECT TUMBLE_END(ts, INTERVAL '1' HOUR), count(*) FROM t GROUP BY TUMBLE(ts, INTERVAL '1' HOUR) EMIT CHANGES",
];

const WORDS: &[&str] = &[
    "SELECT",
    "FROM",
    "(",
    ")",
    "<",
    ">",
    ">>",
    ",",
    "''",
    "'",
    "\"",
    "`",
    "ROW",
    "MAP",
    "ARRAY",
    "TABLE",
    "PARTITION BY",
    "DESCRIPTOR",
    "EMIT",
    "WITH",
    "AS",
    "INTERVAL '1' MONTH",
    "/*",
    "--",
    ";",
    "é",
    "\u{0}",
    "9223372036854775808",
    "BEGIN",
    "END",
    "WATERMARK FOR",
    "METADATA",
    "NOT NULL",
    "SESSION(",
    "TUMBLE(",
];

fn mutate(random: &mut StdRng, text: &str) -> String {
    let mut chars: Vec<char> = text.chars().collect();
    for _ in 0..random.random_range(1..6) {
        let at = random.random_range(0..=chars.len());
        match random.random_range(0..5) {
            0 if !chars.is_empty() => drop(chars.remove(at.min(chars.len() - 1))),
            1 => {
                let word = WORDS[random.random_range(0..WORDS.len())];
                chars.splice(at..at, word.chars());
            }
            2 => {
                let end = (at + random.random_range(0..40)).min(chars.len());
                chars.drain(at.min(end)..end);
            }
            3 => {
                let end = (at + random.random_range(0..40)).min(chars.len());
                let copy: Vec<char> = chars[at.min(end)..end].to_vec();
                chars.splice(at..at, copy);
            }
            _ => chars.truncate(at),
        }
    }
    chars.into_iter().collect()
}

#[test]
fn mutated_statements_never_panic() {
    let seconds = std::env::var("HEADWATER_FUZZ_SECONDS");
    let seconds = seconds.ok().and_then(|s| s.parse().ok()).unwrap_or(5);
    let seed = std::env::var("HEADWATER_SEED");
    let seed: u64 = seed.ok().and_then(|s| s.parse().ok()).unwrap_or(7);
    println!("HEADWATER_SEED={seed}");
    let mut random = StdRng::seed_from_u64(seed);
    let start = Instant::now();
    let mut tried = 0;
    while start.elapsed() < Duration::from_secs(seconds) {
        let text = mutate(&mut random, SEEDS[tried % SEEDS.len()]);
        let mut session = session("");
        if let Err(e) = headwater_sql::fuzz_statements(&mut session, &text) {
            assert!(!e.render(&text).is_empty());
        }
        tried += 1;
    }
    assert!(tried > 0);
}
