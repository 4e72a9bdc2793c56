//! Which blocks of a table have been read.

/// Ranges of blocks, ascending, that neither overlap nor touch.
#[derive(Debug, Clone, PartialEq, Eq, Default, serde::Serialize, serde::Deserialize)]
pub(super) struct Blocks(Vec<(u32, u32)>);

impl Blocks {
    /// Adds the blocks from `from` up to `to`.
    pub(super) fn add(&mut self, from: u32, to: u32) {
        let at = self.0.partition_point(|r| r.1 < from);
        let end = at + self.0[at..].partition_point(|r| r.0 <= to);
        let merged = self.0[at..end]
            .iter()
            .fold((from, to), |all, r| (all.0.min(r.0), all.1.max(r.1)));
        self.0.splice(at..end, [merged]);
    }

    /// The first blocks before `end` that are missing, at most `most` of them.
    pub(super) fn missing(&self, end: u32, most: u32) -> Option<(u32, u32)> {
        let (from, next) = match self.0.as_slice() {
            [(0, to), (next, _), ..] => (*to, *next),
            [(0, to)] => (*to, u32::MAX),
            [(next, _), ..] => (0, *next),
            [] => (0, u32::MAX),
        };
        let to = from.saturating_add(most).min(next).min(end);
        (from < to).then_some((from, to))
    }

    /// How many there are.
    pub(super) fn count(&self) -> u64 {
        self.0.iter().map(|r| u64::from(r.1 - r.0)).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    proptest::proptest! {
        #[test]
        fn every_block_is_read_once(mut order: Vec<u8>, end in 0..500_u32, most in 1..40_u32) {
            let (mut given, mut done, mut waiting) = (Blocks::default(), Blocks::default(), Vec::new());
            let mut seen = vec![0; end as usize];
            loop {
                let next = given.missing(end, most);
                if let Some((from, to)) = next {
                    given.add(from, to);
                    waiting.push((from, to));
                    seen[from as usize..to as usize].iter_mut().for_each(|s| *s += 1);
                }
                let now = next.is_none() || order.pop().is_some_and(|b| b % 2 == 0);
                if now && !waiting.is_empty() {
                    let (from, to) = waiting.swap_remove(order.len() % waiting.len());
                    done.add(from, to);
                } else if next.is_none() {
                    break;
                }
            }
            proptest::prop_assert_eq!(done.count(), u64::from(end));
            proptest::prop_assert_eq!(done.missing(end, most), None);
            proptest::prop_assert!(done.0.len() <= 1);
            proptest::prop_assert!(seen.iter().all(|s| *s == 1));
        }
    }
}
