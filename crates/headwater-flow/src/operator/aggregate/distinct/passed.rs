//! The rows that DISTINCT lets through to a call.

/// What changed for a member: the rows that pass and, on updating input, with which weights.
pub(super) struct Passed {
    pub(super) bits: Vec<u64>,
    pub(super) weights: Vec<i64>,
    pub(super) any: bool,
}

impl Passed {
    pub(super) fn new(rows: usize, updating: bool) -> Self {
        Self {
            bits: vec![0; rows.div_ceil(64)],
            weights: if updating { vec![0; rows] } else { Vec::new() },
            any: false,
        }
    }

    #[inline]
    pub(super) fn set(&mut self, row: usize) {
        self.bits[row / 64] |= 1 << (row % 64);
        self.any = true;
    }

    pub(super) fn set_weight(&mut self, row: usize, weight: i64) {
        self.set(row);
        self.weights[row] = weight;
    }
}
