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
        unsafe_blocks(file, &code, report);
    }
    for file in tree.files() {
        everywhere(file, report);
    }
}

/// Unsafe code is in a module that says why it has some, and says before each block why it is sound.
fn unsafe_blocks(file: &File, code: &str, report: &mut Report) {
    let block = ["un", "safe {"].concat();
    let forms = ["expect(unsafe_code,", "expect(\n    unsafe_code,"];
    let is_expected = forms.iter().any(|form| file.text.contains(form));
    let lines: Vec<&str> = file.text.lines().collect();
    for (n, line) in code.lines().enumerate() {
        let says_why = n > 0 && lines[n - 1].trim_start().starts_with("// SAFETY: ");
        if line.contains(&block) && !(is_expected && says_why) {
            report.problem(format!(
                "{}:{}: no unsafe code outside a module made for it, nor without `// SAFETY:`",
                file.path,
                n + 1
            ));
        }
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
