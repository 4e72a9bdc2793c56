//! Data directories that are not what they should be: one clear sentence, nothing touched.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use crate::binary::{Ended, binary, headwater, run};

fn sql(dir: &Path) -> Ended {
    run(headwater(["sql", "-c", "SELECT 1", "--data"]).arg(dir))
}

/// One sentence, and perhaps a hint.
fn assert_clear(ended: &Ended, code: i32, part: &str) {
    assert_eq!((ended.code, &*ended.stdout), (Some(code), ""), "{ended:?}");
    let lines: Vec<&str> = ended.stderr.lines().collect();
    assert!(
        lines[0].starts_with("error: ") && lines[0].contains(part),
        "{ended:?}"
    );
    assert!(
        lines[1..].iter().all(|l| l.starts_with("hint: ")),
        "{ended:?}"
    );
    for noise in ["os error", "panicked"] {
        assert!(!ended.stderr.contains(noise), "{ended:?}");
    }
}

#[test]
fn a_folder_that_holds_something_else_is_not_made_into_a_data_directory() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("thesis.txt"), "mine").unwrap();
    assert_clear(&sql(dir.path()), 78, "thesis.txt");
    let file = dir.path().join("thesis.txt");
    assert_clear(&sql(&file), 1, "cannot be opened: Not a directory");
    let names: Vec<_> = std::fs::read_dir(dir.path()).unwrap().collect();
    assert_eq!(names.len(), 1);
}

#[test]
fn reading_a_directory_that_is_not_there_makes_none() {
    let root = tempfile::tempdir().unwrap();
    let dir = root.path().join("tpyo");
    for args in [
        vec!["list"],
        vec!["describe", "t"],
        vec!["consume", "t"],
        vec!["produce", "t"],
        vec!["delete", "t"],
    ] {
        let ended = run(headwater(["topic", "--data"]).arg(&dir).args(args));
        assert_clear(&ended, 1, "there is no data directory");
        assert!(!dir.exists());
    }
    let verified = run(headwater(["log", "verify"]).arg(&dir));
    assert_clear(&verified, 1, "cannot be opened");
    let empty = run(headwater(["log", "verify"]).arg(root.path()));
    assert_clear(&empty, 1, "there is no log in");
    assert!(!dir.exists());
}

#[test]
fn a_directory_that_may_not_be_written_is_said_so() {
    if rustix::process::geteuid().is_root() {
        // Root may write everywhere: a file system that is read-only for everybody is asked for below.
        let ended = sql(Path::new("/proc/headwater"));
        return assert_clear(&ended, 1, "cannot be opened");
    }
    let root = tempfile::tempdir().unwrap();
    std::fs::set_permissions(root.path(), PermissionsExt::from_mode(0o555)).unwrap();
    assert_clear(
        &sql(&root.path().join("data")),
        1,
        "cannot be opened: Permission denied",
    );
}

#[test]
fn a_state_directory_of_another_query_is_refused_and_left_as_it_was() {
    let root = tempfile::tempdir().unwrap();
    let dir = root.path().join("state");
    let query = |filter: &str| {
        let text = format!(
            "CREATE TABLE n (n BIGINT) WITH ('connector' = 'datagen',
                'fields.n.kind' = 'sequence', 'fields.n.start' = '1', 'fields.n.end' = '9');
             CREATE TABLE kept (n BIGINT);
             INSERT INTO kept SELECT n FROM n WHERE {filter};"
        );
        let file = root.path().join("query.sql");
        std::fs::write(&file, text).unwrap();
        run(headwater(["run"]).arg(file).arg("-s").arg(&dir))
    };
    assert_eq!(query("n > 7").code, Some(0));
    let other = query("n > 1");
    assert_eq!(other.stdout, "");
    assert!(
        other.stderr.contains("belongs to another query"),
        "{other:?}"
    );
    assert_eq!(other.code, Some(4), "{other:?}");
    assert_eq!(query("n > 7").code, Some(0));
    let kept = [
        "topic", "consume", "kept", "-o", ":end", "-f", "%v ", "--data",
    ];
    let kept = run(headwater(kept).arg(&dir));
    assert_eq!(kept.stdout, "{\"n\":8} {\"n\":9} ");
}

#[test]
fn a_disk_without_room_for_a_log_is_said_in_a_sentence_and_the_run_goes_on_when_there_is_room() {
    let root = tempfile::tempdir().unwrap();
    let dir = root.path().join("state");
    let text = "CREATE TABLE n (n BIGINT) WITH ('connector' = 'datagen', 'rows-per-second' = '0',
            'fields.n.kind' = 'sequence', 'fields.n.start' = '1', 'fields.n.end' = '200000');
         CREATE TABLE kept (n BIGINT);
         INSERT INTO kept SELECT n FROM n;";
    let file = root.path().join("query.sql");
    std::fs::write(&file, text).unwrap();
    // No file may become larger than this, which the first file of the write-ahead log is (a disk that gets full later is tried with
    // the jobs of the library, since they wait for room): the signal of a program that tries is ignored, so that writing fails.
    let limited = "trap '' XFSZ; ulimit -f 1000; exec \"$0\" run \"$1\" -s \"$2\"";
    let mut shell = std::process::Command::new("bash");
    shell.args(["-c", limited]).arg(binary());
    let full = run(shell.arg(&file).arg(&dir));
    assert_clear(&full, 1, "File too large");

    let again = run(headwater(["run"]).arg(&file).arg("-s").arg(&dir));
    assert_eq!(again.code, Some(0), "{again:?}");
    let counted = [
        "sql",
        "-o",
        "csv",
        "-c",
        "SELECT count(*) AS c, max(n) AS m FROM kept",
        "--data",
    ];
    let counted = run(headwater(counted).arg(&dir));
    assert_eq!(counted.stdout, "c,m\n200000,200000\n", "{counted:?}");
    let verified = run(headwater(["log", "verify"]).arg(&dir));
    assert_eq!(verified.code, Some(0), "{verified:?}");
}
