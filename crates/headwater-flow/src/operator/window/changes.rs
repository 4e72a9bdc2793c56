//! What changed in an epoch: groups as they were before it, to be emitted as −old/+new.

use arrow::array::{Int64Array, RecordBatch, UInt32Array};
use arrow::compute::{concat_batches, take_record_batch};

use crate::batch::ZBatch;
use crate::error::Result;
use crate::state::{KeyCodec, Keys};

/// Not changed in this epoch.
const CLEAN: u32 = u32::MAX;
/// Changed, and was not there before.
const NEW: u32 = u32::MAX - 1;

/// The groups that an epoch changed, by slot. Empty between epochs.
#[derive(Debug, Default)]
pub(crate) struct Changes {
    /// By slot: its row in `old`, or a mark.
    marks: Vec<u32>,
    dirty: Vec<u32>,
    old: Vec<RecordBatch>,
    old_rows: u32,
}

impl Changes {
    /// Notes slots that are about to change, and whether each is in the output. Returns the places of those whose rows
    /// must be handed to [`Changes::keep_old`] at once, as they are now.
    pub(crate) fn touch(&mut self, slots: impl Iterator<Item = (u32, bool)>) -> Vec<usize> {
        let mut old = Vec::new();
        for (place, (slot, existed)) in slots.enumerate() {
            let at = slot as usize;
            if at >= self.marks.len() {
                self.marks.resize(at + 1, CLEAN);
            }
            if self.marks[at] != CLEAN {
                continue;
            }
            self.dirty.push(slot);
            self.marks[at] = if existed {
                old.push(place);
                self.old_rows + old.len() as u32 - 1
            } else {
                NEW
            };
        }
        old
    }

    /// Keeps the present output rows of slots that [`Changes::touch`] returned.
    pub(crate) fn keep_old(&mut self, rows: RecordBatch) {
        self.old_rows += rows.num_rows() as u32;
        self.old.push(rows);
    }

    /// Takes out the changed slots.
    pub(crate) fn take_dirty(&mut self) -> Vec<u32> {
        std::mem::take(&mut self.dirty)
    }

    /// The changes, given the present rows of `slots` that still exist (`alive`), both in the order of output:
    /// −old before +new, nothing for a group that is as it was.
    pub(crate) fn emit(
        &mut self,
        slots: &[u32],
        alive: &[bool],
        new: &RecordBatch,
    ) -> Result<Option<ZBatch>> {
        let marks = slots
            .iter()
            .map(|s| std::mem::replace(&mut self.marks[*s as usize], CLEAN));
        let marks: Vec<u32> = marks.collect();
        let mut old = std::mem::take(&mut self.old);
        self.old_rows = 0;
        old.push(new.clone());
        let both = concat_batches(&new.schema(), &old)?;
        let first_new = (both.num_rows() - new.num_rows()) as u32;
        let (mut indices, mut weights) = (Vec::new(), Vec::new());
        let same = Same::new(&both);
        let mut at = first_new;
        for (mark, alive) in marks.into_iter().zip(alive) {
            let was = mark != NEW;
            if !(was && *alive && same.rows(mark as usize, at as usize)) {
                if was {
                    indices.push(mark);
                    weights.push(-1);
                }
                if *alive {
                    indices.push(at);
                    weights.push(1);
                }
            }
            at += u32::from(*alive);
        }
        if indices.is_empty() {
            return Ok(None);
        }
        let rows = take_record_batch(&both, &UInt32Array::from(indices))?;
        ZBatch::new(rows, Some(Int64Array::from(weights))).map(Some)
    }
}

/// Compares rows by their bytes; types that have none are never the same.
struct Same(Option<Keys>);

impl Same {
    fn new(rows: &RecordBatch) -> Self {
        let types = rows.columns().iter().map(|c| c.data_type().clone());
        let codec = KeyCodec::new(types);
        let keys = codec.and_then(|c| c.encode(rows.columns(), rows.num_rows()));
        Self(keys.ok())
    }

    fn rows(&self, a: usize, b: usize) -> bool {
        (self.0.as_ref()).is_some_and(|keys| keys.key(a) == keys.key(b))
    }
}
