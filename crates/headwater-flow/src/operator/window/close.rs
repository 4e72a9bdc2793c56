//! Windows that are closed: what is in their panes comes out, once.

use std::collections::BTreeSet;

use super::aggregate::FixedAggregate;
use super::windows::Run;
use crate::batch::ZBatch;
use crate::error::Result;
use crate::operator::Outbox;

/// Rows of closed windows are made and emitted by about so many.
const EMIT_ROWS: usize = 1 << 16;

impl FixedAggregate {
    /// Emits the windows that end in `(after, through]`.
    pub(super) fn emit_closed(&mut self, after: i64, through: i64, out: &mut Outbox) -> Result<()> {
        if through <= after {
            return Ok(());
        }
        let runs = self.panes.runs(through.saturating_add(self.windows.span()));
        let ends = runs.flat_map(|run| self.windows.ends(run, after, through));
        let ends: BTreeSet<i64> = ends.collect();
        let mut made = Vec::new();
        for end in ends {
            let mut slots = if self.windows.cumulates() {
                self.accumulate(end)?
            } else if self.windows.overlap() {
                self.merge(end)?
            } else {
                self.panes
                    .slots(Run {
                        last: end,
                        first: end,
                    })
                    .to_vec()
            };
            slots.retain(|s| self.groups.rows(*s) > 0);
            self.panes.sort(&mut slots);
            if self.windows.cumulates() {
                self.emit_window(end, &slots, out)?;
                continue;
            }
            made.append(&mut slots);
            if made.len() >= EMIT_ROWS {
                self.emit_made(&mut made, out)?;
            }
        }
        self.emit_made(&mut made, out)
    }

    /// Emits slots whose runs are single windows, and frees those that were made for it.
    fn emit_made(&mut self, made: &mut Vec<u32>, out: &mut Outbox) -> Result<()> {
        if made.is_empty() {
            return Ok(());
        }
        out.rows.push(ZBatch::append_only(self.output(made)?));
        if self.windows.overlap() {
            let runs: BTreeSet<Run> = made.iter().map(|s| self.panes.run(*s)).collect();
            for run in runs {
                self.free(run);
            }
        }
        made.clear();
        Ok(())
    }

    /// Merges the panes of the hopping window that ends at `end` into new slots.
    fn merge(&mut self, end: i64) -> Result<Vec<u32>> {
        let window = Run {
            last: end,
            first: i64::MIN,
        };
        for run in self.panes.runs_over(end, self.windows.span()) {
            if run.first != i64::MIN {
                self.merge_run(run, window)?;
            }
        }
        Ok(self.panes.slots(window).to_vec())
    }

    /// Merges the panes of the cumulating window that ends at `end` into the first pane of its period, for good: all
    /// windows that are still to come contain them.
    fn accumulate(&mut self, end: i64) -> Result<Vec<u32>> {
        let runs = self.panes.runs_over(end, self.windows.span());
        let Some(period) = runs.first().map(|run| run.last) else {
            return Ok(Vec::new());
        };
        let base = Run {
            last: period,
            first: self.windows.start(period) + self.windows.step(),
        };
        for run in runs {
            if run != base {
                self.merge_run(run, base)?;
                self.free(run);
            }
        }
        Ok(self.panes.slots(base).to_vec())
    }

    fn merge_run(&mut self, from: Run, into: Run) -> Result<()> {
        for i in 0..self.panes.slots(from).len() {
            let slot = self.panes.slots(from)[i];
            let sibling = self.panes.sibling(slot, into);
            self.groups.grow(self.panes.capacity());
            self.groups.merge(sibling, slot)?;
        }
        Ok(())
    }

    fn emit_window(&self, end: i64, slots: &[u32], out: &mut Outbox) -> Result<()> {
        if slots.is_empty() {
            return Ok(());
        }
        let windows = vec![(self.windows.start(end), end); slots.len()];
        let keys = slots.iter().map(|slot| self.panes.key(*slot));
        let values = self.groups.evaluate(slots)?;
        let rows = self.layout.rows(&self.keys, &windows, keys, values)?;
        out.rows.push(ZBatch::append_only(rows));
        Ok(())
    }
}
