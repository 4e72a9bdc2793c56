//! [`Rows`]: what a reading found, kept until the stream has reached it.

use bytes::Bytes;

use super::server::RowPair;

/// Keys and rows, one behind the other in one piece of memory: a reading has tens of thousands of them, and several readings wait.
#[derive(Debug, Default)]
pub(crate) struct Rows {
    bytes: Vec<u8>,
    /// Where each key ends, and its row; the next key begins there.
    ends: Vec<(usize, usize)>,
    /// Where the key ends whose row is being written.
    key_end: usize,
}

impl Rows {
    /// Adds a row.
    pub(crate) fn push(&mut self, (key, row): &RowPair) {
        self.bytes.extend_from_slice(key);
        self.end_key();
        self.bytes.extend_from_slice(row);
        self.end_row();
    }

    /// Where a key is written, and then its row.
    pub(crate) fn out(&mut self) -> &mut Vec<u8> {
        &mut self.bytes
    }

    /// A key was written.
    pub(crate) fn end_key(&mut self) {
        self.key_end = self.bytes.len();
    }

    /// A row was written.
    pub(crate) fn end_row(&mut self) {
        self.ends.push((self.key_end, self.bytes.len()));
    }

    /// How many there are.
    pub(crate) fn len(&self) -> usize {
        self.ends.len()
    }

    /// Keys and rows, which share their memory.
    pub(crate) fn into_pairs(mut self) -> impl ExactSizeIterator<Item = RowPair> {
        // What is too much of it would be held for as long as the last of them.
        self.bytes.shrink_to_fit();
        let bytes = Bytes::from(self.bytes);
        let mut start = 0;
        self.ends.into_iter().map(move |(key_end, end)| {
            let pair = (bytes.slice(start..key_end), bytes.slice(key_end..end));
            start = end;
            pair
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_come_out_as_they_were_put_in() {
        let pair = |key: &'static str, row: &'static str| (Bytes::from(key), Bytes::from(row));
        let mut rows = Rows::default();
        rows.push(&pair("a", "first"));
        rows.end_key();
        rows.out().extend_from_slice(b"second");
        rows.end_row();
        rows.push(&pair("c", ""));
        assert_eq!(rows.len(), 3);
        let all: Vec<RowPair> = rows.into_pairs().collect();
        assert_eq!(all, [pair("a", "first"), pair("", "second"), pair("c", "")]);
    }
}
