//! `headwater run`: the statements of a file, in order, until all inputs have ended or Ctrl-C asks for a last commit.

use headwater::Options;
use serde::{Deserialize, Serialize};

use super::args::RunArgs;
use super::bench;
use super::exit::{Failure, Outcome};
use super::interrupt;
use super::output::AnswerPrinter;
use super::request::Request;
use super::session::{Missing, Session};
use super::shell::read_text;
use super::style::say;

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
    let request = Request::Run {
        file: args.file.display().to_string(),
        text: read_text(&args.file)?,
    };
    interrupt::listen()?;
    let mut printer = AnswerPrinter::new(args.output)
        .with_progress()
        .with_commits(args.commits);
    open(args)?.finish(|session| {
        let outcome = session.ask(&request, &mut |reply| printer.take(reply));
        printer.clear();
        outcome
    })?;
    match args.usage {
        true => tell_usage(),
        false => Ok(()),
    }
}

fn open(args: &RunArgs) -> Outcome<Session> {
    let options = Options {
        threads: args.threads.map_or(0, usize::from),
        repeats: true,
        ..args.limit.options()
    };
    let Some(dir) = &args.state_dir else {
        return Session::memory(options);
    };
    let session = Session::open(dir, Missing::Make, options)?;
    if !session.is_local() && args.threads.is_some() {
        say(format_args!(
            "'{}' is open in another process, whose threads do the work: --threads has no effect",
            dir.display()
        ));
    }
    Ok(session)
}

fn tell_usage() -> Outcome {
    let usage = Usage {
        cpu_seconds: bench::cpu_seconds(),
        peak_mib: bench::peak_mib(),
    };
    let line = serde_json::to_string(&usage).map_err(|e| Failure::failed(e.to_string()))?;
    say(format_args!("{line}"));
    Ok(())
}
