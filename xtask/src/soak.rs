//! `cargo xtask soak`: what is too long for every change. The same tests with larger numbers, then coverage-guided
//! fuzzing where a nightly toolchain allows it.

use std::path::Path;

use crate::{Failure, install, process};

/// Seconds that each fuzz entry runs here.
const FUZZ_SECONDS: &str = "600";

pub(crate) fn run(root: &Path) -> Result<(), Failure> {
    install::missing()?;
    process::run(
        process::cargo()
            .args(["test", "--workspace", "--profile", "ci", "--no-fail-fast"])
            .env("HEADWATER_SOAK", "1")
            .env("HEADWATER_FUZZ_SECONDS", FUZZ_SECONDS),
    )?;
    fuzz(root)
}

/// Runs every target of `fuzz/` under cargo-fuzz; says so and goes on where it cannot be had.
fn fuzz(root: &Path) -> Result<(), Failure> {
    let targets = root.join("fuzz/fuzz_targets");
    let Ok(entries) = std::fs::read_dir(&targets) else {
        println!("no fuzz targets: skipped");
        return Ok(());
    };
    if let Err(why) = cargo_fuzz() {
        println!("coverage-guided fuzzing skipped: {why}");
        return Ok(());
    }
    let mut names: Vec<String> = entries
        .filter_map(|e| Some(e.ok()?.path().file_stem()?.to_string_lossy().into_owned()))
        .collect();
    names.sort();
    for name in names {
        process::run(
            std::process::Command::new("cargo")
                .args(["+nightly", "fuzz", "run", &name, "--"])
                .arg(format!("-max_total_time={FUZZ_SECONDS}"))
                .current_dir(root),
        )?;
    }
    Ok(())
}

/// Makes sure that `cargo +nightly fuzz` runs.
fn cargo_fuzz() -> Result<(), Failure> {
    let version = || {
        process::capture(std::process::Command::new("cargo").args([
            "+nightly",
            "fuzz",
            "--version",
        ]))
    };
    if version().is_ok() {
        return Ok(());
    }
    process::run(std::process::Command::new("rustup").args([
        "toolchain",
        "install",
        "nightly",
        "--profile",
        "minimal",
    ]))?;
    process::run(std::process::Command::new("cargo").args(["install", "--locked", "cargo-fuzz"]))?;
    version().map(drop)
}
