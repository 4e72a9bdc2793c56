//! The watermark of a node with several inputs.

use arrow::array::Int64Array;

use super::point::Watermark;
use crate::batch::RowTrack;

/// The time of one input of a node.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct InputTime {
    /// Its watermark.
    pub watermark: Watermark,
    /// Whether all of it is idle, so that nobody waits for it.
    pub idle: bool,
}

/// Takes the minimum over inputs, and never goes back when an idle one wakes up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Combiner {
    watermark: Watermark,
}

impl Default for Combiner {
    fn default() -> Self {
        Self {
            watermark: Watermark::MIN,
        }
    }
}

impl Combiner {
    /// The watermark so far.
    pub fn watermark(&self) -> Watermark {
        self.watermark
    }

    /// Takes the times of all inputs after an epoch: the minimum of those that are not idle, or, if all are, the
    /// highest, since nobody is left to wait for. `judged` is the highest bound of the epoch's [judged](Self::judge) rows:
    /// it is closed too, so that no later row enters a window that one of them missed, whoever has woken up meanwhile.
    pub fn advance(&mut self, inputs: &[InputTime], judged: Watermark) -> InputTime {
        let waited_for = inputs.iter().filter(|i| !i.idle).map(|i| i.watermark);
        let idle = !inputs.is_empty() && inputs.iter().all(|i| i.idle);
        let reached = if idle {
            inputs.iter().map(|i| i.watermark).max()
        } else {
            waited_for.min()
        };
        let reached = reached.unwrap_or(Watermark::MIN).max(judged);
        self.watermark = self.watermark.max(reached);
        InputTime {
            watermark: self.watermark,
            idle,
        }
    }

    /// The tracks of rows of input `own` where it meets `inputs` (their times at the start of the epoch): the bounds
    /// are held down to the slowest of the other inputs, and up to what this node has closed.
    ///
    /// # Panics
    /// Never; an `own` out of range holds nothing down for itself.
    pub fn judge(&self, track: &RowTrack, own: usize, inputs: &[InputTime]) -> RowTrack {
        let others = (inputs.iter().enumerate())
            .filter(|(i, input)| *i != own && !input.idle)
            .map(|(_, input)| input.watermark.0)
            .min()
            .unwrap_or(i64::MAX);
        let floor = self.watermark.0;
        let bounds: Int64Array = track.bounds.unary(|bound| bound.min(others).max(floor));
        RowTrack {
            bounds,
            origins: track.origins.clone(),
            derived: track.derived,
        }
    }
}
