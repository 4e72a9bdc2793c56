//! Crates depend on each other only along the edges that ARCHITECTURE.md lists in its block marked `edges`.

use std::collections::{BTreeMap, BTreeSet};

use crate::Failure;
use crate::tidy::report::Report;
use crate::tidy::tree::Tree;

const PAGE: &str = "ARCHITECTURE.md";

type Edges = BTreeMap<String, BTreeSet<String>>;

pub(super) fn check(tree: &Tree, report: &mut Report) -> Result<(), Failure> {
    let page = tree.get(PAGE).ok_or_else(|| format!("{PAGE} is missing"))?;
    let allowed = allowed(&page.text)?;
    let actual = actual(tree);
    for (from, targets) in &actual {
        let Some(listed) = allowed.get(from) else {
            report.problem(format!(
                "{PAGE}: crate '{from}' is not in the block of edges"
            ));
            continue;
        };
        for to in targets.difference(listed) {
            report.problem(format!(
                "crates/{from}/Cargo.toml: '{from}' may not depend on '{to}' ({PAGE})"
            ));
        }
    }
    for from in allowed.keys().filter(|c| !actual.contains_key(*c)) {
        report.problem(format!("{PAGE}: there is no crate '{from}'"));
    }
    Ok(())
}

/// Lines `crate -> crate, crate` of the block.
fn allowed(page: &str) -> Result<Edges, Failure> {
    let block = page
        .split_once("```edges\n")
        .and_then(|(_, rest)| rest.split_once("```"))
        .ok_or_else(|| format!("{PAGE} has no block of edges"))?
        .0;
    let edges = block.lines().filter_map(|line| {
        let (from, to) = line.split_once("->")?;
        let to = to.split(',').map(str::trim).filter(|c| !c.is_empty());
        Some((from.trim().to_owned(), to.map(str::to_owned).collect()))
    });
    Ok(edges.collect())
}

/// What the manifests say, development and build dependencies included.
fn actual(tree: &Tree) -> Edges {
    let mut edges = Edges::new();
    for file in tree.files() {
        let inside = file.path.strip_prefix("crates/");
        let Some(name) = inside.and_then(|p| p.strip_suffix("/Cargo.toml")) else {
            continue;
        };
        let in_dependencies = file.text.lines().scan(false, |inside, line| {
            if line.starts_with('[') {
                *inside = line.contains("dependencies");
            }
            Some((*inside, line))
        });
        let targets = in_dependencies
            .filter(|(inside, line)| *inside && line.starts_with("headwater"))
            .filter_map(|(_, line)| line.split(['.', ' ', '=']).next())
            .filter(|to| *to != name)
            .map(str::to_owned);
        edges.insert(name.to_owned(), targets.collect());
    }
    edges
}

#[cfg(test)]
mod tests {
    use super::allowed;

    #[test]
    fn the_block_is_read() {
        let edges = allowed("x\n```edges\na -> b, c\nb ->\n```\n").expect("a block");
        assert_eq!(edges["a"].iter().collect::<Vec<_>>(), ["b", "c"]);
        assert!(edges["b"].is_empty());
    }
}
