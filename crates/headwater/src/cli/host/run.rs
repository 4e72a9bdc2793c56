//! The statements of a file, after a look at all of them, until everything that they start has ended.

use std::path::Path;

use headwater::{Checked, Headwater};
use headwater_sql::Planned;

use super::jobs::Jobs;
use super::kept::Kept;
use super::printed;
use crate::cli::check::in_file;
use crate::cli::exit::Outcome;
use crate::cli::request::Replies;

/// Runs a file. Nothing is started if a statement is wrong.
pub(super) fn run(headwater: &Headwater, file: &str, text: &str, replies: Replies<'_>) -> Outcome {
    let checked = headwater.checker().check(text);
    let checked = checked.map_err(|e| in_file(Path::new(file), e))?;
    headwater.check_state(&checked)?;
    let (target, printed) = printed::pipe();
    let headwater = headwater.printing_to(target);
    let kept = Kept::now(headwater.log());
    let mut jobs = Jobs::new(&headwater, Some(printed));
    let outcome = statements(&headwater, text, &checked, &mut jobs, replies);
    if outcome.is_err() {
        jobs.stop();
    }
    let finished = jobs.finish(replies);
    kept.tell_since(headwater.log(), replies)?;
    outcome.and(finished)
}

fn statements(
    headwater: &Headwater,
    text: &str,
    checked: &[Checked],
    jobs: &mut Jobs<'_>,
    replies: Replies<'_>,
) -> Outcome {
    let mut script = headwater.script(text)?;
    for statement in checked {
        if matches!(&statement.planned, Planned::Query(q) if q.emit.is_none()) {
            jobs.wait_for_bounded(replies)?;
        }
        while let Some(answer) = script.next() {
            jobs.take(answer?, replies)?;
            if !script.has_more_answers() {
                break;
            }
        }
    }
    Ok(())
}
