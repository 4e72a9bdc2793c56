//! The records of a chunk, side by side.

use headwater_flow::connector::{Chunk, Payload};
use headwater_flow::{Error, ErrorKind, Result};
use headwater_log::{OpenBatch, RecordRef};

/// The batches of a chunk, uncompressed; control batches hold no data and are left out.
///
/// # Errors
/// `Corrupt` if a batch is damaged.
pub(super) fn open(chunk: &Chunk) -> Result<Vec<OpenBatch>> {
    let Payload::Log(batches) = &chunk.payload else {
        return Err(Error::new(
            ErrorKind::Bug,
            "a topic's chunk without batches",
        ));
    };
    let data = batches.iter().filter(|b| !b.is_control());
    Ok(data.map(|b| b.open()).collect::<Result<_, _>>()?)
}

/// The records of a chunk that are in its range.
#[derive(Debug, Default)]
pub(super) struct Records<'a>(Vec<RecordRef<'a>>);

impl<'a> Records<'a> {
    /// Takes the chunk's batches apart.
    ///
    /// # Errors
    /// `Corrupt` if a record is damaged.
    pub(super) fn of(chunk: &Chunk, batches: &'a [OpenBatch]) -> Result<Self> {
        let mut found = Vec::new();
        for batch in batches {
            for record in batch.records() {
                let record = record?;
                if (chunk.range.from..chunk.range.to).contains(&record.offset.0) {
                    found.push(record);
                }
            }
        }
        Ok(Self(found))
    }

    /// Record `i`.
    pub(super) fn get(&self, i: u32) -> &RecordRef<'a> {
        &self.0[i as usize]
    }

    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.0.len()
    }
}
