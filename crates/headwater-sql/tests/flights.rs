//! The statements of the flights example plan.

use crate::support::{plan, session};

#[test]
fn all_files_plan_one_after_the_other() {
    let folder = format!("{}/../../examples/flights", env!("CARGO_MANIFEST_DIR"));
    let mut files: Vec<_> = std::fs::read_dir(folder)
        .unwrap()
        .map(|f| f.unwrap().path())
        .filter(|p| p.extension().is_some_and(|e| e == "sql"))
        .collect();
    files.sort();
    assert!(!files.is_empty());
    let mut session = session("");
    for file in files {
        let shown = plan(&mut session, &std::fs::read_to_string(&file).unwrap());
        assert!(!shown.contains("error"), "{}: {shown}", file.display());
    }
}
