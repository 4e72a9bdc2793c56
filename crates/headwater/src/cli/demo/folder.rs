//! The demo's folder: made, found again, and deleted only if it is one.

use std::fs;
use std::path::Path;

use headwater_log::RealDisk;

use crate::cli::exit::{Code, Failure, Outcome};

/// A file that says that a folder is the demo's.
const MARK: &str = ".headwater-demo";
const MARK_TEXT: &str = "This folder belongs to `headwater demo`, which may delete it.\n";

/// Deletes the folder of an earlier demo, if there is one.
pub(super) fn reset(dir: &Path) -> Outcome {
    if is_absent_or_empty(dir)? {
        return Ok(());
    }
    if !dir.join(MARK).exists() {
        let shown = dir.display();
        return Err(Failure::new(
            Code::Config,
            format!("'{shown}' is not a folder of the demo: nothing was deleted"),
        )
        .with_hint("name another one with --data"));
    }
    // Whoever has it open keeps it.
    let _held = RealDisk::locked(dir)?;
    fs::remove_dir_all(dir)
        .map_err(|e| Failure::io(format!("cannot delete '{}'", dir.display()), &e))
}

/// Makes the folder, or finds that of an earlier demo.
pub(super) fn prepare(dir: &Path) -> Outcome {
    let wrong = |e: &std::io::Error| Failure::io(format!("cannot use '{}'", dir.display()), e);
    if !is_absent_or_empty(dir)? {
        if dir.join(MARK).exists() {
            return Ok(());
        }
        let shown = dir.display();
        return Err(Failure::new(
            Code::Config,
            format!("'{shown}' holds something else than a demo"),
        )
        .with_hint("name another folder with --data"));
    }
    fs::create_dir_all(dir).map_err(|e| wrong(&e))?;
    fs::write(dir.join(MARK), MARK_TEXT).map_err(|e| wrong(&e))
}

fn is_absent_or_empty(dir: &Path) -> Outcome<bool> {
    match fs::read_dir(dir) {
        Ok(mut entries) => Ok(entries.next().is_none()),
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => Ok(true),
        Err(e) => Err(Failure::io(format!("cannot read '{}'", dir.display()), &e)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_folder_of_the_demo_is_deleted() {
        let root = tempfile::tempdir().expect("a directory");
        let (demo, other) = (root.path().join("demo"), root.path().join("other"));
        prepare(&demo).expect("makes it");
        prepare(&demo).expect("finds it again");
        reset(&demo).expect("deletes it");
        assert!(!demo.exists());
        fs::create_dir(&other).expect("makes it");
        reset(&other).expect("leaves an empty one");
        fs::write(other.join("thesis.txt"), "").expect("writes");
        assert_eq!(reset(&other).expect_err("refuses").code, Code::Config);
        assert_eq!(prepare(&other).expect_err("refuses").code, Code::Config);
        assert!(other.join("thesis.txt").exists());
    }
}
