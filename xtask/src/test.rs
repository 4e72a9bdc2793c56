//! `cargo xtask test`: every test of the workspace in one build, doctests included; a program that hangs is killed.

use std::path::Path;
use std::time::Instant;

use crate::{Failure, install, process, servers};

/// Seconds that each fuzz entry test runs, unless the environment says otherwise.
const FUZZ_SECONDS: &str = "20";

pub(crate) fn run(root: &Path, args: &[String]) -> Result<(), Failure> {
    install::missing()?;
    servers::missing(root);
    let started = Instant::now();
    let mut cargo = process::cargo();
    cargo.args(["--config", &watched()?]);
    cargo.args(["test", "--workspace", "--profile", "ci", "--no-fail-fast"]);
    cargo.args(args);
    if std::env::var_os("HEADWATER_FUZZ_SECONDS").is_none() {
        cargo.env("HEADWATER_FUZZ_SECONDS", FUZZ_SECONDS);
    }
    process::run(&mut cargo)?;
    println!("all tests passed in {} s", started.elapsed().as_secs());
    Ok(())
}

/// The setting that has cargo run each test program by `xtask watch`.
fn watched() -> Result<String, Failure> {
    let here = std::env::current_exe().map_err(|e| format!("cannot find this program: {e}"))?;
    let here = serde_json::Value::from(here.to_string_lossy());
    Ok(format!("target.'cfg(all())'.runner = [{here}, \"watch\"]"))
}
