//! Which values of a batch became rows, and why the others did not.

use headwater_flow::connector::ValueReject;

/// Which values became rows.
#[derive(Debug, Default)]
pub(crate) struct Kept {
    /// How many rows there are.
    pub(crate) rows: usize,
    /// For each row its value, once a value was rejected.
    pub(crate) sources: Option<Vec<u32>>,
    /// The other values.
    pub(crate) rejects: Vec<ValueReject>,
}

impl Kept {
    /// Value `index` became a row.
    #[inline]
    pub(crate) fn keep(&mut self, index: usize) {
        self.rows += 1;
        if let Some(sources) = &mut self.sources {
            sources.push(index as u32);
        }
    }

    /// Value `index` did not.
    pub(crate) fn reject(&mut self, index: usize, reason: String) {
        let rows = self.rows as u32;
        self.sources.get_or_insert_with(|| (0..rows).collect());
        self.rejects.push(ValueReject {
            index: index as u32,
            reason,
        });
    }
}
