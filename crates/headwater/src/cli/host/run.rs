//! The statements of a file, after a look at all of them, until everything that they start has ended.

use std::path::Path;

use headwater::Headwater;
use headwater_sql::Planned;

use super::jobs::Jobs;
use super::kept::Kept;
use super::printed;
use crate::cli::check::{Checked, Checker};
use crate::cli::exit::Outcome;
use crate::cli::request::Replies;

/// Runs a file. Nothing is started if a statement is wrong.
pub(super) fn run(headwater: &Headwater, file: &str, text: &str, replies: Replies<'_>) -> Outcome {
    let checked = Checker::new(Some(headwater.log()))?.check(Path::new(file), text)?;
    let (target, printed) = printed::pipe();
    let headwater = headwater.printing_to(target);
    let kept = Kept::now(headwater.log());
    let mut jobs = Jobs::new(&headwater, Some(printed));
    let outcome = statements(&headwater, &checked, &mut jobs, replies);
    if outcome.is_err() {
        jobs.stop();
    }
    let finished = jobs.finish(replies);
    kept.tell_since(headwater.log(), replies)?;
    outcome.and(finished)
}

fn statements(
    headwater: &Headwater,
    checked: &[Checked],
    jobs: &mut Jobs<'_>,
    replies: Replies<'_>,
) -> Outcome {
    for statement in checked {
        if matches!(statement.planned, Planned::Query(_)) {
            jobs.wait_for_bounded(replies)?;
        }
        headwater.sql_with(&statement.text, |answer| jobs.take(answer, replies))?;
    }
    Ok(())
}
