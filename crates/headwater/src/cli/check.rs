//! `headwater check` and `headwater explain`: everything that can be said of statements without running them.

use std::path::Path;

use headwater_connect::PrintTarget;
use headwater_flow::connector::Registry;
use headwater_sql::catalogue::Catalogue;
use headwater_sql::{ParsedStatement, Planned, PlannedOutput, Session, SqlError, parse};

use super::args::ExplainArgs;
use super::exit::{Code, Failure, Outcome};
use super::shell::read_text;
use super::style::say;

/// `check`: plans every statement of the files, as if they were one after the other.
pub(crate) fn check(files: &[impl AsRef<Path>]) -> Outcome {
    let mut session = session();
    for file in files {
        let file = file.as_ref();
        let text = read_text(file)?;
        let planned = plan_all(&mut session, &text).map_err(|e| named(file, &text, &e))?;
        say(format_args!(
            "{}: {} statements",
            file.display(),
            planned.len()
        ));
    }
    Ok(())
}

/// `explain`: writes the plan of the last query of a text.
pub(crate) fn explain(args: &ExplainArgs) -> Outcome {
    let (name, text) = match (&args.command, &args.file) {
        (Some(text), _) => (Path::new("-c"), text.clone()),
        (None, Some(file)) => (file.as_path(), read_text(file)?),
        (None, None) => return Err(Failure::usage("name a file or give SQL with -c")),
    };
    let planned = plan_all(&mut session(), &text).map_err(|e| named(name, &text, &e))?;
    let plan = planned.iter().rev().find_map(shown);
    let plan = plan.ok_or_else(|| {
        Failure::new(Code::Config, format!("'{}' holds no query", name.display()))
    })?;
    std::io::Write::write_all(&mut std::io::stdout(), plan.as_bytes())?;
    Ok(())
}

/// A session that nothing is kept of.
fn session() -> Session {
    let mut registry = Registry::default();
    headwater_connect::register_all(&mut registry, PrintTarget::new(std::io::sink()));
    Session::new(Catalogue::in_memory(), registry)
}

fn plan_all(session: &mut Session, text: &str) -> Result<Vec<Planned>, SqlError> {
    let statements = parse(text)?;
    statements.iter().map(|s| plan(session, s)).collect()
}

fn plan(session: &mut Session, statement: &ParsedStatement) -> Result<Planned, SqlError> {
    let planned = session.plan(statement)?;
    match &planned {
        Planned::Define(definition) => session.apply(definition)?,
        Planned::Pipeline(pipeline) => {
            if let Some(definition) = &pipeline.definition {
                session.apply(definition)?;
            }
        }
        _ => {}
    }
    Ok(planned)
}

/// The plan of something that has one.
fn shown(planned: &Planned) -> Option<String> {
    match planned {
        Planned::Query(query) => Some(format!("{}\n", query.plan.display_indent())),
        Planned::InsertValues(output) => Some(output_plan(output)),
        Planned::Pipeline(pipeline) => Some(pipeline.outputs.iter().map(output_plan).collect()),
        Planned::Explain { planned, .. } => shown(planned),
        _ => None,
    }
}

fn output_plan(output: &PlannedOutput) -> String {
    format!(
        "into {}\n{}\n",
        output.target.name,
        output.plan.display_indent()
    )
}

fn named(file: &Path, text: &str, error: &SqlError) -> Failure {
    let shown = error.render(text);
    let shown = shown.strip_prefix("error: ").unwrap_or(&shown);
    Failure::new(Code::Config, format!("{}: {shown}", file.display()))
}
