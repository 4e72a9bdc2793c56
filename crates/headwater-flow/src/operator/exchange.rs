//! Sends rows to the shard that owns their key: 256 key groups by Kafka's murmur2 of the key bytes, the groups cut
//! into equal runs, one run a shard. Keeps the order of rows.

use arrow::array::{ArrayRef, UInt32Array};
use arrow::datatypes::SchemaRef;

use headwater_log::murmur2;

use crate::batch::ZBatch;
use crate::error::Result;
use crate::state::KeyCodec;

/// The number of key groups, fixed for ever: shards own runs of them.
pub const KEY_GROUPS: u32 = 256;

/// Splits batches by key.
#[derive(Debug)]
pub struct Exchange {
    /// Key columns; none: all rows go to the first shard.
    keys: Vec<usize>,
    codec: Option<KeyCodec>,
    shards: usize,
}

impl Exchange {
    /// An exchange by the columns `keys` of `schema` to `shards` shards, at most [`KEY_GROUPS`].
    ///
    /// # Errors
    /// `Invalid` if a key has a type without equality.
    pub fn new(schema: &SchemaRef, keys: Vec<usize>, shards: usize) -> Result<Self> {
        let codec = match (keys.is_empty(), shards) {
            (true, _) | (_, 1) => None,
            _ => Some(KeyCodec::of(schema, &keys)?),
        };
        Ok(Self {
            keys,
            codec,
            shards,
        })
    }

    /// One part a shard, in order; empty parts are `None`.
    ///
    /// # Errors
    /// `Bug` if the batch has another shape.
    pub fn split(&self, batch: ZBatch) -> Result<Vec<Option<ZBatch>>> {
        let mut parts: Vec<Option<ZBatch>> = (0..self.shards).map(|_| None).collect();
        let Some(codec) = &self.codec else {
            parts[0] = (batch.num_rows() > 0).then_some(batch);
            return Ok(parts);
        };
        let columns: Vec<ArrayRef> = self
            .keys
            .iter()
            .map(|i| batch.rows().column(*i).clone())
            .collect();
        let keys = codec.encode(&columns, batch.num_rows())?;
        let mut chosen: Vec<Vec<u32>> = vec![Vec::new(); self.shards];
        for (i, key) in keys.iter().enumerate() {
            chosen[shard_of(key, self.shards)].push(i as u32);
        }
        for (part, indices) in parts.iter_mut().zip(chosen) {
            if indices.len() == batch.num_rows() {
                *part = (batch.num_rows() > 0).then(|| batch.clone());
            } else if !indices.is_empty() {
                *part = Some(batch.take(&UInt32Array::from(indices))?);
            }
        }
        Ok(parts)
    }
}

/// The shard that owns a key.
pub fn shard_of(key: &[u8], shards: usize) -> usize {
    let group = (murmur2(key) & 0x7fff_ffff) % KEY_GROUPS;
    group as usize * shards / KEY_GROUPS as usize
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::array::{Int64Array, RecordBatch};
    use arrow::datatypes::{DataType, Field, Schema};

    use super::*;

    #[test]
    fn rows_of_a_key_stay_together_and_in_order() {
        let schema = Arc::new(Schema::new(vec![
            Field::new("k", DataType::Int64, true),
            Field::new("n", DataType::Int64, true),
        ]));
        let keys = Int64Array::from_iter_values((0..1000).map(|i| i % 37));
        let numbers = Int64Array::from_iter_values(0..1000);
        let rows =
            RecordBatch::try_new(Arc::clone(&schema), vec![Arc::new(keys), Arc::new(numbers)])
                .expect("fits");
        let exchange = Exchange::new(&schema, vec![0], 4).expect("hashable");
        let parts = exchange.split(ZBatch::append_only(rows)).expect("splits");
        let mut owner = [None; 37];
        let mut total = 0;
        for (shard, part) in parts.iter().enumerate() {
            let Some(part) = part else { continue };
            total += part.num_rows();
            let column = |i: usize| {
                let column = part.rows().column(i).as_any();
                column.downcast_ref::<Int64Array>().expect("i64").clone()
            };
            assert!(column(1).values().is_sorted());
            for key in column(0).values() {
                let owner = owner[*key as usize].get_or_insert(shard);
                assert_eq!(*owner, shard);
            }
        }
        assert_eq!(total, 1000);
    }
}
