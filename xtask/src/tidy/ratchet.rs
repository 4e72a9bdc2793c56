//! Limits with exceptions that may only shrink. `tidy.toml` lists today's exceptions with their present size.

use std::collections::BTreeMap;
use std::path::Path;

use crate::Failure;
use crate::tidy::report::Report;

const FILE: &str = "tidy.toml";
const HEADER: &str = "# Exceptions to the limits of `cargo xtask tidy`, with their present sizes. They may only shrink:\n\
    # `cargo xtask tidy --bless` writes smaller numbers and removes what is within its limit again.\n";

type Sizes = BTreeMap<(String, String), usize>;

/// The exceptions and what was measured.
#[derive(Debug, Default)]
pub(super) struct Ratchet {
    allowed: Sizes,
    over: BTreeMap<(String, String), (usize, usize)>,
}

impl Ratchet {
    /// Reads the exceptions.
    pub(super) fn read(root: &Path) -> Result<Self, Failure> {
        let text = std::fs::read_to_string(root.join(FILE)).unwrap_or_default();
        Ok(Self {
            allowed: parse(&text)?,
            over: BTreeMap::new(),
        })
    }

    /// Notes that `key` measures `size` where `limit` is allowed.
    pub(super) fn limit(&mut self, rule: &str, key: &str, size: usize, limit: usize) {
        if size > limit {
            let entry = self.over.entry((rule.to_owned(), key.to_owned()));
            let (worst, _) = entry.or_insert((0, limit));
            *worst = size.max(*worst);
        }
    }

    /// Compares, and with `bless` writes what has shrunk.
    pub(super) fn finish(
        self,
        root: &Path,
        bless: bool,
        report: &mut Report,
    ) -> Result<(), Failure> {
        let mut next = Sizes::new();
        for (at, (size, limit)) in &self.over {
            let (rule, key) = at;
            let excepted = self.allowed.get(at).copied();
            match excepted {
                Some(old) if *size <= old => {
                    next.insert(at.clone(), *size);
                }
                Some(old) => report.problem(format!(
                    "{key}: {rule} grew from {old} to {size}; it may only shrink"
                )),
                None => report.problem(format!("{key}: {rule} is {size}, the limit is {limit}")),
            }
            if let Some(old) = excepted {
                next.entry(at.clone()).or_insert(old);
            }
        }
        if next == self.allowed {
            return Ok(());
        }
        if bless {
            let write = std::fs::write(root.join(FILE), render(&next));
            return write.map_err(|e| format!("cannot write {FILE}: {e}"));
        }
        report.problem(format!(
            "{FILE}: exceptions have shrunk: run `cargo xtask tidy --bless`"
        ));
        Ok(())
    }
}

fn parse(text: &str) -> Result<Sizes, Failure> {
    let mut rule = String::new();
    let mut sizes = Sizes::new();
    for (n, line) in text.lines().enumerate() {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        if let Some(name) = line.strip_prefix('[').and_then(|l| l.strip_suffix(']')) {
            name.clone_into(&mut rule);
            continue;
        }
        let entry = line.split_once(" = ").and_then(|(key, size)| {
            let key = key.trim().trim_matches('"').to_owned();
            Some(((rule.clone(), key), size.trim().parse().ok()?))
        });
        let (key, size) = entry.ok_or_else(|| format!("{FILE}:{}: not an exception", n + 1))?;
        sizes.insert(key, size);
    }
    Ok(sizes)
}

fn render(sizes: &Sizes) -> String {
    let mut text = HEADER.to_owned();
    let mut last = "";
    for ((rule, key), size) in sizes {
        if rule != last {
            text += &format!("\n[{rule}]\n");
            last = rule;
        }
        text += &format!("\"{key}\" = {size}\n");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outcome(allowed: &str, size: usize) -> usize {
        let mut ratchet = Ratchet {
            allowed: parse(allowed).expect("parses"),
            over: BTreeMap::new(),
        };
        let mut report = Report::default();
        ratchet.limit("file-lines", "a.rs", size, 800);
        ratchet
            .finish(Path::new("."), false, &mut report)
            .expect("runs");
        report.problems()
    }

    #[test]
    fn exceptions_may_stay_but_not_grow_and_must_be_lowered() {
        let allowed = "[file-lines]\n\"a.rs\" = 900\n";
        assert_eq!(outcome("", 800), 0);
        assert_eq!(outcome("", 801), 1);
        assert_eq!(outcome(allowed, 900), 0);
        assert_eq!(outcome(allowed, 901), 1);
        assert_eq!(outcome(allowed, 850), 1);
        assert_eq!(outcome(allowed, 700), 1);
    }

    #[test]
    fn what_is_written_is_read_again() {
        let sizes = parse("[a]\n\"x\" = 1\n[b]\n\"y::z\" = 2\n").expect("parses");
        assert_eq!(parse(&render(&sizes)).expect("parses"), sizes);
    }
}
