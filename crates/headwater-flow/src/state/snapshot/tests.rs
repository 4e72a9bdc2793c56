//! What is saved comes back, or is refused.

use super::*;
use crate::state::{KeyTable, Paged};

#[derive(Default)]
struct Counts {
    keys: Option<KeyTable>,
    counts: Paged<i64>,
}

impl Counts {
    fn add(&mut self, key: &str) {
        let keys = self.keys.get_or_insert_with(|| KeyTable::new(None));
        let slot = keys.intern(key.as_bytes());
        self.counts.grow(keys.slots());
        *self.counts.get_mut(slot) += 1;
    }

    fn visit(&mut self, visitor: &mut StateVisitor<'_>) -> Result<()> {
        let keys = self.keys.get_or_insert_with(|| KeyTable::new(None));
        visitor.scope("count", |v| {
            v.column("keys", keys)?;
            v.column("counts", &mut self.counts)
        })
    }
}

#[test]
fn later_snapshots_lie_over_earlier_ones() {
    let mut counts = Counts::default();
    let mut saved = SavedState::default();
    for round in 0..3 {
        for i in 0..5000 * (round + 1) {
            counts.add(&format!("key {i}"));
        }
        let frozen = FrozenState::freeze(false, |v| counts.visit(v)).expect("freezes");
        let bytes = frozen.encode().expect("encodes");
        saved.overlay(&bytes).expect("decodes");
    }
    let mut restored = Counts::default();
    saved.restore(|v| restored.visit(v)).expect("restores");
    let keys = restored.keys.as_ref().expect("restored");
    assert_eq!(keys.len(), 15_000);
    let slot = keys.find(b"key 7").expect("is there");
    assert_eq!(*restored.counts.get(slot), 3);
}

#[test]
fn state_of_another_layout_is_refused_with_its_column() {
    let mut counts = Counts::default();
    counts.add("a");
    let frozen = FrozenState::freeze(true, |v| counts.visit(v)).expect("freezes");
    let mut saved = SavedState::default();
    let bytes = frozen.encode().expect("encodes");
    saved.overlay(&bytes).expect("decodes");
    let refused = |name: &str, counts: &mut dyn StateColumn| {
        let mut keys = KeyTable::new(None);
        let restored = saved.restore(|v| {
            v.scope("count", |v| {
                v.column("keys", &mut keys)?;
                v.column(name, counts)
            })
        });
        let error = restored.expect_err("another layout");
        assert_eq!(error.kind(), ErrorKind::Corrupt);
        assert!(error.hint().is_some());
        error.to_string()
    };
    let retyped = refused("counts", &mut Paged::<f64>::new());
    let renamed = refused("numbers", &mut Paged::<i64>::new());
    assert!(
        retyped.contains("counts': a snapshot column is Int64, not f64"),
        "{retyped}"
    );
    assert!(renamed.contains("counts' is unknown"), "{renamed}");
}

#[test]
fn damaged_bytes_are_an_error() {
    let mut counts = Counts::default();
    counts.add("a");
    let frozen = FrozenState::freeze(true, |v| counts.visit(v)).expect("freezes");
    let bytes = frozen.encode().expect("encodes");
    for len in 0..bytes.len() {
        let mut saved = SavedState::default();
        if let Err(error) = saved.overlay(&bytes[..len]) {
            assert_eq!(error.kind(), ErrorKind::Corrupt);
        }
    }
}
