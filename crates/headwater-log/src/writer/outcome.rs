//! What becomes of requests, and telling whoever waits for them.

use std::sync::Arc;

use crate::commit::Receipt;
use crate::error::{Error, Result};
use crate::pending::{Slot, Waiter};

/// Requests that are over.
pub(super) type Outcomes = Vec<(Arc<Slot>, Result<Receipt>)>;

/// Hands out the outcomes, then wakes whoever waits.
pub(super) fn tell(outcomes: Outcomes) {
    let waiters: Vec<Waiter> = outcomes
        .into_iter()
        .filter_map(|(slot, result)| slot.complete(result))
        .collect();
    waiters.into_iter().for_each(Waiter::wake);
}

/// The outcomes of a group that could not be written: what was refused stays so, all else has `error`.
pub(super) fn failed(outcomes: Outcomes, error: &Error) -> Outcomes {
    let again = |result: Result<Receipt>| {
        result.and_then(|_| {
            let mut same = Error::new(error.kind(), error.to_string());
            if let Some(hint) = error.hint() {
                same = same.with_hint(hint);
            }
            Err(same)
        })
    };
    let outcomes = outcomes.into_iter();
    outcomes
        .map(|(slot, result)| (slot, again(result)))
        .collect()
}
