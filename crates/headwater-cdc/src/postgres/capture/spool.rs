//! What a running transaction has sent, kept until it commits: in memory while it is small, then in a file of the log's disk.
//!
//! Each message stands there as its length, its place in the server's log and its bytes. Parts that were taken back are cut off: nothing
//! of the transaction comes between them and the word that they have not happened.

use bytes::{Buf, BufMut, Bytes, BytesMut};
use headwater_log::{Log, Result, Scratch};

use crate::postgres::failure::malformed;
use crate::postgres::{Lsn, Message, Streamed};

/// Bytes of a transaction that are written, and read, at a time.
const BLOCK_BYTES: usize = 256 << 10;
/// What stands before a message: its length and its place.
const HEAD_BYTES: usize = 4 + 8;

/// The messages of a transaction that runs.
#[derive(Debug, Default)]
pub(super) struct Spool {
    file: Option<Scratch>,
    /// How many bytes the file has.
    written: u64,
    /// What comes after them.
    rest: Vec<u8>,
    /// The parts since savepoints, and where the first message of each lies.
    parts: Vec<(u32, u64)>,
}

impl Spool {
    /// Adds a message of the transaction `xid`, or of a part of it.
    ///
    /// # Errors
    /// `Unavailable` if there is no room on the disk.
    pub(super) fn push(
        &mut self,
        log: &Log,
        xid: u32,
        place: Lsn,
        message: &Streamed,
    ) -> Result<()> {
        let is_part = message.xid != xid;
        if is_part && !self.parts.iter().any(|(part, _)| *part == message.xid) {
            self.parts.push((message.xid, self.len()));
        }
        let parts = message.parts();
        let length: usize = parts.iter().map(|part| part.len()).sum();
        self.rest.put_u32(length as u32);
        self.rest.put_u64(place.0);
        parts.iter().for_each(|part| self.rest.put_slice(part));
        if self.rest.len() >= BLOCK_BYTES {
            self.write(log)?;
        }
        Ok(())
    }

    fn write(&mut self, log: &Log) -> Result<()> {
        let file = match self.file.take() {
            Some(file) => file,
            None => log.scratch()?,
        };
        file.write(&self.rest, self.written)?;
        self.file = Some(file);
        self.written += self.rest.len() as u64;
        self.rest.clear();
        Ok(())
    }

    /// How many bytes there are.
    pub(super) fn len(&self) -> u64 {
        self.written + self.rest.len() as u64
    }

    /// A part has not happened; one that has sent nothing is not known.
    pub(super) fn take_back(&mut self, part: u32) {
        let Some(at) = self.parts.iter().position(|(known, _)| *known == part) else {
            return;
        };
        let start = self.parts[at].1;
        self.parts.truncate(at);
        match start.checked_sub(self.written) {
            Some(kept) => self.rest.truncate(kept as usize),
            None => {
                self.written = start;
                self.rest.clear();
            }
        }
    }

    /// The transaction has committed: its messages.
    pub(super) fn messages(self) -> Messages {
        Messages {
            end: self.written,
            file: self.file,
            at: 0,
            block: BytesMut::new(),
            rest: self.rest.into(),
        }
    }
}

/// The messages of a transaction that has committed.
#[derive(Debug)]
pub(super) struct Messages {
    file: Option<Scratch>,
    /// What is read of the file next, and where it ends.
    at: u64,
    end: u64,
    /// What was read.
    block: BytesMut,
    /// What comes after the file.
    rest: Bytes,
}

impl Messages {
    /// The next one, and its place.
    ///
    /// # Errors
    /// `Corrupt`, `Unavailable`.
    pub(super) fn next(&mut self) -> Result<Option<(Lsn, Message)>> {
        if !self.has(HEAD_BYTES)? {
            return match self.block.is_empty() {
                true => Ok(None),
                false => Err(torn()),
            };
        }
        let (length, place) = (self.block.get_u32() as usize, Lsn(self.block.get_u64()));
        if !self.has(length)? {
            return Err(torn());
        }
        let message = Message::decode(self.block.split_to(length).freeze())?;
        Ok(Some((place, message)))
    }

