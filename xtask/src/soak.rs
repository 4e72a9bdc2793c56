//! `cargo xtask soak`: what is too long for every change. The same tests with larger numbers, then coverage-guided
//! fuzzing. cargo-fuzz asks for what only a nightly compiler offers, and which the stable one has too: `RUSTC_BOOTSTRAP`
//! lets it, so that no other toolchain is needed.

use std::path::Path;
use std::process::Command;

use crate::{Failure, install, process, servers};

/// Seconds that each fuzz entry runs, unless the environment says otherwise.
const FUZZ_SECONDS: &str = "600";
const FUZZ_SECONDS_VAR: &str = "HEADWATER_FUZZ_SECONDS";

/// Runs the tests with large numbers, then the fuzz targets; `only`: just those of these names.
pub(crate) fn run(root: &Path, only: &[String]) -> Result<(), Failure> {
    install::missing()?;
    servers::missing(root);
    let seconds = std::env::var(FUZZ_SECONDS_VAR);
    let seconds = seconds.unwrap_or_else(|_| FUZZ_SECONDS.to_owned());
    if only.is_empty() {
        process::run(
            process::cargo()
                .args(["test", "--workspace", "--profile", "ci", "--no-fail-fast"])
                .env("HEADWATER_SOAK", "1")
                .env(FUZZ_SECONDS_VAR, &seconds),
        )?;
    }
    fuzz(root, only, &seconds)
}

/// Runs the targets of `fuzz/` under cargo-fuzz.
fn fuzz(root: &Path, only: &[String], seconds: &str) -> Result<(), Failure> {
    let targets = root.join("fuzz/fuzz_targets");
    let entries = std::fs::read_dir(&targets)
        .map_err(|e| format!("cannot read '{}': {e}", targets.display()))?;
    let mut names: Vec<String> = entries
        .filter_map(|e| Some(e.ok()?.path().file_stem()?.to_string_lossy().into_owned()))
        .filter(|name| only.is_empty() || only.contains(name))
        .collect();
    names.sort();
    if names.is_empty() {
        return Err(format!("no fuzz target is called {}", only.join(" or ")));
    }
    cargo_fuzz()?;
    for name in names {
        // A target is named after the feature that brings its crate.
        let feature = name.split('_').next().unwrap_or_default();
        process::run(
            bootstrap()
                .args(["fuzz", "run", "--features", feature, &name, "--"])
                .arg(format!("-max_total_time={seconds}"))
                .current_dir(root),
        )?;
    }
    Ok(())
}

/// Makes sure that `cargo fuzz` runs.
fn cargo_fuzz() -> Result<(), Failure> {
    if process::capture(bootstrap().args(["fuzz", "--version"])).is_ok() {
        return Ok(());
    }
    process::run(process::cargo().args(["install", "--locked", "cargo-fuzz"]))
}

fn bootstrap() -> Command {
    let mut cargo = process::cargo();
    cargo.env("RUSTC_BOOTSTRAP", "1");
    cargo
}
