//! Random numbers that depend on where they are used, not on what was drawn before.

/// A stream of random numbers (`SplitMix64`, Steele et al., OOPSLA 2014).
#[derive(Debug, Clone)]
pub(super) struct Random(u64);

const GAMMA: u64 = 0x9e37_79b9_7f4a_7c15;

impl Random {
    /// The numbers of a row's column.
    pub(super) fn new(seed: u64, row: u64, column: u64) -> Self {
        let mut random = Self(seed ^ row.wrapping_mul(GAMMA));
        let start = random
            .next()
            .wrapping_add(column.wrapping_mul(0xd1b5_4a32_d192_ed03));
        Self(start)
    }

    /// The next number.
    pub(super) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(GAMMA);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number from `min` to `max`, both included.
    pub(super) fn between(&mut self, min: i128, max: i128) -> i128 {
        let span = max.saturating_sub(min).max(0).unsigned_abs();
        let wide = u128::from(self.next()) << 64 | u128::from(self.next());
        let offset = match span.checked_add(1) {
            Some(count) => wide % count,
            None => wide,
        };
        min.wrapping_add(offset as i128)
    }

    /// A number from 0 to below 1.
    pub(super) fn unit(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1_u64 << 53) as f64
    }
}
