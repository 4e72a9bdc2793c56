//! The guides do what they say: every command of `README.md` and `docs/*.md` runs, and shows what stands below it.
//!
//! A fenced block with a language and a file's name becomes that file. In a `console` block a line after `$ ` is a
//! command and what follows is what it writes; a line of `…` stands for any lines, and `…` within one for any text. The
//! blocks of a page run in their order, in one folder. `console skip` is for what other tests run. Blocks of Rust are
//! doctests of the library.

use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::binary::binary;

const ANY: &str = "…";

/// A fenced block.
#[derive(Debug)]
struct Block<'a> {
    line: usize,
    language: &'a str,
    argument: &'a str,
    text: String,
}

fn blocks(page: &str) -> Vec<Block<'_>> {
    let mut blocks: Vec<Block<'_>> = Vec::new();
    let mut is_open = false;
    for (number, line) in page.lines().enumerate() {
        match (line.strip_prefix("```"), is_open) {
            (Some(info), false) => {
                let (language, argument) = info.split_once(' ').unwrap_or((info, ""));
                blocks.push(Block {
                    line: number + 2,
                    language,
                    argument,
                    text: String::new(),
                });
                is_open = true;
            }
            (Some(_), true) => is_open = false,
            (None, true) => {
                let block = blocks.last_mut().unwrap();
                block.text += line;
                block.text.push('\n');
            }
            (None, false) => {}
        }
    }
    assert!(!is_open, "a block is not closed");
    blocks
}

/// A command and the lines that it is to write.
#[derive(Debug)]
struct Step<'a> {
    line: usize,
    command: String,
    expected: Vec<&'a str>,
}

fn steps<'a>(block: &'a Block<'_>) -> Vec<Step<'a>> {
    let mut steps: Vec<Step<'_>> = Vec::new();
    for (number, line) in block.text.lines().enumerate() {
        let continues = |s: &Step<'_>| s.command.ends_with('\\') && s.expected.is_empty();
        if let Some(command) = line.strip_prefix("$ ") {
            steps.push(Step {
                line: block.line + number,
                command: command.to_owned(),
                expected: Vec::new(),
            });
        } else if let Some(last) = steps.last_mut().filter(|s| continues(s)) {
            last.command += "\n";
            last.command += line;
        } else {
            let last = steps.last_mut();
            last.expect("a console block begins with a command")
                .expected
                .push(line);
        }
    }
    steps
}

/// Whether lines are what a page shows.
fn matches(expected: &[&str], lines: &[&str]) -> bool {
    match (expected, lines) {
        ([], []) => true,
        ([ANY, rest @ ..], _) => (0..=lines.len()).any(|n| matches(rest, &lines[n..])),
        ([first, rest @ ..], [line, lines @ ..]) => fits(first, line) && matches(rest, lines),
        _ => false,
    }
}

fn fits(pattern: &str, line: &str) -> bool {
    let Some((before, after)) = pattern.split_once(ANY) else {
        return pattern == line.trim_end();
    };
    let rest = line.strip_prefix(before);
    rest.is_some_and(|rest| {
        (0..=rest.len()).any(|n| rest.is_char_boundary(n) && fits(after, &rest[n..]))
    })
}

/// A folder in which the commands of a page run.
struct Place {
    root: tempfile::TempDir,
}

impl Place {
    fn new() -> Self {
        let root = tempfile::tempdir().unwrap();
        std::fs::create_dir(root.path().join("bin")).unwrap();
        std::fs::create_dir(root.path().join("here")).unwrap();
        symlink(binary(), root.path().join("bin/headwater")).unwrap();
        symlink(
            workspace().join("examples"),
            root.path().join("here/examples"),
        )
        .unwrap();
        Self { root }
    }

    fn here(&self) -> PathBuf {
        self.root.path().join("here")
    }