    /// Whether there are so many bytes, which are in the block then.
    fn has(&mut self, count: usize) -> Result<bool> {
        while self.block.len() < count {
            let left = (self.end - self.at).min(BLOCK_BYTES as u64) as usize;
            match &self.file {
                Some(file) if left > 0 => {
                    let start = self.block.len();
                    self.block.resize(start + left, 0);
                    file.read(&mut self.block[start..], self.at)?;
                    self.at += left as u64;
                }
                _ if !self.rest.is_empty() => {
                    self.block.extend_from_slice(&self.rest);
                    self.rest.clear();
                }
                _ => return Ok(false),
            }
        }
        Ok(true)
    }
}

fn torn() -> headwater_log::Error {
    malformed("transaction: what was kept of it ends in the midst of a message")
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use headwater_log::{ManualClock, Timestamp};

    use super::*;

    const XID: u32 = 7;

    /// A new row of table 1 whose value is `number` and so many bytes more.
    fn insert(xid: u32, number: u32, more: usize) -> Streamed {
        let value = [&number.to_be_bytes()[..], &vec![b'x'; more]].concat();
        let mut bytes = vec![b'I'];
        bytes.put_u32(xid);
        bytes.put_u32(1);
        bytes.put_slice(b"N\0\x01b");
        bytes.put_u32(value.len() as u32);
        bytes.put_slice(&value);
        Streamed::cut(bytes.into()).unwrap()
    }

    fn numbers(spool: Spool) -> Vec<u64> {
        let (mut messages, mut numbers) = (spool.messages(), Vec::new());
        while let Some((place, message)) = messages.next().unwrap() {
            let Message::Insert { new, .. } = message else {
                panic!("{message:?}");
            };
            let crate::postgres::Cell::Binary(value) = &new[0] else {
                panic!("{new:?}");
            };
            assert_eq!(&value[..4], (place.0 as u32).to_be_bytes());
            numbers.push(place.0);
        }
        numbers
    }

    proptest::proptest! {
        /// Parts begin, go on, end or are taken back, with all parts within them, in any order.
        #[test]
        fn what_was_not_taken_back_comes_in_order(
            steps in proptest::collection::vec((0..6_u8, 0..90_000_usize), 1..60),
        ) {
            let log = Log::memory(Arc::new(ManualClock::new(Timestamp(0))));
            let (mut spool, mut want) = (Spool::default(), Vec::new());
            // The parts that are open, and what there was when each began.
            let (mut open, mut next) = (vec![(XID, 0)], XID + 1);
            for (number, (step, more)) in steps.into_iter().enumerate() {
                match step {
                    0 => {
                        open.push((next, want.len()));
                        next += 1;
                    }
                    1 if open.len() > 1 => {
                        let (part, before) = open.pop().unwrap();
                        spool.take_back(part);
                        want.truncate(before);
                    }
                    _ => {
                        let xid = open.last().unwrap().0;
                        let number = number as u32;
                        let message = insert(xid, number, more);
                        spool.push(&log, XID, Lsn(number.into()), &message).unwrap();
                        want.push(u64::from(number));
                    }
                }
            }
            proptest::prop_assert_eq!(numbers(spool), want);
        }
    }

    #[test]
    fn a_part_within_one_that_sent_nothing_before_is_taken_back_alone() {
        let log = Log::memory(Arc::new(ManualClock::new(Timestamp(0))));
        let mut spool = Spool::default();
        for (xid, number) in [(XID, 0), (9, 1), (8, 2), (XID, 3)] {
            let message = insert(xid, number, 300_000);
            spool.push(&log, XID, Lsn(number.into()), &message).unwrap();
        }
        spool.take_back(10);
        let mut taken_back = spool;
        taken_back.take_back(8);
        taken_back.take_back(9);
        assert_eq!(numbers(taken_back), [0]);
    }
}
