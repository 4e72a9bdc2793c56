//! Whoever writes and then asks is answered with what came of the writing: a query waits until the views that it reads
//! have taken in what this process was given before.

use std::collections::BTreeSet;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use headwater_connect::topic_name;
use headwater_flow::driver::{Control, errors_topic, late_topic};
use headwater_flow::plan::TableDef;
use headwater_log::Receipt;
use headwater_sql::PlannedQuery;

use super::start::Prepared;
use super::{Answer, Headwater};

/// The connector of tables over topics.
pub(super) const TOPIC: &str = "topic";
/// A view that takes longer to catch up is shown as it is, with a warning.
const PATIENCE: Duration = Duration::from_secs(5);
/// How often it is looked whether views have caught up.
const NAP: Duration = Duration::from_millis(1);

impl Headwater {
    /// Remembers a commit, made by way of [`log`](Self::log), that later queries are to show the consequences of.
    pub fn note_written(&self, receipt: &Receipt) {
        let number = receipt.number.0;
        self.0.written.fetch_max(number, Ordering::SeqCst);
    }

    /// Waits until the pipelines whose topics a query reads, by whatever way, have taken in what was written. If that
    /// takes too long, the warning that the answer lacks some of it.
    pub(super) fn wait_for_written(&self, query: &PlannedQuery) -> Option<Answer> {
        let written = self.0.written.load(Ordering::SeqCst);
        if written == 0 || self.0.running.by_hand {
            return None;
        }
        let tables = query.tables();
        let read = topics(tables.iter().map(|t| &**t));
        let pipelines = self.0.jobs.upstream(read);
        let until = Instant::now() + PATIENCE;
        let mut goal = written;
        // What comes of a commit is a commit that the next pipeline takes in.
        for _ in 0..pipelines.len() {
            if !wait(&pipelines, goal, until) {
                let text = format!(
                    "the views have not taken in all that was written up to commit {written}: ask again in a while"
                );
                return Some(Answer::Warning(text));
            }
            goal = self.log().last_commit().0;
        }
        None
    }
}

/// Whether all have caught up in time.
fn wait(pipelines: &[Control], goal: u64, until: Instant) -> bool {
    while !pipelines.iter().all(|p| p.has_caught_up(goal)) {
        if Instant::now() > until {
            return false;
        }
        std::thread::sleep(NAP);
    }
    true
}

/// The topics that a pipeline writes: those of its outputs, and those that keep what does not decode or comes too late.
pub(super) fn written_topics(pipeline: &Prepared) -> BTreeSet<String> {
    let outputs = topics(pipeline.outputs.iter().map(|o| &*o.target));
    let lowered = &pipeline.lowered;
    let errors = lowered.inputs.iter().map(|i| errors_topic(&i.def.name));
    let late = lowered.outputs.iter().map(|o| late_topic(&o.name));
    outputs.into_iter().chain(errors).chain(late).collect()
}

/// The topics that tables are over.
pub(super) fn topics<'a>(tables: impl Iterator<Item = &'a TableDef>) -> BTreeSet<String> {
    let of_topics = tables.filter(|t| t.connector == TOPIC);
    of_topics
        .map(|t| topic_name(&t.name, &t.options).to_owned())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pipeline_that_does_not_catch_up_is_not_waited_for_forever() {
        let stuck = [Control::default()];
        assert!(!wait(&stuck, 1, Instant::now()), "it has taken in nothing");
        assert!(
            wait(&stuck, 0, Instant::now()),
            "there is nothing to take in"
        );
    }
}
