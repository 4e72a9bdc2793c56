//! The text files of the repository, read once.

use std::path::Path;
use std::process::Command;

use crate::tidy::lexer;
use crate::{Failure, process};

/// A text file.
#[derive(Debug)]
pub(super) struct File {
    /// Its path from the root, with forward slashes.
    pub(super) path: String,
    /// What it holds.
    pub(super) text: String,
}

impl File {
    /// Whether it is Rust.
    pub(super) fn is_rust(&self) -> bool {
        self.path.ends_with(".rs")
    }

    /// Whether it is only compiled for tests.
    pub(super) fn is_test(&self) -> bool {
        self.path.contains("/tests/") || self.path.ends_with("/tests.rs")
    }

    /// Its file name without the extension.
    pub(super) fn stem(&self) -> &str {
        let name = self.path.rsplit('/').next().unwrap_or(&self.path);
        name.split('.').next().unwrap_or(name)
    }

    /// The text with comments and literals blanked out.
    pub(super) fn code(&self) -> String {
        lexer::blank(&self.text)
    }
}

/// All text files that git knows or would add.
#[derive(Debug)]
pub(super) struct Tree {
    files: Vec<File>,
}

impl Tree {
    /// Reads the tree.
    pub(super) fn read(root: &Path) -> Result<Self, Failure> {
        let listed = process::capture(
            Command::new("git")
                .args(["ls-files", "--cached", "--others", "--exclude-standard"])
                .current_dir(root),
        )?;
        let files = listed.lines().filter_map(|path| {
            let text = std::fs::read_to_string(root.join(path)).ok()?;
            let path = path.to_owned();
            Some(File { path, text })
        });
        Ok(Self {
            files: files.collect(),
        })
    }

    /// How many files there are.
    pub(super) fn len(&self) -> usize {
        self.files.len()
    }

    /// All files.
    pub(super) fn files(&self) -> impl Iterator<Item = &File> {
        self.files.iter()
    }

    /// The Rust files.
    pub(super) fn rust(&self) -> impl Iterator<Item = &File> {
        self.files().filter(|f| f.is_rust())
    }

    /// The file at `path`.
    pub(super) fn get(&self, path: &str) -> Option<&File> {
        self.files().find(|f| f.path == path)
    }

    /// Whether `path` is a file or a folder of the tree.
    pub(super) fn holds(&self, path: &str) -> bool {
        let folder = format!("{path}/");
        path.is_empty()
            || self
                .files()
                .any(|f| f.path == path || f.path.starts_with(&folder))
    }
}
