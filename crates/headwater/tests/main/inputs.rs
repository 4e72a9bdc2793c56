//! Input files between two runs of `run -s`: what was read must still be there, whether it would be read again (the first
//! run was killed) or a snapshot spares that (it came to its end). Nothing that is refused touches the state.

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Stdio};

use crate::binary::{Ended, headwater, run};

const LINES: i64 = 500;

/// A folder of two files, a statement that prints them, and a state directory.
struct World {
    dir: tempfile::TempDir,
}

fn lines(first: i64) -> String {
    let ids = first..first + LINES;
    ids.map(|id| format!("{{\"id\":{id}}}\n")).collect()
}

impl World {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir(dir.path().join("in")).unwrap();
        let world = Self { dir };
        fs::write(world.file("b.json"), lines(0)).unwrap();
        fs::write(world.file("c.json"), lines(LINES)).unwrap();
        world
    }

    fn file(&self, name: &str) -> PathBuf {
        self.dir.path().join("in").join(name)
    }

    /// Writes the statements; `more` is a table without end that keeps the run from ending.
    fn script(&self, options: &str, endless: bool) -> PathBuf {
        let more = if endless {
            " UNION ALL SELECT id FROM more"
        } else {
            ""
        };
        let text = format!(
            "CREATE TABLE files (id INT) WITH ('connector' = 'filesystem', 'path' = '{}', 'format' = 'json'{options});
             CREATE TABLE more (id INT);
             CREATE TABLE shown (id INT) WITH ('connector' = 'print');
             INSERT INTO shown SELECT id FROM files{more};",
            self.dir.path().join("in").display()
        );
        let path = self.dir.path().join("job.sql");
        fs::write(&path, text).unwrap();
        path
    }

    fn command(&self, script: &Path) -> std::process::Command {
        let mut command = headwater(["run"]);
        command
            .arg(script)
            .arg("-s")
            .arg(self.dir.path().join("state"));
        command
    }

    /// Runs it to its end.
    fn run(&self, script: &Path) -> Ended {
        run(&mut self.command(script))
    }

    /// Starts it and waits until it has shown so many rows.
    fn shows(&self, script: &Path, rows: i64) -> (Child, BufReader<ChildStdout>, Vec<String>) {
        let mut command = self.command(script);
        let child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn();
        let mut child = child.unwrap();
        let mut out = BufReader::new(child.stdout.take().unwrap());
        let mut shown = Vec::new();
        for _ in 0..rows {
            let mut line = String::new();
            assert!(out.read_line(&mut line).unwrap() > 0, "it ended early");
            shown.push(line.trim().to_owned());
        }
        (child, out, shown)
    }

    fn killed_after(&self, script: &Path, rows: i64) -> Vec<String> {
        let (mut child, _out, shown) = self.shows(script, rows);
        child.kill().unwrap();
        child.wait().unwrap();
        shown
    }
}

/// Changes the input between two runs, with and without a snapshot, and checks that the second one refuses it: with
/// this exit code and these words. Put right again, it goes on as if nothing had been.
fn check_refused(code: i32, words: &[&str], change: impl Fn(&World), undo: impl Fn(&World)) {
    for has_snapshot in [true, false] {
        let world = World::new();
        let script = world.script("", !has_snapshot);
        if has_snapshot {
            let first = world.run(&script);
            assert_eq!(first.code, Some(0), "{}", first.stderr);
            assert_eq!(first.stdout.lines().count() as i64, 2 * LINES);
        } else {
            world.killed_after(&script, 2 * LINES);
        }
        change(&world);
        let second = world.run(&script);
        let context = format!("with a snapshot: {has_snapshot}\n{}", second.stderr);
        assert_eq!(
            (second.code, &*second.stdout),
            (Some(code), ""),
            "{context}"
        );
        for word in words {
            assert!(second.stderr.contains(word), "'{word}': {context}");
        }
        undo(&world);
        if has_snapshot {
            let third = world.run(&script);
            assert_eq!(
                (third.code, &*third.stdout),
                (Some(0), ""),
                "{}",
                third.stderr
            );
        }
    }
}

