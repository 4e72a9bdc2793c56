//! The records of a chunk, side by side.

use headwater_flow::connector::{Chunk, Payload};
use headwater_flow::{Error, ErrorKind, Result};
use headwater_log::{OpenBatch, RecordRef};

use super::newest::Newest;

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
    /// Takes the chunk's batches apart; with `newest` only the records that it names.
    ///
    /// # Errors
    /// `Corrupt` if a record is damaged.
    pub(super) fn of(
        chunk: &Chunk,
        batches: &'a [OpenBatch],
        newest: Option<&Newest>,
    ) -> Result<Self> {
        let mut found = Vec::new();
        let wanted = newest.map(|n| n.after(chunk.range.partition, chunk.range.from));
        let mut wanted = wanted.map(|offsets| offsets.iter().copied().peekable());
        for batch in batches {
            for record in batch.records() {
                let record = record?;
                let offset = record.offset.0;
                let is_wanted = match &mut wanted {
                    Some(wanted) => {
                        while wanted.next_if(|next| *next < offset).is_some() {}
                        wanted.peek() == Some(&offset)
                    }
                    None => true,
                };
                if is_wanted && (chunk.range.from..chunk.range.to).contains(&offset) {
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
