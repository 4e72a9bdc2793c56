//! Runs every check and prints what they found.

use std::path::Path;

use crate::Failure;
use crate::tidy::ratchet::Ratchet;
use crate::tidy::tree::Tree;
use crate::tidy::{docs, edges, licences, names, shape, words};

/// What the checks found.
#[derive(Debug, Default)]
pub(super) struct Report {
    problems: Vec<String>,
    notes: Vec<String>,
}

impl Report {
    /// Something that fails the check.
    pub(super) fn problem(&mut self, text: impl Into<String>) {
        self.problems.push(text.into());
    }

    /// Something worth a look that fails nothing.
    pub(super) fn note(&mut self, text: impl Into<String>) {
        self.notes.push(text.into());
    }

    /// How many problems there are.
    #[cfg(test)]
    pub(super) fn problems(&self) -> usize {
        self.problems.len()
    }
}

/// Runs all checks over the workspace at `root`.
pub(crate) fn run(root: &Path, bless: bool) -> Result<(), Failure> {
    let tree = Tree::read(root)?;
    let mut ratchet = Ratchet::read(root)?;
    let mut report = Report::default();
    shape::check(&tree, &mut ratchet, &mut report);
    names::check(&tree, &mut report);
    words::check(&tree, &mut report);
    docs::check(&tree, &mut report);
    edges::check(&tree, &mut report)?;
    licences::check(root, &mut report)?;
    ratchet.finish(root, bless, &mut report)?;

    for note in &report.notes {
        println!("note: {note}");
    }
    for problem in &report.problems {
        println!("{problem}");
    }
    match report.problems.len() {
        0 => {
            println!("tidy: {} files are in order", tree.len());
            Ok(())
        }
        n => Err(format!("{n} places are not in order")),
    }
}
