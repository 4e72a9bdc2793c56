//! A materialised view that is built anew: beside the running one, from all that its inputs hold, and then in its place.

use headwater_flow::connector::Sink;
use headwater_flow::driver::{Action, Control, Muted, Pipeline, Succeeded};
use headwater_sql::PlannedPipeline;
use headwater_sql::statement::ObjectKind;

use super::Headwater;
use super::start::{Keeps, Run};
use crate::error::{Error, ErrorKind, Result};

impl Headwater {
    /// Builds a materialised view anew from the first record of its inputs on, while the present one goes on, and then puts it
    /// in that one's place: one commit, in which those who follow the view see the rows that differ. A process that
    /// ends before leaves the view as it was.
    ///
    /// # Errors
    /// `NotFound` if there is no such view; `Invalid` if it only ever grows and rows would have to be taken back; `Unsupported` if
    /// records that it was made of are gone, or nothing is kept here; `Closed` if the process is stopped; what its pipeline meets.
    pub fn rebuild_view(&self, name: &str) -> Result<Succeeded> {
        let object = self.session().object(name);
        if object.is_none_or(|o| o.kind != ObjectKind::MaterializedView) {
            let text = format!("materialized view '{name}' does not exist");
            return Err(Error::new(ErrorKind::NotFound, text));
        }
        if !self.0.running.durable {
            let text = format!("no state of '{name}' is kept that could be replaced");
            return Err(Error::new(ErrorKind::Unsupported, text));
        }
        let control = Control::default();
        let shown = format!("{name} (anew)");
        let pipeline = self.planned(name)?;
        self.0.jobs.watch(&shown, &pipeline.text, &control)?;
        let done = self.build_and_swap(name, &pipeline, &control);
        self.0.jobs.remove(&shown);
        done
    }

    fn build_and_swap(
        &self,
        name: &str,
        planned: &PlannedPipeline,
        control: &Control,
    ) -> Result<Succeeded> {
        let mut new = self.open_muted(name, planned, control)?;
        let mut has_ended = catch_up(&mut new)?;
        let _turn = self.0.jobs.turn();
        let runs = self.is_live(name);
        self.0.jobs.remove(name);
        let swap = || {
            if !has_ended {
                new.wake();
                has_ended = catch_up(&mut new)?;
            }
            let prepared = self.prepare(name, &planned.outputs);
            let prepared = prepared.map_err(|e| Error::sql(&e, &planned.text))?;
            let old = self.open_prepared(name, prepared, &Control::default())?;
            Ok(new.succeed(old)?)
        };
        let swapped = swap();
        // Whatever came of it, what ran goes on: the new one, or the old one.
        let goes_on = match runs && !control.is_stopped() {
            true => self.go_on(name),
            false => Ok(()),
        };
        swapped.and_then(|done| goes_on.map(|()| done))
    }

    /// A pipeline that nobody sees anything of.
    fn open_muted(
        &self,
        name: &str,
        planned: &PlannedPipeline,
        control: &Control,
    ) -> Result<Pipeline> {
        let prepared = self.prepare(name, &planned.outputs);
        let prepared = prepared.map_err(|e| Error::sql(&e, &planned.text))?;
        let muted = || Box::new(Muted) as Box<dyn Sink>;
        let run = Run {
            name: name.to_owned(),
            sinks: prepared.outputs.iter().map(|_| muted()).collect(),
            lowered: prepared.lowered,
            shards: prepared.shards,
            keeps: Keeps::Input,
        };
        self.open_pipeline(run, control)
    }
}

/// Works until everything that is there has been read; gives whether there will never be more.
fn catch_up(pipeline: &mut Pipeline) -> Result<bool> {
    loop {
        let action = pipeline.turn()?;
        if pipeline.control().is_stopped() {
            let text = "the process is stopped; the view is as it was";
            return Err(Error::new(ErrorKind::Closed, text));
        }
        match action {
            Action::Wait(_) => return Ok(false),
            Action::End(_) => return Ok(true),
            _ => {}
        }
    }
}
