//! The guides do what they say: each block of Rust in `docs/guides` is part of a program that is compiled and run, in the module of its
//! page here or in an example. Space and comments do not count, and `..` or `…` in a block stands for what is left out.

mod erasure;
mod event_sourcing;
mod projections;
mod replicas;
mod sagas;

use std::path::{Path, PathBuf};

fn workspace() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// What stands in the blocks of Rust of a page.
fn blocks(page: &str) -> Vec<String> {
    let mut blocks = Vec::new();
    let mut open = None;
    for line in page.lines() {
        match (&mut open, line) {
            (None, "```rust") => open = Some(String::new()),
            (Some(_), "```") => blocks.extend(open.take()),
            (Some(block), line) => {
                block.push_str(line);
                block.push('\n');
            }
            (None, _) => {}
        }
    }
    assert!(open.is_none(), "a block is not closed");
    blocks
}

/// Code without space, comments and commas that only end a list.
fn bare(code: &str) -> String {
    let lines = code.lines().map(|line| line.split("//").next().unwrap());
    let mut bare: String = lines
        .flat_map(str::chars)
        .filter(|c| !c.is_whitespace())
        .collect();
    for end in ['}', ')', ']'] {
        bare = bare.replace(&format!(",{end}"), &end.to_string());
    }
    bare
}

/// Whether a program has a block, part after part.
fn has(program: &str, block: &str) -> bool {
    let block = bare(block).replace('…', "..");
    let mut rest = program;
    block.split("..").all(|part| match rest.find(part) {
        Some(at) => {
            rest = &rest[at + part.len()..];
            true
        }
        None => false,
    })
}

fn check(page: &str, programs: &[&str]) {
    let read = |path: &str| std::fs::read_to_string(workspace().join(path)).unwrap();
    let sources = programs.iter();
    let sources: Vec<String> = sources
        .map(|name| bare(&read(&format!("crates/headwater-events/{name}"))))
        .collect();
    let blocks = blocks(&read(&format!("docs/guides/{page}.md")));
    assert!(!blocks.is_empty(), "{page} shows nothing");
    for block in blocks {
        let is_there = sources.iter().any(|source| has(source, &block));
        assert!(is_there, "{page}: in none of {programs:?}:\n{block}");
    }
}

#[test]
fn the_guide_to_event_sourcing_is_true() {
    let programs = [
        "tests/guides/event_sourcing.rs",
        "tests/shapes.rs",
        "examples/bank.rs",
    ];
    check("event-sourcing", &programs);
}

#[test]
fn the_guide_to_cqrs_is_true() {
    check("cqrs", &["examples/shop.rs"]);
}

#[test]
fn the_guide_to_projections_is_true() {
    check("projections", &["tests/guides/projections.rs"]);
}

#[test]
fn the_guide_to_replicas_is_true() {
    check("replicas", &["tests/guides/replicas.rs"]);
}

#[test]
fn the_guide_to_sagas_is_true() {
    check("sagas", &["tests/guides/sagas.rs", "examples/checkout.rs"]);
}

#[test]
fn the_guide_to_erasure_is_true() {
    check("erasure", &["tests/guides/erasure.rs"]);
}

#[test]
fn what_a_program_does_not_have_is_noticed() {
    let program = bare("fn a() {\n    one(1, 2); // why\n    two();\n}");
    assert!(has(&program, "one(1,\n 2);\n…\n}"));
    assert!(!has(&program, "one(1, 3);"));
    assert!(!has(&program, "two(); .. one(1, 2);"));
}