    /// Runs a command in a shell; what it writes, errors among the rest as on a terminal.
    fn run(&self, command: &str) -> String {
        let path = std::env::var("PATH").unwrap();
        let path = format!("{}/bin:{path}", self.root.path().display());
        let output = Command::new("bash")
            .args(["-c", &format!("exec 2>&1\n{command}")])
            .current_dir(self.here())
            .env("PATH", path)
            .env("HOME", self.here())
            .env_remove("HEADWATER_DATA")
            .stdin(Stdio::null())
            .output()
            .unwrap();
        String::from_utf8(output.stdout).unwrap()
    }
}

fn workspace() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn check(page: &str) {
    let text = std::fs::read_to_string(workspace().join(page)).unwrap();
    let place = Place::new();
    let mut ran = 0;
    for block in blocks(&text) {
        match (block.language, block.argument) {
            ("console", "skip") | ("rust" | "edges", _) => {}
            ("console", _) => {
                for step in steps(&block) {
                    let written = place.run(&step.command);
                    let lines: Vec<&str> = written.lines().collect();
                    assert!(
                        matches(&step.expected, &lines),
                        "{page}:{}: $ {}\nshows\n{written}\nand not\n{}",
                        step.line,
                        step.command,
                        step.expected.join("\n")
                    );
                    ran += 1;
                }
            }
            (language, "") => panic!(
                "{page}:{}: a block of {language} without a file",
                block.line
            ),
            (_, file) => {
                let file = place.here().join(file);
                std::fs::create_dir_all(file.parent().unwrap()).unwrap();
                std::fs::write(file, &block.text).unwrap();
                ran += 1;
            }
        }
    }
    assert!(ran > 0, "{page} shows nothing");
}

/// One test a page, so that they run beside one another.
macro_rules! guides {
    ($($name:ident: $page:literal),+ $(,)?) => {
        $(#[test]
        fn $name() {
            check($page);
        })+

        const PAGES: &[&str] = &[$($page),+];
    };
}

guides! {
    the_readme_is_true: "README.md",
    the_guide_to_getting_started_is_true: "docs/getting-started.md",
    the_guide_to_topics_is_true: "docs/topics.md",
    the_guide_to_sql_is_true: "docs/sql.md",
    the_guide_to_statements_is_true: "docs/statements.md",
    the_guide_to_state_is_true: "docs/state.md",
    the_guide_to_files_is_true: "docs/files.md",
    the_guide_to_events_is_true: "docs/events.md",
    the_guide_to_operating_is_true: "docs/operating.md",
}

/// These start a server of their own.
#[test]
fn the_guides_to_captures_are_true() {
    if crate::server::Server::start(&[]).is_none() {
        return;
    }
    check("docs/guides/cdc-shop.md");
    check("docs/guides/outbox.md");
}

#[test]
fn every_guide_is_run() {
    // Embedding and testing are Rust, whose blocks are doctests; the options are made from the connectors.
    let other = [
        "docs/README.md",
        "docs/embedding.md",
        "docs/options.md",
        "docs/testing.md",
    ];
    let mut pages: Vec<String> = std::fs::read_dir(workspace().join("docs"))
        .unwrap()
        .map(|e| format!("docs/{}", e.unwrap().file_name().to_string_lossy()))
        .filter(|p| p.ends_with(".md") && !other.contains(&p.as_str()))
        .collect();
    pages.sort();
    let mut known: Vec<&str> = PAGES
        .iter()
        .copied()
        .filter(|p| *p != "README.md")
        .collect();
    known.sort_unstable();
    assert_eq!(pages, known);
}

#[test]
fn pages_are_taken_apart_and_compared() {
    let page = "a\n```console\n$ one \\\n  two\nx\n…\n$ three\n```\n```sql a.sql\nSELECT 1;\n```\n";
    let found = blocks(page);
    assert_eq!(
        (found.len(), found[1].argument, found[1].line),
        (2, "a.sql", 10)
    );
    let steps = steps(&found[0]);
    assert_eq!((&*steps[0].command, steps[0].line), ("one \\\n  two", 3));
    assert_eq!(steps[0].expected, ["x", "…"]);
    assert!(matches(&steps[0].expected, &["x", "y", "z"]));
    assert!(matches(&["a … c"], &["a b c"]));
    assert!(!matches(&["a … c"], &["a b d"]));
    assert!(!matches(&steps[1].expected, &["y"]));
}
