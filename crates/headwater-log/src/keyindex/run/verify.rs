//! A run under verification: every byte is read, and what is wrong is told with its place.

use super::footer::{CRC_BYTES, FOOTER_BYTES};
use super::reader::{Run, decode_entry};
use crate::error::Error;

/// What was read of a run, and what is wrong with it.
#[derive(Debug, Default)]
pub(crate) struct VerifiedRun {
    /// Bytes read.
    pub(crate) bytes: u64,
    /// Where and how it is damaged.
    pub(crate) damage: Vec<(u64, String)>,
}

impl VerifiedRun {
    fn note(&mut self, at: u64, error: &Error) {
        self.damage.push((at, error.to_string()));
    }
}

impl Run {
    /// Reads every byte and checks it.
    pub(in crate::keyindex) fn verify(&self) -> VerifiedRun {
        let mut found = VerifiedRun::default();
        let opened = match self.opened() {
            Ok(opened) => opened,
            Err(e) => {
                let footer = self.size().saturating_sub(FOOTER_BYTES as u64);
                found.note(footer, &e);
                return found;
            }
        };
        found.bytes = opened.bytes;
        let tables = match self.tables() {
            Ok(tables) => tables,
            Err(e) => {
                found.note(opened.footer.directory_at, &e);
                return found;
            }
        };
        let (mut entries, mut last) = (0, 0);
        for (number, (_, at)) in tables.directory.iter().enumerate() {
            match self.block(tables, number) {
                Ok(block) => match check_block(&block, &mut last) {
                    Some(count) => entries += count,
                    None => found
                        .damage
                        .push((*at, "entries are out of order".to_owned())),
                },
                Err(e) => found.note(*at, &e),
            }
        }
        if found.damage.is_empty() && entries != opened.footer.entries {
            let what = "run has another number of entries than its footer says";
            let footer = opened.bytes - FOOTER_BYTES as u64;
            found.damage.push((footer, what.to_owned()));
        }
        found
    }
}

/// The number of entries of a block whose checksum is right; `None` if they do not decode or do not ascend.
fn check_block(block: &[u8], last: &mut u64) -> Option<u64> {
    let (mut at, mut count) = (CRC_BYTES, 0);
    while at < block.len() {
        let entry = decode_entry(block, &mut at)?;
        if entry.hash < *last {
            return None;
        }
        *last = entry.hash;
        count += 1;
    }
    Some(count)
}
