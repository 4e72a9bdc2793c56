//! What the oracles have in common: numbers that a printed seed repeats, writers that end, and what is asked of topics at the end.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};

use serde_json::Value;

use crate::topics::Seen;

/// Xorshift, which a printed seed repeats.
pub(crate) struct Random(pub(crate) u64);

impl Random {
    pub(crate) fn below(&mut self, end: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % end
    }
}

/// Whether all is to be larger: `cargo xtask soak`.
pub(crate) fn is_soak() -> bool {
    std::env::var_os("HEADWATER_SOAK").is_some()
}

/// The seed that is asked for, or one of its own; printed.
pub(crate) fn seed() -> u64 {
    let asked = std::env::var("HEADWATER_SEED").ok();
    let asked = asked.and_then(|seed| seed.parse().ok());
    let seed = asked.unwrap_or_else(|| u64::from(std::process::id()) * 0x9e37_79b9);
    eprintln!("HEADWATER_SEED={seed}");
    seed
}

/// Stops the writers also if what they write beside panics: they are waited for.
pub(crate) struct StopsAtEnd<'a>(pub(crate) &'a AtomicBool);

impl Drop for StopsAtEnd<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// A topic adds up to its table.
pub(crate) fn check_same(
    name: &str,
    got: &BTreeMap<String, Value>,
    want: &BTreeMap<String, Value>,
) {
    let is_wrong = |(k, v): &(&String, &Value)| got.get(*k) != Some(*v);
    let wrong: Vec<_> = want.iter().filter(is_wrong).map(|(k, _)| k).collect();
    let rows = want.len();
    let short =
        |row: Option<&Value>| row.map(|v| v.to_string().chars().take(300).collect::<String>());
    let shown: Vec<_> = wrong
        .iter()
        .map(|k| (k, short(got.get(*k)), short(want.get(*k))))
        .collect();
    assert!(
        wrong.is_empty(),
        "{name}: of {rows} rows lost or old: {shown:?}"
    );
    let extra: Vec<_> = got.keys().filter(|k| !want.contains_key(*k)).collect();
    assert!(extra.is_empty(), "{name}: rows that are gone: {extra:?}");
}

/// Transactions that counted, each while none of the others did, are there once each and in the order of their commits; how many.
pub(crate) fn check_order(records: Vec<Seen>) -> usize {
    let count = records.len();
    for (want, (_, key, value)) in (1..).zip(records) {
        assert_eq!(key, format!("{{\"n\":{want}}}"));
        assert!(value.is_some(), "{key} is gone");
    }
    count
}

/// Every transaction of a ledger is in one commit of the log, with all its parts, each once, up to where a row of it is gone; how many
/// there are, and whether one is gone.
pub(crate) fn check_ledger(records: Vec<Seen>) -> (usize, bool) {
    let mut transactions: BTreeMap<i64, (u64, u64, u64)> = BTreeMap::new();
    let mut has_gone = false;
    let all = records.clone();
    let of = |id: &Value| -> Vec<_> {
        let is = |(_, _, v): &&Seen| {
            let row: Option<Value> = v.as_ref().map(|v| serde_json::from_str(v).unwrap());
            row.is_some_and(|row| row["id"] == *id)
        };
        let places = all.iter().enumerate().filter(|(_, r)| is(r));
        places.map(|(n, r)| format!("{n}: {r:?}")).collect()
    };
    for (commit, _, value) in records {
        let Some(value) = value else {
            has_gone = true;
            break;
        };
        let row: Value = serde_json::from_str(&value).unwrap();
        let known = transactions.entry(row["id"].as_i64().unwrap()).or_default();
        assert!(
            known.0 == 0 || known.0 == commit,
            "torn: {row}, of {:?}",
            of(&row["id"])
        );
        *known = (commit, known.1 + 1, row["parts"].as_u64().unwrap());
    }
    for (id, (_, parts, want)) in &transactions {
        assert_eq!(parts, want, "transaction {id}: {:?}", of(&Value::from(*id)));
    }
    (transactions.len(), has_gone)
}
