//! What becomes of requests, and telling whoever waits for them.

use crate::commit::Receipt;
use crate::error::{Error, Result};
use crate::pending::{Promise, Waiter};

/// Requests that are over.
pub(super) type Outcomes = Vec<(Promise, Result<Receipt>)>;

/// Hands out the outcomes, then wakes whoever waits.
pub(super) fn tell(outcomes: Outcomes) {
    let waiters: Vec<Waiter> = outcomes
        .into_iter()
        .filter_map(|(promise, result)| promise.keep(result))
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
        .map(|(promise, result)| (promise, again(result)))
        .collect()
}
