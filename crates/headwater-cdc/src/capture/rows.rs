//! [`Rows`]: what a reading found, kept until the stream has reached it.

use std::sync::{Arc, Mutex, PoisonError, Weak};

/// Readings whose memory is kept for later ones.
const KEPT_MAX: usize = 8;

/// Memory for rows, which is used again: a reading takes megabytes, and fresh memory costs more than to write rows into it.
#[derive(Debug, Default)]
pub(crate) struct Room(Arc<Mutex<Vec<Memory>>>);

impl Room {
    /// No rows yet.
    pub(crate) fn rows(&self) -> Rows {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        Rows {
            memory: kept.pop().unwrap_or_default(),
            key_end: 0,
            home: Arc::downgrade(&self.0),
        }
    }
}

#[derive(Debug, Default)]
struct Memory {
    bytes: Vec<u8>,
    /// Where each key ends, and its row; the next key begins there.
    ends: Vec<(usize, usize)>,
}

/// Keys and rows, one behind the other in one piece of memory: a reading has tens of thousands of them, and several readings wait.
#[derive(Debug, Default)]
pub(crate) struct Rows {
    memory: Memory,
    /// Where the key ends whose row is being written.
    key_end: usize,
    /// Where its memory goes.
    home: Weak<Mutex<Vec<Memory>>>,
}

impl Rows {
    /// Adds a row.
    pub(crate) fn push(&mut self, key: &[u8], row: &[u8]) {
        self.memory.bytes.extend_from_slice(key);
        self.end_key();
        self.memory.bytes.extend_from_slice(row);
        self.end_row();
    }

    /// Where a key is written, and then its row.
    pub(crate) fn out(&mut self) -> &mut Vec<u8> {
        &mut self.memory.bytes
    }

    /// A key was written.
    pub(crate) fn end_key(&mut self) {
        self.key_end = self.memory.bytes.len();
    }

    /// A row was written.
    pub(crate) fn end_row(&mut self) {
        let end = self.memory.bytes.len();
        self.memory.ends.push((self.key_end, end));
    }

    /// How many bytes all of them have.
    pub(crate) fn bytes(&self) -> usize {
        self.memory.bytes.len()
    }

    /// Keys and rows.
    pub(crate) fn iter(&self) -> impl ExactSizeIterator<Item = (&[u8], &[u8])> {
        let Memory { bytes, ends } = &self.memory;
        let mut start = 0;
        ends.iter().map(move |(key_end, end)| {
            let pair = (&bytes[start..*key_end], &bytes[*key_end..*end]);
            start = *end;
            pair
        })
    }
}

impl Drop for Rows {
    fn drop(&mut self) {
        let Some(home) = self.home.upgrade() else {
            return;
        };
        let mut memory = std::mem::take(&mut self.memory);
        memory.bytes.clear();
        memory.ends.clear();
        let mut kept = home.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.len() < KEPT_MAX {
            kept.push(memory);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_come_out_as_they_were_put_in() {
        let mut rows = Rows::default();
        rows.push(b"a", b"first");
        rows.end_key();
        rows.out().extend_from_slice(b"second");
        rows.end_row();
        rows.push(b"c", b"");
        let all: Vec<(&[u8], &[u8])> = rows.iter().collect();
        assert_eq!(
            all,
            [(&b"a"[..], &b"first"[..]), (b"", b"second"), (b"c", b"")]
        );
    }

    #[test]
    fn memory_is_used_again_without_what_was_in_it() {
        let room = Room::default();
        let mut rows = room.rows();
        rows.push(b"a", b"first");
        let place = rows.memory.bytes.as_ptr();
        drop(rows);
        let rows = room.rows();
        assert_eq!(rows.memory.bytes.as_ptr(), place);
        assert_eq!((rows.bytes(), rows.iter().len()), (0, 0));
    }
}
