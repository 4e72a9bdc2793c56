//! Words that must not stand in the tree: silenced lints and tests, sleeping tests, unowned TODOs, one machine's paths.

use crate::tidy::report::Report;
use crate::tidy::tree::{File, Tree};

/// Needles are put together so that this file does not contain them.
struct Rule {
    needle: String,
    only_tests: bool,
    why: &'static str,
}

pub(super) fn check(tree: &Tree, report: &mut Report) {
    let in_code = code_rules();
    for file in tree.rust() {
        let code = file.code();
        for (n, line) in code.lines().enumerate() {
            for rule in &in_code {
                if line.contains(&rule.needle) && (!rule.only_tests || file.is_test()) {
                    report.problem(format!("{}:{}: {}", file.path, n + 1, rule.why));
                }
            }
        }
    }
    for file in tree.files() {
        everywhere(file, report);
    }
}

fn code_rules() -> Vec<Rule> {
    let rule = |parts: [&str; 2], only_tests, why| Rule {
        needle: parts.concat(),
        only_tests,
        why,
    };
    vec![
        rule(
            ["#[ign", "ore"],
            false,
            "a test runs or goes: no ignored tests",
        ),
        rule(
            ["thread::sl", "eep"],
            true,
            "tests do not sleep: wait for what they wait for",
        ),
        rule(["tod", "o!("], false, "nothing unfinished is committed"),
        rule(
            ["unimplement", "ed!("],
            false,
            "nothing unfinished is committed",
        ),
        rule(
            ["[al", "low("],
            false,
            "write `#[expect(…, reason = \"…\")]`",
        ),
        rule(
            ["un", "safe {"],
            false,
            "no unsafe code outside a module made for it",
        ),
    ]
}

/// What holds for every text file.
fn everywhere(file: &File, report: &mut Report) {
    let marks = [["TO", "DO"], ["FIX", "ME"], ["XX", "X"]].map(|p| p.concat());
    let machine = [["/wo", "rk/"], ["/ro", "ot/"]].map(|p| p.concat());
    for (n, line) in file.text.lines().enumerate() {
        let at = || format!("{}:{}", file.path, n + 1);
        for mark in &marks {
            if has_word(line, mark) && !line.contains(&format!("{mark}(#")) {
                report.problem(format!(
                    "{}: {mark} without an issue: write {mark}(#7)",
                    at()
                ));
            }
        }
        for path in &machine {
            if line.contains(path.as_str()) {
                report.problem(format!("{}: a path of one machine: {path}", at()));
            }
        }
    }
}

fn has_word(line: &str, word: &str) -> bool {
    crate::tidy::lexer::words(line, word).next().is_some()
}
