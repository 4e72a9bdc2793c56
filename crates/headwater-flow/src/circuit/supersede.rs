//! How a circuit takes the place of another one of the same plan: what has changed for whoever reads a view of it is the difference
//! between what both hold.

use arrow::array::Int64Array;

use super::graph::{Circuit, Feed, Producer};
use crate::batch::ZBatch;
use crate::error::{Error, ErrorKind, Result};
use crate::operator::{EpochContext, Operator, Outbox};
use crate::time::Watermark;

impl Circuit {
    /// Gives the view of output `output` the rows that it has in `other`, a circuit of the same plan and shards, and hands
    /// out what that changes, as the output of an epoch. `None`: the output is not a view.
    ///
    /// # Errors
    /// `Bug` if the state cannot be read or `other` is of another plan.
    pub fn supersede(&mut self, output: usize, other: &Self) -> Result<Option<Vec<ZBatch>>> {
        let [feed] = &self.outputs[output][..] else {
            return Ok(None);
        };
        let (Producer::Node(node), Some(contents)) = (feed.from, other.contents(output)?) else {
            return Ok(None);
        };
        let shards = &mut self.nodes[node].shards;
        if shards.len() != contents.len() {
            return Err(Error::new(ErrorKind::Bug, "a circuit has other shards"));
        }
        let mut changes = Vec::new();
        for (shard, rows) in shards.iter_mut().zip(contents) {
            let Some(before) = shard.contents()? else {
                return Ok(None);
            };
            let gone = vec![-1; before.num_rows()];
            let gone = ZBatch::new(before, Some(Int64Array::from(gone)))?;
            changes.extend(exchange(&mut **shard, [gone, ZBatch::append_only(rows)])?);
        }
        changes
            .into_iter()
            .map(|rows| through(feed, rows))
            .collect::<Result<_>>()
            .map(Some)
    }
}

/// What an operator makes of an epoch with these rows.
fn exchange(view: &mut dyn Operator, rows: [ZBatch; 2]) -> Result<Vec<ZBatch>> {
    let context = EpochContext {
        epoch: 0,
        processing_time: 0,
        watermark_before: Watermark::MIN,
        watermark: Watermark::MIN,
    };
    let mut out = Outbox::default();
    for rows in rows {
        view.push(&context, 0, rows, &mut out)?;
    }
    view.finish(&context, &mut out)?;
    Ok(out.rows)
}

fn through(feed: &Feed, rows: ZBatch) -> Result<ZBatch> {
    let mut chain = feed.chain.iter();
    chain.try_fold(rows, |rows, operator| operator.apply(rows))
}
