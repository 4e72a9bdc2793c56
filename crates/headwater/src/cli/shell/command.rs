//! The command: one text, one file, or a conversation.

use std::collections::BTreeSet;
use std::io::{self, IsTerminal, Read};
use std::path::{Path, PathBuf};
use std::time::Instant;

use arrow::array::cast::AsArray;
use headwater::Options;
use rustyline::error::ReadlineError;
use rustyline::history::DefaultHistory;
use rustyline::{Config, Editor};

use super::editor::Assistant;
use crate::cli::args::{Format, SqlArgs};
use crate::cli::exit::{Code, Failure, Outcome};
use crate::cli::interrupt;
use crate::cli::output::AnswerPrinter;
use crate::cli::request::{Reply, Request};
use crate::cli::session::{Missing, Session};
use crate::cli::style::{Style, say};

const HELP: &str = "\
statements end with a semicolon and may span lines; tab completes, ctrl-r searches the history
  \\d [NAME]    tables and views, or the columns of one
  \\o FORMAT    write rows as table, json, jsonl or csv
  \\timing      say how long statements take
  \\q           leave (ctrl-d)";

/// Lines of history that are kept.
const HISTORY_LINES_MAX: usize = 10_000;

/// Runs the command.
pub(crate) fn run(args: &SqlArgs) -> Outcome {
    let text = match (&args.command, &args.file) {
        (Some(text), _) => Some(text.clone()),
        (None, Some(file)) => Some(read_text(file)?),
        (None, None) if !io::stdin().is_terminal() => Some(read_text(Path::new("-"))?),
        (None, None) => None,
    };
    interrupt::listen()?;
    let options = Options {
        repeats: true,
        ..args.data.limit.options()
    };
    let session = match &args.postgres {
        Some(address) => Session::on_postgres(address)?,
        None => Session::open(&args.data.data, Missing::Make, options)?,
    };
    session.finish(|session| match text {
        Some(text) => execute(session, text, true, Shown::of(args)),
        None => Shell::new(session, Shown::of(args))?.converse(),
    })
}

/// A file's text; - is standard input.
pub(crate) fn read_text(path: &Path) -> Outcome<String> {
    let mut text = String::new();
    let read = match path.to_str() {
        Some("-") => io::stdin().lock().read_to_string(&mut text).map(drop),
        _ => std::fs::read_to_string(path).map(|t| text = t),
    };
    read.map_err(|e| Failure::io(format!("cannot read '{}'", path.display()), &e))?;
    // Editors of Windows begin a file with a byte order mark.
    Ok(text
        .strip_prefix('\u{feff}')
        .map(str::to_owned)
        .unwrap_or(text))
}

/// How answers are shown.
#[derive(Debug, Clone, Copy)]
struct Shown {
    format: Format,
    /// Whether the commit that rows are of is named, terminal or not.
    commits: bool,
}

impl Shown {
    fn of(args: &SqlArgs) -> Self {
        Self {
            format: args.output,
            commits: args.commits,
        }
    }
}

/// Runs statements and prints what they answer, until it is all there or Ctrl-C, which is how a stream ends.
fn execute(session: &mut Session, text: String, waits: bool, shown: Shown) -> Outcome {
    let printer = AnswerPrinter::new(shown.format).with_progress();
    let mut printer = printer.with_commits(shown.commits);
    let take = &mut |reply| match interrupt::is_asked() {
        true => Err(Failure::new(Code::Interrupted, "interrupted")),
        false => printer.take(reply),
    };
    let outcome = session.ask(&Request::Sql { text, waits }, take);
    let was_stream = printer.break_off()?;
    match outcome {
        Err(failure) if was_stream && failure.code == Code::Interrupted => Ok(()),
        outcome => outcome,
    }
}

/// A conversation on a terminal.
struct Shell<'a> {
    session: &'a mut Session,
    editor: Editor<Assistant, DefaultHistory>,
    history: Option<PathBuf>,
    shown: Shown,
    is_timed: bool,
}

/// Whether the conversation goes on.
enum Next {
    Go,
    Leave,
}

