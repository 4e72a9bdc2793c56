//! Saved states are a cache.

use std::sync::Arc;

use headwater_events::{MemorySnapshots, Store, Version, block_on};
use headwater_log::Log;

use super::account::*;
use crate::support::{clock, store};

fn with_memory() -> (Store, Arc<MemorySnapshots>) {
    let snapshots = Arc::new(MemorySnapshots::default());
    (store().with_snapshots(snapshots.clone()), snapshots)
}

fn deposit(store: &Store, times: usize) {
    for _ in 0..times {
        block_on(store.execute("7", Deposit(1)).into_future()).unwrap();
    }
}

fn saved(store: &MemorySnapshots) -> Option<headwater_events::Snapshot> {
    use headwater_events::Snapshots;
    block_on(store.get("account-7")).unwrap()
}

#[test]
fn a_state_is_saved_and_only_later_events_are_read() {
    let (store, snapshots) = with_memory();
    deposit(&store, 25);
    let snapshot = saved(&snapshots).expect("25 events are enough");
    assert_eq!(snapshot.version, Some(Version(19)));
    assert_eq!(balance(&store, "7"), 25);
    // What it says is believed, so it was used.
    use headwater_events::Snapshots;
    let state = br#"{"balance":1000}"#;
    let wrong = headwater_events::Snapshot {
        state: state[..].into(),
        ..snapshot
    };
    snapshots.put("account-7", wrong);
    assert_eq!(balance(&store, "7"), 1005);
}

#[test]
fn a_snapshot_of_another_schema_or_that_cannot_be_read_is_left_alone() {
    use headwater_events::Snapshots;
    let (store, snapshots) = with_memory();
    deposit(&store, 25);
    let good = saved(&snapshots).unwrap();
    let other = headwater_events::Snapshot {
        schema: 2,
        state: br#"{"balance":9}"#[..].into(),
        ..good.clone()
    };
    let broken = headwater_events::Snapshot {
        state: br#"{"balance":"#[..].into(),
        ..good
    };
    for bad in [other, broken] {
        snapshots.put("account-7", bad);
        assert_eq!(balance(&store, "7"), 25);
    }
}

#[test]
fn states_saved_in_the_log_are_there_after_a_restart() {
    let dir = tempfile::tempdir().unwrap();
    let log = || Log::open_dir(dir.path(), clock(), Default::default()).unwrap();
    let first = log();
    let store = Store::on_log(first.clone(), "events").unwrap();
    deposit(&store, 25);
    drop((store, first));
    let second = log();
    assert!(second.topic("events$snapshots").unwrap().config.internal);
    let store = Store::on_log(second.clone(), "events").unwrap();
    let snapshots = headwater_events::LogSnapshots::new(second, "events$snapshots");
    use headwater_events::Snapshots;
    let saved = block_on(snapshots.get("account-7")).unwrap().unwrap();
    assert_eq!((saved.schema, saved.version), (1, Some(Version(19))));
    assert_eq!(balance(&store, "7"), 25);
}
