//! SQL, and the names that a shell completes.

use std::collections::BTreeSet;
use std::sync::Arc;

use arrow::array::StringArray;
use headwater::{Answer, Headwater};

use super::topics::rows;
use crate::cli::exit::Outcome;
use crate::cli::request::{Replies, Reply};

/// Runs statements and hands on what they answer.
pub(super) fn run(headwater: &Headwater, text: &str, replies: Replies<'_>) -> Outcome {
    for answer in headwater.sql(text)? {
        match answer {
            Answer::Done(what) => replies(Reply::Note(what))?,
            Answer::Rows(schema, batches) => {
                replies(Reply::Begin {
                    schema,
                    is_stream: false,
                })?;
                batches
                    .into_iter()
                    .try_for_each(|batch| replies(Reply::Rows(batch)))?;
                replies(Reply::End)?;
            }
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
