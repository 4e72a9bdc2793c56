//! From the arguments to a command, and from its outcome to an exit code.

use std::process::ExitCode;

use clap::Parser;

use super::args::{Cli, Command, LogCommand};
use super::exit::{Code, Failure, Outcome};
use super::{bench, cdc, check, demo, events, reference, run, shell, topic, verify};

/// Runs the command line.
pub(crate) fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => return usage(&error),
    };
    match dispatch(cli.command) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => failure.report(),
    }
}

/// Help and version are answers; everything else is a wrong command line.
fn usage(error: &clap::Error) -> ExitCode {
    match (error.print(), error.use_stderr()) {
        (_, true) => ExitCode::from(Code::Usage as u8),
        (Ok(()), false) => ExitCode::SUCCESS,
        (Err(unwritten), false) => Failure::from(unwritten).report(),
    }
}

fn dispatch(command: Command) -> Outcome {
    match command {
        Command::Run(args) => run::run(&args),
        Command::Check { files } => check::check(&files),
        Command::Explain(args) => check::explain(&args),
        Command::Bench(args) => bench::run(&args),
        Command::BenchFill { dir, gigabytes } => bench::fill(&dir, gigabytes),
        Command::BenchState { dir, threads } => bench::hold(&dir, threads),
        Command::Sql(args) => shell::run(&args),
        Command::Topic(args) => topic::run(args),
        Command::Stream(args) => events::stream(args),
        Command::Entity(args) => events::entity(args),
        Command::Projection(args) => events::projection(args),
        Command::Saga(args) => events::saga(args),
        Command::Cdc(args) => cdc::cdc(args),
        Command::Reference => reference::write(),
        Command::Demo(args) => demo::run(&args),
        Command::Log {
            command: LogCommand::Verify { dir, output },
        } => verify::verify(&dir, output),
    }
}
