//! Which seeds a law is tried with.

use std::ops::Range;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// How many times more seeds a soak tries.
const SOAK: u64 = 50;

/// The seeds that the environment asks for; else the first `usual`.
pub(crate) fn seeds(usual: u64) -> Range<u64> {
    match std::env::var("HEADWATER_SEEDS") {
        Ok(text) => {
            parse(&text).unwrap_or_else(|| panic!("HEADWATER_SEEDS is not N or A..B: {text}"))
        }
        Err(_) if std::env::var_os("HEADWATER_SOAK").is_some() => 0..usual * SOAK,
        Err(_) => 0..usual,
    }
}

fn parse(text: &str) -> Option<Range<u64>> {
    match text.split_once("..") {
        Some((from, to)) => Some(from.parse().ok()?..to.parse().ok()?),
        None => Some(0..text.parse().ok()?),
    }
}

/// Tries a law with each of its seeds, and names the one that it fails with.
pub(crate) fn each_seed(usual: u64, law: impl Fn(u64)) {
    for seed in seeds(usual) {
        let named = Named(seed);
        law(seed);
        std::mem::forget(named);
    }
}

/// What a law says that is broken on purpose, with the first seed of `tries` that shows it. A law that never says
/// anything proves nothing.
pub(crate) fn complaint(tries: u64, broken: impl Fn(u64)) -> String {
    let complaints = (0..tries).filter_map(|seed| {
        let payload = catch_unwind(AssertUnwindSafe(|| broken(seed))).err()?;
        let text = payload.downcast_ref::<String>().cloned();
        Some(text.unwrap_or_else(|| "a panic without a message".to_owned()))
    });
    let first = { complaints }.next();
    first.unwrap_or_else(|| panic!("nobody noticed in {tries} seeds"))
}

struct Named(u64);

impl Drop for Named {
    #[expect(clippy::print_stderr, reason = "to repeat a failed test")]
    fn drop(&mut self) {
        let seed = self.0;
        eprintln!(
            "seed {seed}: repeat with HEADWATER_SEEDS={seed}..{}",
            seed + 1
        );
    }
}
