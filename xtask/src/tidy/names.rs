//! Modules are named for their concept, and a crate has one integration test binary.

use crate::tidy::report::Report;
use crate::tidy::tree::Tree;

/// Names that say nothing.
const BANNED: &[&str] = &[
    "common", "util", "utils", "types", "helper", "helpers", "misc",
];

pub(super) fn check(tree: &Tree, report: &mut Report) {
    for file in tree.rust() {
        let parts = file.path.split('/').map(|p| p.trim_end_matches(".rs"));
        for part in parts {
            let last = part.rsplit('-').next().unwrap_or(part);
            if BANNED.contains(&last) {
                let path = &file.path;
                report.problem(format!("{path}: '{part}' says nothing: name the concept"));
            }
        }
        if is_second_binary(&file.path) || is_found_binary(tree, &file.path) {
            let path = &file.path;
            report.problem(format!(
                "{path}: a crate has one test binary, tests/main.rs or tests/main/main.rs"
            ));
        }
    }
}

/// Whether cargo would build `path` as a test binary beside `main`.
fn is_second_binary(path: &str) -> bool {
    let Some((_, inside)) = path.split_once("/tests/") else {
        return false;
    };
    path.starts_with("crates/")
        && !path.contains("/src/")
        && inside.ends_with("/main.rs")
        && inside != "main/main.rs"
}

/// Whether `path` lies beside `tests/main.rs` in a crate that lets cargo take every such file for a test binary.
fn is_found_binary(tree: &Tree, path: &str) -> bool {
    let Some((package, file)) = path.split_once("/tests/") else {
        return false;
    };
    let manifest = tree.get(&format!("{package}/Cargo.toml"));
    let finds = manifest.is_some_and(|m| !m.text.contains("autotests = false"));
    finds && file != "main.rs" && !file.contains('/')
}

#[cfg(test)]
mod tests {
    use super::is_second_binary;

    #[test]
    fn one_test_binary_a_crate() {
        assert!(!is_second_binary("crates/a/tests/main.rs"));
        assert!(!is_second_binary("crates/a/tests/main/main.rs"));
        assert!(is_second_binary("crates/a/tests/other/main.rs"));
    }
}
