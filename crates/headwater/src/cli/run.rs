//! `headwater run`: the statements of a file, in order, until all inputs have ended or Ctrl-C asks for a last commit.

use std::sync::Arc;
use std::time::Duration;

use headwater::{Answer, Headwater, Options, Phase, SystemClock};
use headwater_log::Log;
use headwater_sql::Planned;
use serde::{Deserialize, Serialize};

use super::args::{Format, RunArgs};
use super::bench;
use super::check::{Checked, Checker};
use super::control::{Client, Server};
use super::exit::{Code, Failure, Outcome};
use super::host::Host;
use super::interrupt;
use super::output::AnswerPrinter;
use super::request::Reply;
use super::shell::read_text;
use super::style::say;

/// How often it is looked whether pipelines have ended.
const NAP: Duration = Duration::from_millis(10);

/// What a run used.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub(crate) struct Usage {
    /// User and system time.
    pub(crate) cpu_seconds: f64,
    /// The most memory that was resident.
    pub(crate) peak_mib: f64,
}

/// Runs the command.
pub(crate) fn run(args: &RunArgs) -> Outcome {
    let text = read_text(&args.file)?;
    interrupt::listen()?;
    let headwater = open(args)?;
    let checked = Checker::new(Some(headwater.log()))?.check(&args.file, &text)?;
    let server = match &args.state_dir {
        Some(dir) => {
            let host = Host::over(headwater.clone());
            let answer =
                move |request, replies: super::request::Replies<'_>| host.answer(request, replies);
            Some(Server::start(dir, Arc::new(answer))?)
        }
        None => None,
    };
    let outcome = execute(&headwater, &checked, args.output).and_then(|()| finish(&headwater));
    drop(server);
    let closed = headwater.close();
    outcome?;
    closed?;
    if args.usage {
        let usage = Usage {
            cpu_seconds: bench::cpu_seconds(),
            peak_mib: bench::peak_mib(),
        };
        let line = serde_json::to_string(&usage).map_err(|e| Failure::failed(e.to_string()))?;
        say(format_args!("{line}"));
    }
    Ok(())
}

fn open(args: &RunArgs) -> Outcome<Headwater> {
    let options = Options {
        threads: args.threads.map_or(0, usize::from),
        repeats: true,
        ..Options::default()
    };
    let Some(dir) = &args.state_dir else {
        let log = Log::memory(Arc::new(SystemClock));
        return Ok(Headwater::over(log, Arc::new(SystemClock), options)?);
    };
    if Client::connect(dir)?.is_some() {
        let shown = dir.display();
        return Err(Failure::new(
            Code::Conflict,
            format!("'{shown}' is in use by another process"),
        )
        .with_hint(format!("ask that process: headwater sql --data {shown}")));
    }
    Ok(Headwater::open_with(dir, options)?)
}

/// Runs the statements one after the other.
fn execute(headwater: &Headwater, checked: &[Checked], format: Format) -> Outcome {
    let mut waits_for = Vec::new();
    for statement in checked {
        let before: Vec<String> = job_names(headwater);
        if matches!(statement.planned, Planned::Query(_)) {
            wait_for(headwater, &waits_for)?;
        }
        if interrupt::is_asked() {
            return Ok(());
        }
        for answer in headwater.sql(&statement.text)? {
            print(answer, format)?;
        }
        if statement.is_bounded {
            let started = job_names(headwater)
                .into_iter()
                .filter(|name| !before.contains(name));
            waits_for.extend(started);
        }
    }
    Ok(())
}

/// Rows go to standard output; what was done is said only where nothing else shows it.
fn print(answer: Answer, format: Format) -> Outcome {
    let Answer::Rows(schema, batches) = answer else {
        return Ok(());
    };
    let mut printer = AnswerPrinter::new(format);
    printer.take(Reply::Begin {
        schema,
        is_stream: false,
    })?;
    batches
        .into_iter()
        .try_for_each(|batch| printer.take(Reply::Rows(batch)))?;
    printer.take(Reply::End)
}

fn job_names(headwater: &Headwater) -> Vec<String> {
    headwater.jobs().into_iter().map(|j| j.name).collect()
}

/// Waits until the jobs of these names have ended, one has failed, or Ctrl-C.
fn wait_for(headwater: &Headwater, names: &[String]) -> Outcome {
    loop {
        let jobs = headwater.jobs();
        if jobs
            .iter()
            .any(|j| matches!(j.status.phase, Phase::Failed(_)))
        {
            headwater.stop();
            return Ok(headwater.wait()?);
        }
        let is_done = |j: &headwater::JobInfo| matches!(j.status.phase, Phase::Ended(_));
        if jobs.iter().filter(|j| names.contains(&j.name)).all(is_done) || interrupt::is_asked() {
            return Ok(());
        }
        std::thread::sleep(NAP);
    }
}

/// Waits until all inputs have ended; on Ctrl-C every pipeline stops after a last commit.
fn finish(headwater: &Headwater) -> Outcome {
    wait_for(headwater, &job_names(headwater))?;
    if interrupt::is_asked() {
        headwater.stop();
    }
    Ok(headwater.wait()?)
}
