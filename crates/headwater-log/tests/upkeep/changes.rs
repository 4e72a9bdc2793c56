//! Changes of the metadata that are made at random: trims, pins, topics that come and go.

use headwater_log::{Cleanup, ErrorKind, Offset, TopicPartition};
use rand::Rng;
use rand::rngs::StdRng;

use super::world::{World, kept};

/// Topics that come and go, at most at a time.
const PASSING_MAX: usize = 2;

impl World {
    pub(super) fn trim(&mut self, rng: &mut StdRng) {
        self.look_if_due();
        let at = rng.random_range(0..self.shelves.len());
        let shelf = &mut self.shelves[at];
        let before = rng.random_range(shelf.start..=shelf.end);
        shelf.trim = shelf.trim.max(before);
        let of = shelf.of.clone();
        self.tolerate(|log| log.trim(&of, Offset(before)).map(drop));
        self.look();
    }

    pub(super) fn pin(&mut self, rng: &mut StdRng) {
        self.look();
        let at = rng.random_range(0..self.shelves.len());
        let shelf = &mut self.shelves[at];
        let (of, offset) = (shelf.of.clone(), rng.random_range(shelf.start..=shelf.end));
        match self
            .log
            .as_ref()
            .unwrap()
            .pin("reader", &of, Offset(offset))
        {
            Ok(()) => shelf.pin = Some(offset),
            Err(e) if e.kind() == ErrorKind::Unavailable => {}
            Err(_) => self.pinning = Some((of, Some(offset))),
        }
    }

    pub(super) fn unpin(&mut self) {
        self.look();
        match self.log().unpin("reader") {
            Ok(()) => self.shelves.iter_mut().for_each(|s| s.pin = None),
            Err(e) if e.kind() == ErrorKind::Unavailable => {}
            Err(_) => self.pinning = Some((TopicPartition::new("", 0), None)),
        }
    }

    /// Sees to it that there is a topic that can be deleted, with records that the newest checkpoint names.
    pub(super) fn fill_passing(&mut self, rng: &mut StdRng) {
        self.create(rng);
        (0..6).for_each(|_| self.commit_together(rng));
        self.log().checkpoint().unwrap();
    }

    pub(super) fn create(&mut self, rng: &mut StdRng) {
        let passing = self.shelves.iter().filter(|s| is_passing(&s.of.topic));
        if passing.count() >= PASSING_MAX {
            return;
        }
        self.asked += 1;
        let name = format!("passing{}", self.asked);
        let config = kept(rng.random_bool(0.5), Cleanup::default());
        match self.log().create_topic(&name, config.clone()) {
            Ok(()) => self.add_shelves(&name, &config),
            Err(e) if e.kind() == ErrorKind::Closed => drop(self.passing.insert(name)),
            Err(e) => assert_eq!(e.kind(), ErrorKind::Unavailable, "{e}"),
        }
    }

    pub(super) fn delete(&mut self, rng: &mut StdRng) {
        let passing = self.shelves.iter().filter(|s| is_passing(&s.of.topic));
        let names: Vec<String> = passing.map(|s| s.of.topic.clone()).collect();
        if names.is_empty() {
            return;
        }
        let name = &names[rng.random_range(0..names.len())];
        match self.log().delete_topic(name) {
            Ok(()) => self.shelves.retain(|s| s.of.topic != *name),
            Err(e) if e.kind() == ErrorKind::Closed => drop(self.passing.insert(name.clone())),
            Err(e) => assert_eq!(e.kind(), ErrorKind::Unavailable, "{e}"),
        }
    }
}

fn is_passing(topic: &str) -> bool {
    topic.starts_with("passing")
}