#[test]
fn an_edited_file_is_corrupt() {
    check_refused(
        1,
        &["b.json' has changed"],
        |world| {
            let edited = lines(0).replace("\"id\":77}", "\"id\":78}");
            fs::write(world.file("b.json"), edited).unwrap();
        },
        |world| fs::write(world.file("b.json"), lines(0)).unwrap(),
    );
}

#[test]
fn a_file_that_lost_its_end_is_corrupt() {
    check_refused(
        1,
        &["c.json' is shorter"],
        |world| fs::write(world.file("c.json"), &lines(LINES)[..100]).unwrap(),
        |world| fs::write(world.file("c.json"), lines(LINES)).unwrap(),
    );
}

#[test]
fn a_removed_file_is_corrupt() {
    check_refused(
        1,
        &["c.json' is gone"],
        |world| fs::remove_file(world.file("c.json")).unwrap(),
        |world| fs::write(world.file("c.json"), lines(LINES)).unwrap(),
    );
}

#[test]
fn a_renamed_file_is_corrupt() {
    check_refused(
        1,
        &["b.json' is gone"],
        |world| fs::rename(world.file("b.json"), world.file("a.json")).unwrap(),
        |world| fs::rename(world.file("a.json"), world.file("b.json")).unwrap(),
    );
}

#[test]
fn a_file_that_came_later_is_refused_with_a_hint() {
    check_refused(
        78,
        &["a.json' was added", "source.monitor-interval"],
        |world| fs::write(world.file("a.json"), lines(0)).unwrap(),
        |world| fs::remove_file(world.file("a.json")).unwrap(),
    );
}

#[test]
fn a_file_that_comes_into_a_followed_folder_is_read_behind_the_others() {
    let world = World::new();
    let script = world.script(", 'source.monitor-interval' = '20ms'", false);
    let shown = world.killed_after(&script, 2 * LINES);
    assert_eq!(shown.first().map(String::as_str), Some("+I[0]"));
    fs::write(world.file("a.json"), "{\"id\":-1}\n").unwrap();
    assert_eq!(world.killed_after(&script, 1), ["+I[-1]"]);
    fs::remove_file(world.file("a.json")).unwrap();
    fs::write(world.file("d.json"), "{\"id\":-2}\n").unwrap();
    // What was read of the file that is gone is still in the journal, and needed.
    let refused = world.run(&script);
    assert_eq!(refused.code, Some(1), "{}", refused.stderr);
    assert!(
        refused.stderr.contains("a.json' is gone"),
        "{}",
        refused.stderr
    );
}

#[test]
fn a_followed_folder_without_files_waits_for_the_first() {
    let world = World::new();
    for name in ["b.json", "c.json"] {
        fs::remove_file(world.file(name)).unwrap();
    }
    let script = world.script(", 'source.monitor-interval' = '20ms'", false);
    // The second job shows its row when the first one has found nothing.
    let begun = world.dir.path().join("begun.json");
    fs::write(&begun, "{\"id\":0}\n").unwrap();
    let mut text = fs::read_to_string(&script).unwrap();
    text.push_str(&format!(
        "CREATE TABLE begun (id INT) WITH ('connector' = 'filesystem', 'path' = '{}', 'format' = 'json');
         INSERT INTO shown SELECT id FROM begun;",
        begun.display()
    ));
    fs::write(&script, text).unwrap();
    let (mut child, mut out, shown) = world.shows(&script, 1);
    assert_eq!(shown, ["+I[0]"]);
    fs::write(world.file("d.json"), "{\"id\":5}\n").unwrap();
    let mut line = String::new();
    out.read_line(&mut line).unwrap();
    child.kill().unwrap();
    child.wait().unwrap();
    assert_eq!(line, "+I[5]\n");
}
