//! Rebuilds that somebody asks for.

use headwater_events::{
    ErrorKind, ProjectionId, ReadStream, Rebuilding, Store, Turn, ask_for_rebuild, block_on,
};

use crate::projections::{Calls, add, projector, recording};
use crate::support::store;

#[test]
fn a_rebuild_that_is_asked_for_is_made_beside_the_running_version() {
    let (store, calls) = (store(), Calls::default());
    add(&store, "a", 10);
    let seen = calls.clone();
    let make = |store: &Store| {
        let (store, seen) = (store.clone(), seen.clone());
        move |id: &ProjectionId| Ok(projector(&store, id, recording(&seen)).batch(3))
    };
    let mut running = block_on(Rebuilding::open(&store, "list", make(&store))).unwrap();
    let unknown = block_on(ask_for_rebuild(&store, "other")).unwrap_err();
    assert_eq!(unknown.kind(), ErrorKind::NotFound);
    while block_on(running.turn()).unwrap() == Turn::More {}
    assert_eq!(calls.lock().unwrap().len(), 10);
    for _ in 0..2 {
        assert_eq!(block_on(ask_for_rebuild(&store, "list")).unwrap(), 2);
    }
    // The request wakes whoever waits, and events that come meanwhile have their effects once.
    block_on(running.wait()).unwrap();
    block_on(running.turn()).unwrap();
    add(&store, "a", 2);
    while block_on(running.turn()).unwrap() == Turn::More {}
    add(&store, "a", 1);
    while block_on(running.turn()).unwrap() == Turn::More {}
    let status = running.progress().status();
    assert_eq!((status.id.version, status.live, status.lag()), (2, true, 0));
    let calls = calls.lock().unwrap();
    let mut live: Vec<u64> = calls.iter().filter(|c| c.1).map(|c| c.0).collect();
    live.sort();
    let events = block_on(store.read(ReadStream::of("s"))).unwrap();
    let places: Vec<u64> = events.iter().map(|e| e.position.0).collect();
    assert_eq!((live, places.len()), (places, 13));
    drop(running);

    // After a restart it goes on with what is live.
    let again = block_on(Rebuilding::open(&store, "list", make(&store))).unwrap();
    assert_eq!(again.progress().status().id.version, 2);
    assert_eq!(block_on(ask_for_rebuild(&store, "list")).unwrap(), 3);
}
