//! Links between the documents lead somewhere.

use crate::tidy::report::Report;
use crate::tidy::tree::{File, Tree};

pub(super) fn check(tree: &Tree, report: &mut Report) {
    for file in tree.files().filter(|f| f.path.ends_with(".md")) {
        for (line, target) in links(&file.text) {
            if let Some(why) = broken(tree, file, target) {
                report.problem(format!("{}:{line}: link to '{target}': {why}", file.path));
            }
        }
    }
}

/// The inline links of a document with their lines, code blocks left out.
fn links(text: &str) -> Vec<(usize, &str)> {
    let mut found = Vec::new();
    let mut fenced = false;
    for (n, line) in text.lines().enumerate() {
        fenced ^= line.trim_start().starts_with("```");
        if fenced {
            continue;
        }
        for (at, _) in line.match_indices("](") {
            if let Some(len) = line[at + 2..].find(')') {
                found.push((n + 1, &line[at + 2..at + 2 + len]));
            }
        }
    }
    found
}

/// Why a link leads nowhere.
fn broken(tree: &Tree, from: &File, target: &str) -> Option<String> {
    if target.contains("://") || target.starts_with("mailto:") {
        return None;
    }
    let (path, anchor) = target.split_once('#').unwrap_or((target, ""));
    let path = if path.is_empty() {
        from.path.clone()
    } else {
        resolve(&from.path, path)
    };
    if !tree.holds(&path) {
        return Some("no such file".to_owned());
    }
    let page = tree.get(&path)?;
    let there =
        anchor.is_empty() || !path.ends_with(".md") || anchors(&page.text).any(|a| a == anchor);
    (!there).then(|| "no such heading".to_owned())
}

/// `target` as seen from the folder of `from`.
fn resolve(from: &str, target: &str) -> String {
    let mut parts: Vec<&str> = from.split('/').collect();
    parts.pop();
    for part in target.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop();
            }
            name => parts.push(name),
        }
    }
    parts.join("/")
}

/// The anchors that headings get.
fn anchors(text: &str) -> impl Iterator<Item = String> + '_ {
    text.lines().filter(|l| l.starts_with('#')).map(|heading| {
        let words = heading.trim_start_matches('#').trim().to_lowercase();
        words
            .chars()
            .filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'))
            .map(|c| if c == ' ' { '-' } else { c })
            .collect()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_are_resolved_from_their_file() {
        assert_eq!(
            resolve("docs/design/a.md", "../formats/wal.md"),
            "docs/formats/wal.md"
        );
        assert_eq!(resolve("README.md", "./docs"), "docs");
        assert_eq!(
            links("a [b](c.md) and\n```\n[x](y)\n```\n[d](#e)"),
            [(1, "c.md"), (5, "#e")]
        );
    }

    #[test]
    fn headings_become_anchors() {
        assert_eq!(
            anchors("## The log, again").next().as_deref(),
            Some("the-log-again")
        );
    }
}
