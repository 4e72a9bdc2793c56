//! Which rows of a range that was read are older than what the stream has said of them.
//!
//! A range is read with a snapshot and put into the topic when the stream has reached everything that the snapshot sees. A row of
//! it that the stream has touched is left out: the stream knows better. It has to be known only of transactions that the
//! snapshot does **not** see; what one snapshot sees all later ones see too, so that a touched key is forgotten when the
//! readings that may have begun before such a snapshot are done. What is remembered stays as small as what happens during
//! a few readings.

use std::collections::{BTreeSet, HashMap};

use bytes::Bytes;

use super::assembly::MarkOf;
use super::server::{Server, Snapshot, TableIndex};

/// The number of a reading, in the order in which they were handed out.
pub(crate) type ReadingNumber = u64;

#[derive(Debug)]
struct Touch<M> {
    mark: M,
    /// Whether what the stream said lacks a large value, which readings that see the transaction have.
    lacks: bool,
    /// Readings that are handed out from this one on see it.
    seen_from: Option<ReadingNumber>,
}

/// The keys that streamed transactions have touched and that a reading may not know of.
#[derive(Debug)]
pub(super) struct Touched<S: Server> {
    keys: HashMap<(TableIndex, Bytes), Touch<MarkOf<S>>>,
    /// Tables that were truncated.
    truncated: HashMap<TableIndex, Touch<MarkOf<S>>>,
    next: ReadingNumber,
    outstanding: BTreeSet<ReadingNumber>,
}

impl<S: Server> Default for Touched<S> {
    fn default() -> Self {
        Self {
            keys: HashMap::new(),
            truncated: HashMap::new(),
            next: 0,
            outstanding: BTreeSet::new(),
        }
    }
}

impl<S: Server> Touched<S> {
    /// A transaction of the stream has touched a row; `lacks`: without saying all of it.
    pub(super) fn touch(&mut self, table: TableIndex, key: Bytes, mark: MarkOf<S>, lacks: bool) {
        let touch = Touch {
            lacks,
            ..Touch::by(mark)
        };
        self.keys.insert((table, key), touch);
    }

    /// A transaction of the stream has emptied a table.
    pub(super) fn truncate(&mut self, table: TableIndex, mark: MarkOf<S>) {
        self.truncated.insert(table, Touch::by(mark));
    }

    /// A reading begins.
    pub(super) fn hand_out(&mut self) -> ReadingNumber {
        let number = self.next;
        self.outstanding.insert(number);
        self.next += 1;
        number
    }

    /// Whether a row that was read with this snapshot is still the newest.
    pub(super) fn is_newest(&self, table: TableIndex, key: &[u8], snapshot: &S::Snapshot) -> bool {
        let truncation = self.truncated.get(&table);
        let touch = match self.keys.is_empty() {
            true => None,
            false => self.keys.get(&(table, Bytes::copy_from_slice(key))),
        };
        truncation.is_none_or(|t| snapshot.sees(&t.mark))
            && touch.is_none_or(|t| t.lacks && snapshot.sees(&t.mark))
    }

    /// A reading with this snapshot is done.
    pub(super) fn done(&mut self, number: ReadingNumber, snapshot: &S::Snapshot) {
        self.outstanding.remove(&number);
        let (next, oldest) = (self.next, self.outstanding.first().copied());
        let keep = |touch: &mut Touch<MarkOf<S>>| {
            if touch.seen_from.is_none() && snapshot.sees(&touch.mark) {
                touch.seen_from = Some(next);
            }
            touch
                .seen_from
                .is_none_or(|from| oldest.is_some_and(|oldest| oldest < from))
        };
        self.keys.retain(|_, touch| keep(touch));
        self.truncated.retain(|_, touch| keep(touch));
    }

    /// Nothing is read any more.
    pub(super) fn clear(&mut self) {
        *self = Self {
            next: self.next,
            ..Self::default()
        };
    }
}

impl<M> Touch<M> {
    fn by(mark: M) -> Self {
        Self {
            mark,
            lacks: false,
            seen_from: None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::postgres::{self, PostgreSql};

    fn snapshot(text: &str) -> postgres::Snapshot {
        text.parse().unwrap()
    }

    #[test]
    fn a_row_is_left_out_if_the_stream_knows_better() {
        let mut touched = Touched::<PostgreSql>::default();
        let key = |k: &'static str| Bytes::from_static(k.as_bytes());
        let number = touched.hand_out();
        touched.touch(0, key("a"), 10, false);
        touched.touch(0, key("b"), 12, false);
        let read = snapshot("11:12:");
        assert!(!touched.is_newest(0, &key("a"), &read));
        assert!(!touched.is_newest(0, &key("b"), &read));
        assert!(touched.is_newest(0, &key("c"), &read));
        assert!(touched.is_newest(1, &key("b"), &read));
        touched.truncate(1, 12);
        assert!(!touched.is_newest(1, &key("b"), &read));
        touched.done(number, &read);
        assert_eq!(touched.keys.len(), 1);
    }

    #[test]
    fn a_row_that_the_stream_has_not_said_whole_is_taken_from_who_sees_the_change() {
        let mut touched = Touched::<PostgreSql>::default();
        touched.touch(0, Bytes::new(), 10, true);
        assert!(!touched.is_newest(0, &Bytes::new(), &snapshot("10:10:")));
        assert!(touched.is_newest(0, &Bytes::new(), &snapshot("11:11:")));
        touched.touch(0, Bytes::new(), 10, false);
        assert!(!touched.is_newest(0, &Bytes::new(), &snapshot("11:11:")));
    }

    #[test]
    fn a_key_is_kept_for_readings_that_began_before_it_was_seen() {
        let mut touched = Touched::<PostgreSql>::default();
        let (first, second) = (touched.hand_out(), touched.hand_out());
        touched.touch(0, Bytes::new(), 10, false);
        // The second one sees it; the first one may have begun before.
        touched.done(second, &snapshot("11:11:"));
        assert!(!touched.is_newest(0, &Bytes::new(), &snapshot("9:9:")));
        touched.done(first, &snapshot("9:9:"));
        assert!(touched.keys.is_empty());
    }
}
