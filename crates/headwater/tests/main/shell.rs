//! The shell on a terminal: a pseudo-terminal that `script` makes.

use std::io::{Read, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use crate::binary::binary;

const PATIENCE: Duration = Duration::from_secs(30);
const PROMPT: &str = "headwater> ";
const CTRL_C: &str = "\x03";
const CTRL_D: &str = "\x04";
const UP: &str = "\x1b[A";

/// A shell and its terminal.
struct Terminal {
    child: Child,
    keys: ChildStdin,
    shown: Receiver<String>,
    /// What was shown and not looked at yet.
    fresh: String,
}

impl Terminal {
    fn open(dir: &Path) -> Self {
        // Without `exec` some shells stay in between, and end by the Ctrl-C that was meant for ours.
        let command = format!(
            "exec '{}' sql --data data -o csv",
            binary().to_string_lossy()
        );
        let mut script = Command::new("script");
        script.args(["-qfec", &command, "/dev/null"]);
        script
            .current_dir(dir)
            .env("HOME", dir)
            .env("TERM", "xterm");
        script.env_remove("HEADWATER_DATA");
        let piped = script.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = piped.spawn().unwrap();
        let mut out = child.stdout.take().unwrap();
        let (sender, shown) = channel();
        std::thread::spawn(move || {
            let mut bytes = [0; 4096];
            while let Ok(n) = out.read(&mut bytes) {
                let text = String::from_utf8_lossy(&bytes[..n]).into_owned();
                if n == 0 || sender.send(text).is_err() {
                    break;
                }
            }
        });
        Self {
            keys: child.stdin.take().unwrap(),
            child,
            shown,
            fresh: String::new(),
        }
    }

    fn press(&mut self, keys: &str) {
        self.keys.write_all(keys.as_bytes()).unwrap();
        self.keys.flush().unwrap();
    }

    /// Waits until the terminal shows a text after what was waited for before.
    fn wait_for(&mut self, text: &str) {
        loop {
            if let Some(at) = self.fresh.find(text) {
                self.fresh.drain(..at + text.len());
                return;
            }
            match self.shown.recv_timeout(PATIENCE) {
                Ok(more) => self.fresh += &more,
                Err(_) => panic!("'{text}' is not shown: {:?}", self.fresh),
            }
        }
    }

    /// Types a statement and waits for the answer and the next prompt.
    fn ask(&mut self, statement: &str, answer: &str) {
        self.press(&format!("{statement}\n"));
        self.wait_for(answer);
        self.wait_for(PROMPT);
    }

    fn end(mut self) -> Option<i32> {
        self.press(CTRL_D);
        self.child.wait().unwrap().code()
    }
}

#[test]
fn a_person_types_completes_repeats_breaks_off_and_leaves() {
    let dir = tempfile::tempdir().unwrap();
    let mut terminal = Terminal::open(dir.path());
    terminal.wait_for(PROMPT);
    // A statement goes on until its semicolon.
    terminal.press("SELECT 40\n");
    terminal.press("+ 2 AS answer;\n");
    terminal.wait_for("answer\r\n42\r\n");
    terminal.wait_for("as of commit ");
    terminal.wait_for(PROMPT);
    // Ctrl-C forgets what was typed, and the shell goes on.
    terminal.press("SELEC nonsense");
    terminal.press(CTRL_C);
    terminal.wait_for(PROMPT);
    terminal.ask("CREATE TABLE flights (origin STRING);", "created flights");
    terminal.ask("INSERT INTO flights VALUES ('EWR');", "inserted 1 rows");
    // Tab completes names of tables and of their columns.
    terminal.press("SELECT ori\t");
    terminal.wait_for("SELECT origin");
    terminal.press(" FROM fli\t");
    terminal.wait_for("FROM flights");
    terminal.ask(";", "origin\r\nEWR\r\n");
    // What was typed before comes back.
    terminal.press(UP);
    terminal.wait_for("SELECT origin FROM flights;");
    terminal.ask("", "origin\r\nEWR\r\n");
    // A mistake is shown with its place and ends nothing.
    terminal.ask("SELECT orign FROM flights;", "did you mean 'origin'?");
    // A stream is ended by Ctrl-C.
    terminal.press("SELECT origin FROM flights EMIT CHANGES;\n");
    terminal.wait_for("+I,EWR");
    terminal.press(CTRL_C);
    terminal.wait_for(PROMPT);
    terminal.ask("SELECT 7 AS still;", "still\r\n7\r\n");
    assert_eq!(terminal.end(), Some(0));

    // History outlives the shell.
    let mut terminal = Terminal::open(dir.path());
    terminal.wait_for(PROMPT);
    terminal.press(UP);
    terminal.wait_for("SELECT 7 AS still;");
    terminal.press(CTRL_C);
    terminal.wait_for(PROMPT);
    assert_eq!(terminal.end(), Some(0));
}
