//! SQL, and the names that a shell completes.

use std::collections::BTreeSet;
use std::sync::Arc;

use arrow::array::StringArray;
use headwater::Headwater;

use super::jobs::Jobs;
use super::topics::rows;
use crate::cli::exit::Outcome;
use crate::cli::request::Replies;

/// Runs statements and hands on what they answer; waits, if that is wanted, for each job that ends by nature.
pub(super) fn run(headwater: &Headwater, text: &str, waits: bool, replies: Replies<'_>) -> Outcome {
    let mut jobs = Jobs::new(headwater, None);
    for answer in headwater.script(text)? {
        jobs.take(answer?, replies)?;
        if waits {
            jobs.wait_for_bounded(replies)?;
        }
    }
    Ok(())
}

/// Tables, views and their columns, and topics.
pub(super) fn names(headwater: &Headwater, replies: Replies<'_>) -> Outcome {
    let mut names = BTreeSet::new();
    for (name, columns) in headwater.names() {
        names.insert(name);
        names.extend(columns);
    }
    let topics = headwater.log().topics().into_iter();
    names.extend(topics.filter(|t| !t.config.internal).map(|t| t.name));
    rows(
        vec![("name", Arc::new(StringArray::from_iter_values(names)))],
        replies,
    )
}
