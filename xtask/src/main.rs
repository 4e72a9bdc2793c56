//! `cargo xtask <chore>`: the automation of the workspace. Each chore is one module; this file only picks one.

#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a terminal program"
)]

mod install;
mod process;
mod servers;
mod soak;
mod stacks;
mod test;
mod tidy;
mod watch;

use std::path::PathBuf;
use std::process::ExitCode;

/// Why a chore failed, for a person.
type Failure = String;

const USAGE: &str = "usage: cargo xtask <chore>

  test [ARGS]     install what the tests need and is missing, then run all of them;
                  ARGS go to `cargo test` (a name filters)
  tidy [--bless]  check the house style; --bless writes shrunken ratchets to tidy.toml
  soak [TARGET…]  the long runs: 500 kill rounds of jobs, 1,000 faults of a capture and its server for each kind
                  of database, a transaction of 1 GiB, long properties, cargo-fuzz; just these fuzz
                  targets if any are named
  watch PROGRAM [ARGS]
                  how `test` runs each program: one that says nothing for 15 minutes, or as many seconds as
                  HEADWATER_TEST_PATIENCE_SECONDS says, is killed, and where its threads were is said
";

fn main() -> ExitCode {
    let mut args = std::env::args().skip(1);
    let chore = args.next();
    let rest: Vec<String> = args.collect();
    let outcome = match chore.as_deref() {
        Some("test") => test::run(&root(), &rest).map(|()| ExitCode::SUCCESS),
        Some("tidy") => {
            let is_bless = rest.iter().any(|a| a == "--bless");
            tidy::run(&root(), is_bless).map(|()| ExitCode::SUCCESS)
        }
        Some("soak") => soak::run(&root(), &rest).map(|()| ExitCode::SUCCESS),
        Some("watch") => watch::run(&rest),
        _ => {
            eprint!("{USAGE}");
            return ExitCode::from(2);
        }
    };
    outcome.unwrap_or_else(|failure| {
        eprintln!("xtask: {failure}");
        ExitCode::FAILURE
    })
}

/// The workspace's folder.
fn root() -> PathBuf {
    let manifest = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    manifest.parent().map(PathBuf::from).unwrap_or(manifest)
}
