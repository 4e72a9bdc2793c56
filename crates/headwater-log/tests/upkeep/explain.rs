//! What was unknown when the power went is found out: commits are there whole or not at all, in the order of asking.

use std::collections::BTreeMap;

use bytes::Bytes;
use headwater_log::{CommitNumber, Offset, Receipt, TopicPartition};

use super::asked::{Asked, Wish};
use super::shelf::Row;
use super::world::World;

impl World {
    /// What was unknown is found out.
    pub(super) fn explain(&mut self) {
        self.explain_topics();
        let mut found: BTreeMap<u64, Vec<(TopicPartition, Row)>> = BTreeMap::new();
        for shelf in &self.shelves {
            let rows = shelf.scan(self.log()).into_iter();
            for row in rows.filter(|row| row.offset >= shelf.end) {
                let of = shelf.of.clone();
                found.entry(row.commit).or_default().push((of, row));
            }
        }
        let unknown = std::mem::take(&mut self.unknown);
        let mut next = 0;
        for (number, rows) in found {
            let is_it = |asked: &Asked| asked.id == rows[0].1.id;
            let at = unknown.iter().position(is_it);
            let at = at.unwrap_or_else(|| panic!("nobody asked for commit {number}"));
            assert!(at >= next, "commits changed places");
            next = at + 1;
            self.explain_commit(number, &rows, &unknown[at]);
        }
        let without_records = unknown.into_iter().filter(|a| a.wishes.is_empty());
        let positions: Vec<Option<Bytes>> = without_records.map(|a| a.position).collect();
        let position = self.log().position("owner");
        if position != self.position {
            assert!(
                positions.contains(&position),
                "{position:?} is the position"
            );
            self.position = position;
        }
        self.explain_pins();
    }

    /// A commit that was found is the one that was asked for, and whole.
    pub(super) fn explain_commit(
        &mut self,
        number: u64,
        rows: &[(TopicPartition, Row)],
        asked: &Asked,
    ) {
        let wish = |(to, row): &(TopicPartition, Row)| Wish {
            to: to.clone(),
            key: row.key.clone(),
            value: row.value.clone(),
        };
        let there: Vec<Wish> = rows.iter().map(wish).collect();
        assert_eq!(there, asked.wishes, "commit {number} is not whole");
        let parts = rows.chunk_by(|a, b| a.0 == b.0);
        let receipt = Receipt {
            number: CommitNumber(number),
            offsets: parts.map(|part| Offset(part[0].1.offset)).collect(),
            versions: Vec::new(),
        };
        self.accept(asked, &receipt);
        // Before it something may have gone with which its versions were counted.
        self.forget_versions(asked.id - 1);
    }

    pub(super) fn explain_topics(&mut self) {
        let there = self.log().topics();
        let passing = std::mem::take(&mut self.passing);
        self.shelves.retain(|shelf| {
            let is_there = there.iter().any(|t| t.name == shelf.of.topic);
            assert!(
                is_there || passing.contains(&shelf.of.topic),
                "{} is gone",
                shelf.of
            );
            is_there
        });
        for topic in there {
            if !self.shelves.iter().any(|s| s.of.topic == topic.name) {
                assert!(passing.contains(&topic.name), "{} came back", topic.name);
                self.add_shelves(&topic.name, &topic.config);
            }
        }
    }

    pub(super) fn explain_pins(&mut self) {
        let pins = self.log().pins();
        let pinning = self.pinning.take();
        for shelf in &mut self.shelves {
            let pin = pins.iter().find(|pin| pin.of == shelf.of);
            let pin = pin.map(|pin| pin.offset.0);
            let wished = pinning
                .as_ref()
                .filter(|p| p.1.is_none() || p.0 == shelf.of);
            assert!(
                pin == shelf.pin || wished.is_some_and(|wished| wished.1 == pin),
                "{:?} became {pin:?}",
                shelf.pin
            );
            shelf.pin = pin;
        }
    }
}
