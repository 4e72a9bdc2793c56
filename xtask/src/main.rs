//! `cargo xtask <chore>`: the automation of the workspace. Each chore is one module; this file only picks one.

#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a terminal program"
)]

mod install;
mod process;
mod soak;
mod test;
mod tidy;

use std::path::PathBuf;
use std::process::ExitCode;

/// Why a chore failed, for a person.
type Failure = String;

const USAGE: &str = "usage: cargo xtask <chore>

  test [ARGS]     install what the tests need and is missing, then run all of them;
                  ARGS go to `cargo test` (a name filters)
  tidy [--bless]  check the house style; --bless writes shrunken ratchets to tidy.toml
  soak [TARGET…]  the long runs: 500 kill rounds, long properties, cargo-fuzz; just these fuzz
                  targets if any are named
";

fn main() -> ExitCode {
    let mut args = std::env::args().skip(1);
    let chore = args.next();
    let rest: Vec<String> = args.collect();
    let outcome = match chore.as_deref() {
        Some("test") => test::run(&rest),
        Some("tidy") => tidy::run(&root(), rest.iter().any(|a| a == "--bless")),
        Some("soak") => soak::run(&root(), &rest),
        _ => {
            eprint!("{USAGE}");
            return ExitCode::from(2);
        }
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("xtask: {failure}");
            ExitCode::FAILURE
        }
    }
}

/// The workspace's folder.
fn root() -> PathBuf {
    let manifest = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    manifest.parent().map(PathBuf::from).unwrap_or(manifest)
}
