//! The list of cases, and what they share.

use crate::error::Conflict;
use crate::event::{NewEvent, Recorded};
use crate::store::{Appended, Expected, ReadStream, Store};
use crate::task::block_on;
use crate::{Error, Result};

use super::{appending, conditions, lifecycle, once, reading, subscribing};

/// A case: what must be, and what tries it.
pub(super) type Case = (&'static str, fn(Store));

/// Tries every case on a store that `make` has made for it, and that is empty.
///
/// # Panics
/// If the store breaks a law; the name of the case is printed.
pub fn run(make: impl Fn() -> Store) {
    let cases: Vec<Case> = [
        appending::CASES,
        conditions::CASES,
        once::CASES,
        reading::CASES,
        subscribing::CASES,
        lifecycle::CASES,
    ]
    .concat();
    for (name, case) in cases {
        let _named = Named(name);
        case(make());
    }
}

struct Named(&'static str);

impl Drop for Named {
    #[expect(clippy::print_stderr, reason = "names the case that failed")]
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("contract case: {}", self.0);
        }
    }
}

pub(super) fn event(kind: &str) -> NewEvent {
    NewEvent::new(kind, format!(r#"{{"of":{kind:?}}}"#))
}

/// Events `e0`, `e1`, ….
pub(super) fn events(count: usize) -> Vec<NewEvent> {
    (0..count).map(|i| event(&format!("e{i}"))).collect()
}

pub(super) fn append(
    store: &Store,
    stream: &str,
    expected: Expected,
    events: impl IntoIterator<Item = NewEvent>,
) -> Result<Appended> {
    block_on(store.append_to(stream, expected, events))
}

pub(super) fn read(store: &Store, read: ReadStream) -> Vec<Recorded> {
    block_on(store.read(read)).unwrap()
}

pub(super) fn kinds(events: &[Recorded]) -> Vec<&str> {
    events.iter().map(|e| e.kind.as_str()).collect()
}

pub(super) fn conflict(error: Error) -> Conflict {
    error
        .conflict()
        .cloned()
        .unwrap_or_else(|| panic!("no conflict: {error}"))
}
