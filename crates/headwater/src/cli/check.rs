//! What can be said of statements without running them: `headwater check`, `headwater explain`, and the look at a whole
//! file before its first statement runs.

use std::path::Path;

use headwater_connect::PrintTarget;
use headwater_flow::connector::Registry;
use headwater_flow::plan::{Emit, OutputPlan, PlanOptions, lower};
use headwater_log::Log;
use headwater_sql::catalogue::{Catalogue, Definition, Object};
use headwater_sql::statement::Emit as Written;
use headwater_sql::{ParsedStatement, Planned, PlannedOutput, Session, SqlError, Statement, parse};

use super::args::ExplainArgs;
use super::exit::{Code, Failure, Outcome};
use super::shell::read_text;
use super::style::say;

/// A statement that was looked at.
pub(super) struct Checked {
    /// Its text, with as many lines before it as in the file, so that places in messages are those of the file.
    pub(super) text: String,
    /// What it asks for.
    pub(super) planned: Planned,
}

/// `check`: plans every statement of the files, as if they were one after the other.
pub(crate) fn check(files: &[impl AsRef<Path>]) -> Outcome {
    let mut checker = Checker::new(None)?;
    for file in files {
        let file = file.as_ref();
        let checked = checker.check(file, &read_text(file)?)?;
        say(format_args!(
            "{}: {} statements",
            file.display(),
            checked.len()
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
    let checked = Checker::new(None)?.check(name, &text)?;
    let plan = checked.iter().rev().find_map(|c| shown(&c.planned));
    let plan = plan.ok_or_else(|| {
        Failure::new(Code::Config, format!("'{}' holds no query", name.display()))
    })?;
    std::io::Write::write_all(&mut std::io::stdout(), plan.as_bytes())?;
    Ok(())
}

/// Looks at statements in a session of its own, of which nothing is kept.
pub(super) struct Checker {
    session: Session,
}

impl Checker {
    /// A checker that knows what the catalogue of `log` holds.
    pub(super) fn new(log: Option<&Log>) -> Outcome<Self> {
        let wrong = |e: SqlError| Failure::failed(e.to_string());
        let mut registry = Registry::default();
        headwater_connect::register_all(&mut registry, PrintTarget::new(std::io::sink()));
        let catalogue = Catalogue::in_memory();
        if let Some(log) = log {
            for object in Catalogue::open(log).map_err(wrong)?.objects() {
                catalogue.apply(&there_already(&object)).map_err(wrong)?;
            }
        }
        Ok(Self {
            session: Session::new(catalogue, registry),
        })
    }

    /// Looks at all statements of a file.
    pub(super) fn check(&mut self, file: &Path, text: &str) -> Outcome<Vec<Checked>> {
        let statements = parse(text).map_err(|e| named(file, text, &e))?;
        statements
            .iter()
            .map(|s| self.statement(file, text, s))
            .collect()
    }

    fn statement(&mut self, file: &Path, text: &str, parsed: &ParsedStatement) -> Outcome<Checked> {
        let planned = self.plan(parsed).map_err(|e| named(file, text, &e))?;
        if let Planned::Pipeline(pipeline) = &planned {
            can_run(&pipeline.outputs)
                .map_err(|e| Failure {
                    code: Code::Config,
                    ..e
                })
                .map_err(|e| at_line(file, parsed.line, e))?;
        }
        let lines = usize::try_from(parsed.line.saturating_sub(1)).unwrap_or_default();
        Ok(Checked {
            text: "\n".repeat(lines) + &parsed.text,
            planned,
        })
    }

    fn plan(&mut self, statement: &ParsedStatement) -> Result<Planned, SqlError> {
        let planned = self.session.plan(&self.as_new(statement))?;
        match &planned {
            Planned::Define(definition) => self.session.apply(definition)?,
            Planned::Pipeline(pipeline) => {
                if let Some(definition) = &pipeline.definition {
                    self.session.apply(definition)?;
                }
            }
            _ => {}
        }
        Ok(planned)
    }

    /// A statement that creates exactly what is there already does so again.
    fn as_new(&self, statement: &ParsedStatement) -> ParsedStatement {
        let mut statement = statement.clone();
        let is_same = |name: &str| {
            let object = self.session.object(name);
            object.is_some_and(|o| o.sql.trim() == statement.text.trim())
        };
        match &mut statement.statement {
            Statement::CreateTable(create) => create.or_replace |= is_same(&create.name.value),
            Statement::CreateView(create) => create.or_replace |= is_same(&create.name.value),
            _ => {}
        }
        statement
    }
}

fn there_already(object: &Object) -> Definition {
    Definition {
        object: object.clone(),
        drop: false,
        replace: true,
        temporary: false,
        no_op: false,
    }
}

/// Whether a pipeline can be run.
fn can_run(outputs: &[PlannedOutput]) -> Outcome {
    let plans: Vec<OutputPlan> = outputs.iter().map(output_plan).collect();
    let options = PlanOptions {
        shards: 1,
        pool: None,
    };
    lower(&plans, &options)?;
    Ok(())
}

fn output_plan(output: &PlannedOutput) -> OutputPlan {
    let emit = match (output.emit, output.is_view) {
        (Some(Written::Changes), _) | (None, true) => Emit::Changes,
        (Some(Written::OnWindowClose), _) | (None, false) => Emit::OnClose,
    };
    OutputPlan {
        name: output.target.name.clone(),
        plan: output.plan.clone(),
        emit,
        view: output.is_view,
        has_key: !output.target.primary_key.is_empty(),
    }
}

/// The plan of something that has one.
fn shown(planned: &Planned) -> Option<String> {
    let output =
        |o: &PlannedOutput| format!("into {}\n{}\n", o.target.name, o.plan.display_indent());
    match planned {
        Planned::Query(query) => Some(format!("{}\n", query.plan.display_indent())),
        Planned::InsertValues(values) => Some(output(values)),
        Planned::Pipeline(pipeline) => Some(pipeline.outputs.iter().map(output).collect()),
        Planned::Explain { planned, .. } => shown(planned),
        _ => None,
    }
}

fn named(file: &Path, text: &str, error: &SqlError) -> Failure {
    let shown = error.render(text);
    let shown = shown.strip_prefix("error: ").unwrap_or(&shown);
    Failure::new(Code::Config, format!("{}: {shown}", file.display()))
}

fn at_line(file: &Path, line: u64, failure: Failure) -> Failure {
    Failure {
        message: format!("{}: line {line}: {}", file.display(), failure.message),
        ..failure
    }
}
