//! What can be said of statements without running them: `headwater check` and `headwater explain`.

use std::io::Write;
use std::path::Path;

use headwater::Headwater;
use headwater_sql::Planned;

use super::args::ExplainArgs;
use super::exit::{Code, Failure, Outcome};
use super::shell::read_text;
use super::style::say;

/// `check`: plans every statement of the files, as if they were one after the other.
pub(crate) fn check(files: &[impl AsRef<Path>]) -> Outcome {
    let headwater = Headwater::memory()?;
    let mut checker = headwater.checker();
    for file in files {
        let file = file.as_ref();
        let text = read_text(file)?;
        let checked = checker.check(&text).map_err(|e| in_file(file, e))?;
        for statement in &checked {
            if let Planned::Warning(text) = &statement.planned {
                say(format_args!(
                    "{}: line {}: {text}",
                    file.display(),
                    statement.line
                ));
            }
        }
        say(format_args!(
            "{}: {} statements",
            file.display(),
            checked.len()
        ));
    }
    Ok(())
}

/// `explain`: the plans of all queries of a text.
pub(crate) fn explain(args: &ExplainArgs) -> Outcome {
    let (name, text) = match (&args.command, &args.file) {
        (Some(text), _) => (Path::new("-c"), text.clone()),
        (None, Some(file)) => (file.as_path(), read_text(file)?),
        (None, None) => return Err(Failure::usage("name a file or give SQL with -c")),
    };
    let headwater = Headwater::memory()?;
    let mut checker = headwater.checker();
    let checked = checker.check(&text).map_err(|e| in_file(name, e))?;
    let mut plans = Vec::new();
    for statement in &checked {
        let plan = checker.explain(statement).map_err(|e| in_file(name, e))?;
        plans.extend(plan.map(|plan| (statement.line, plan)));
    }
    if plans.is_empty() {
        let text = format!("'{}' holds no query", name.display());
        return Err(Failure::new(Code::Config, text));
    }
    let mut out = std::io::stdout().lock();
    for (i, (line, plan)) in plans.iter().enumerate() {
        if plans.len() > 1 {
            let space = if i > 0 { "\n" } else { "" };
            writeln!(out, "{space}-- line {line}")?;
        }
        out.write_all(plan.as_bytes())?;
    }
    Ok(())
}

/// An error with the file that it is in.
pub(super) fn in_file(file: &Path, error: headwater::Error) -> Failure {
    let failure = Failure::from(error);
    Failure {
        message: format!("{}: {}", file.display(), failure.message),
        ..failure
    }
}
