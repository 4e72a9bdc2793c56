//! Seeded mutation of valid bytes, for as long as HEADWATER_FUZZ_SECONDS says: fuzzing without a fuzzer.

use std::time::{Duration, Instant};

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

/// Seconds that a test runs unless the environment says otherwise.
const SECONDS: u64 = 5;

/// Calls `entry` with mutated `seeds` until the time is over; a panic names the seed.
pub(crate) fn mutate(seeds: &[Vec<u8>], entry: fn(&[u8])) {
    let seconds = std::env::var("HEADWATER_FUZZ_SECONDS").ok();
    let seconds = seconds.and_then(|s| s.parse().ok()).unwrap_or(SECONDS);
    let end = Instant::now() + Duration::from_secs(seconds);
    for seed in 0.. {
        let mut rng = StdRng::seed_from_u64(seed);
        let input = mutated(seeds, &mut rng);
        let done = std::panic::catch_unwind(|| entry(&input));
        assert!(done.is_ok(), "seed {seed} fails: {input:?}");
        if Instant::now() >= end {
            return;
        }
    }
}

fn mutated(seeds: &[Vec<u8>], rng: &mut StdRng) -> Vec<u8> {
    let pick = |rng: &mut StdRng| &seeds[rng.random_range(0..seeds.len())];
    let mut bytes = pick(rng).clone();
    for _ in 0..rng.random_range(1..6) {
        let at = rng.random_range(0..bytes.len().max(1));
        match rng.random_range(0..7) {
            0 => bytes.truncate(at),
            1 => {
                let from = pick(rng);
                let cut = rng.random_range(0..from.len());
                bytes.truncate(at);
                bytes.extend_from_slice(&from[cut..]);
            }
            2 => bytes.insert(at.min(bytes.len()), rng.random()),
            3 => set(&mut bytes, at, &[0xff, 0xff, 0xff, 0xff, 0x0f]),
            4 => set(&mut bytes, at, &[0x7f, 0xff, 0xff, 0xff]),
            5 => set(&mut bytes, at, &[0; 4]),
            _ => set(&mut bytes, at, &[rng.random()]),
        }
    }
    bytes
}

fn set(bytes: &mut [u8], at: usize, value: &[u8]) {
    for (byte, value) in bytes.iter_mut().skip(at).zip(value) {
        *byte = *value;
    }
}
