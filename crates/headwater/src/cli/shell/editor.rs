//! The line editor: completion of keywords and names, and lines until a semicolon.

use std::collections::BTreeSet;

use rustyline::completion::{Completer, Pair};
use rustyline::validate::{ValidationContext, ValidationResult, Validator};
use rustyline::{Context, Helper, Highlighter, Hinter};

use super::scan::{self, State};
use super::words::KEYWORDS;

/// What the editor asks while a person types.
#[derive(Default, Helper, Highlighter, Hinter)]
pub(super) struct Assistant {
    /// Tables, views and columns.
    names: BTreeSet<String>,
}

impl Assistant {
    /// Knows these names from now on.
    pub(super) fn know(&mut self, names: BTreeSet<String>) {
        self.names = names;
    }

    /// Words that begin like `start`: names as they are written, keywords in the case that was typed.
    fn candidates(&self, start: &str) -> Vec<String> {
        let begins = |word: &str| {
            let head = word.get(..start.len());
            head.is_some_and(|h| h.eq_ignore_ascii_case(start)) && word.len() > start.len()
        };
        let is_lower = start.chars().any(char::is_lowercase);
        let names = self.names.iter().filter(|n| begins(n)).cloned();
        let keywords = KEYWORDS
            .iter()
            .filter(|k| begins(k))
            .map(|k| match is_lower {
                true => k.to_lowercase(),
                false => (*k).to_owned(),
            });
        names.chain(keywords).collect()
    }
}

impl Completer for Assistant {
    type Candidate = Pair;

    fn complete(
        &self,
        line: &str,
        at: usize,
        _: &Context<'_>,
    ) -> rustyline::Result<(usize, Vec<Pair>)> {
        let start = scan::word_start(line, at);
        let pair = |word: String| Pair {
            display: word.clone(),
            replacement: word,
        };
        let words = match start == at {
            true => Vec::new(),
            false => self.candidates(&line[start..at]),
        };
        Ok((start, words.into_iter().map(pair).collect()))
    }
}

impl Validator for Assistant {
    fn validate(&self, context: &mut ValidationContext<'_>) -> rustyline::Result<ValidationResult> {
        let text = context.input();
        let is_done = text.trim_start().starts_with('\\') || scan::state(text) == State::Between;
        Ok(match is_done {
            true => ValidationResult::Valid(None),
            false => ValidationResult::Incomplete,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_keep_their_case_and_keywords_take_yours() {
        let mut assistant = Assistant::default();
        assistant.know(["flights".to_owned(), "Selected".to_owned()].into());
        assert_eq!(assistant.candidates("sel"), ["Selected", "select"]);
        assert_eq!(assistant.candidates("SEL"), ["Selected", "SELECT"]);
        assert_eq!(assistant.candidates("fl"), ["flights"]);
        assert_eq!(assistant.candidates("ü"), Vec::<String>::new());
    }
}
