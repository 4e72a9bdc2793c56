//! Lengths of files, functions and inline tests, and that tables of contents hold no logic.

use crate::tidy::lexer::{self, body_end};
use crate::tidy::ratchet::Ratchet;
use crate::tidy::report::Report;
use crate::tidy::tree::{File, Tree};

/// A file is looked at from here …
const FILE_LOOK: usize = 400;
/// … and stops here.
const FILE_STOP: usize = 800;
const FUNCTION_STOP: usize = 70;
/// Longer tests move to a sibling `tests.rs`.
const INLINE_TESTS_STOP: usize = 150;

pub(super) fn check(tree: &Tree, ratchet: &mut Ratchet, report: &mut Report) {
    let mut to_look_at = 0;
    for file in tree.rust() {
        if !file.text.starts_with("//!") {
            report.problem(format!(
                "{}:1: a file opens with `//!`: what it owns",
                file.path
            ));
        }
        let lines = file.text.lines().count();
        to_look_at += usize::from(lines > FILE_LOOK);
        ratchet.limit("file-lines", &file.path, lines, FILE_STOP);
        let code = file.code();
        for function in lexer::functions(&code) {
            let key = format!("{}::{}", file.path, function.name);
            ratchet.limit("function-lines", &key, function.lines, FUNCTION_STOP);
        }
        ratchet.limit(
            "inline-test-lines",
            &file.path,
            inline_tests(&code),
            INLINE_TESTS_STOP,
        );
        if is_contents(file) {
            ratchet.limit("items-in-contents", &file.path, items(&code), 0);
        }
    }
    if to_look_at > 0 {
        report.note(format!(
            "{to_look_at} files have more than {FILE_LOOK} lines"
        ));
    }
}

/// Whether a file is a table of contents: `lib.rs` or `mod.rs` outside tests.
fn is_contents(file: &File) -> bool {
    !file.is_test() && matches!(file.stem(), "lib" | "mod")
}

/// How many items with logic or data stand in blanked code.
fn items(code: &str) -> usize {
    ["fn", "struct", "enum", "impl", "trait", "macro_rules"]
        .iter()
        .map(|word| lexer::words(code, word).count())
        .sum()
}

/// The lines of `mod tests { … }`.
fn inline_tests(code: &str) -> usize {
    let Some(at) = code.find("mod tests {") else {
        return 0;
    };
    let end = body_end(code.as_bytes(), at).unwrap_or(code.len());
    code[at..end].lines().count()
}