impl<'a> Shell<'a> {
    fn new(session: &'a mut Session, shown: Shown) -> Outcome<Self> {
        let config = Config::builder()
            .max_history_size(HISTORY_LINES_MAX)
            .map_err(|e| terminal(&e))?
            .auto_add_history(true)
            .completion_type(rustyline::CompletionType::List)
            .build();
        let mut editor = Editor::with_config(config).map_err(|e| terminal(&e))?;
        editor.set_helper(Some(Assistant::default()));
        let history = history_path();
        if let Some(path) = &history {
            // The first time there is none.
            drop(editor.load_history(path));
        }
        Ok(Self {
            session,
            editor,
            history,
            shown,
            is_timed: false,
        })
    }

    fn converse(mut self) -> Outcome {
        let style = Style::stderr();
        say(format_args!("{} · \\? for help", style.bold("headwater")));
        loop {
            self.learn();
            match self.editor.readline("headwater> ") {
                Ok(line) => match self.take(&line) {
                    Ok(Next::Go) => {}
                    Ok(Next::Leave) => break,
                    Err(failure) => drop(failure.report()),
                },
                Err(ReadlineError::Interrupted) => {}
                Err(ReadlineError::Eof) => break,
                Err(error) => return Err(terminal(&error)),
            }
            interrupt::forget();
        }
        if let Some(path) = &self.history
            && let Err(error) = self.editor.save_history(path)
        {
            say(format_args!(
                "cannot keep the history in '{}': {error}",
                path.display()
            ));
        }
        Ok(())
    }

    /// Learns the names that can be completed. Without them the shell is only less helpful.
    fn learn(&mut self) {
        let mut names = BTreeSet::new();
        let asked = self.session.ask(&Request::Names, &mut |reply| {
            if let Reply::Rows(batch) = reply
                && let Some(column) = batch.column(0).as_string_opt::<i32>()
            {
                names.extend(column.iter().flatten().map(str::to_owned));
            }
            Ok(())
        });
        if let (Ok(()), Some(assistant)) = (asked, self.editor.helper_mut()) {
            assistant.know(names);
        }
    }

    fn take(&mut self, line: &str) -> Outcome<Next> {
        let text = line.trim();
        if let Some(command) = text.strip_prefix('\\') {
            return self.command(command);
        }
        if !text.is_empty() {
            self.execute(text.to_owned())?;
        }
        Ok(Next::Go)
    }

    fn execute(&mut self, text: String) -> Outcome {
        let started = Instant::now();
        execute(self.session, text, false, self.shown)?;
        if self.is_timed {
            let style = Style::stderr();
            say(format_args!(
                "{}",
                style.dim(&format!("{:.3} s", started.elapsed().as_secs_f64()))
            ));
        }
        Ok(())
    }

    /// A command of the shell itself.
    fn command(&mut self, command: &str) -> Outcome<Next> {
        let words: Vec<&str> = command
            .split_whitespace()
            .map(|w| w.trim_end_matches(';'))
            .collect();
        match words[..] {
            ["q" | "quit" | "exit"] => return Ok(Next::Leave),
            ["?" | "h" | "help"] => say(format_args!("{HELP}")),
            ["d"] => self.execute("SHOW TABLES; SHOW VIEWS;".to_owned())?,
            ["d", name] => self.execute(format!("DESCRIBE {name};"))?,
            ["timing"] => self.is_timed = !self.is_timed,
            ["o", format] => {
                self.shown.format = clap::ValueEnum::from_str(format, true).map_err(|_| {
                    Failure::usage(format!("there is no format '{format}'"))
                        .with_hint("formats are table, json, jsonl and csv")
                })?;
            }
            _ => {
                return Err(Failure::usage(format!("there is no command \\{command}"))
                    .with_hint("\\? shows them"));
            }
        }
        Ok(Next::Go)
    }
}

fn terminal(error: &ReadlineError) -> Failure {
    Failure::failed(format!("cannot use the terminal: {error}"))
}

/// `$XDG_STATE_HOME/headwater/history`, in `~/.local/state` unless it is set.
fn history_path() -> Option<PathBuf> {
    let state = std::env::var_os("XDG_STATE_HOME").map(PathBuf::from);
    let state =
        state.or_else(|| Some(PathBuf::from(std::env::var_os("HOME")?).join(".local/state")))?;
    let folder = state.join("headwater");
    std::fs::create_dir_all(&folder).ok()?;
    Some(folder.join("history"))
}
