//! Looking at statements without running them: `headwater check`, and the look at a whole text before its first statement
//! runs.

use headwater_sql::{
    ParsedStatement, Planned, PlannedPipeline, Session, SqlError, Statement, parse,
};

use super::Headwater;
use super::start::output_plan_of_query;
use crate::error::{Error, ErrorKind, Result};

/// A statement that was looked at.
#[derive(Debug, Clone)]
pub struct Checked {
    /// Its line in the text, from 1.
    pub line: u64,
    /// As written.
    pub text: String,
    /// What it asks for.
    pub planned: Planned,
}

/// Looks at statements in a session of its own, of which nothing is kept.
///
/// ```
/// let hw = headwater::Headwater::memory()?;
/// let checked = hw.checker().check("CREATE TABLE t (a INT);\nSELECT a FROM t;")?;
/// assert_eq!(checked[1].line, 2);
/// let wrong = hw.checker().check("SELECT a FROM t").unwrap_err();
/// assert!(wrong.message().starts_with("table 't' not found"));
/// # Ok::<(), headwater::Error>(())
/// ```
pub struct Checker {
    headwater: Headwater,
    session: Session,
}

impl std::fmt::Debug for Checker {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Checker").finish_non_exhaustive()
    }
}

impl Headwater {
    /// A look at statements, which knows what the catalogue holds now.
    pub fn checker(&self) -> Checker {
        Checker {
            headwater: self.clone(),
            session: self.session().scratch(),
        }
    }

    /// Refuses a text whose pipelines are others than those that the directory has state of: a new job that writes into
    /// a table which a job writes into that is not in the text.
    ///
    /// # Errors
    /// `Conflict`.
    pub fn check_state(&self, checked: &[Checked]) -> Result<()> {
        let new = checked.iter().filter_map(|c| match &c.planned {
            Planned::Pipeline(p) if !p.is_view() => Some(p),
            _ => None,
        });
        let new: Vec<&PlannedPipeline> = new
            .filter(|p| self.known_job(&p.text, |_| false).is_none())
            .collect();
        for job in self.0.catalogue.jobs() {
            let is_here = checked.iter().any(|c| c.says(&job.sql));
            if is_here || new.is_empty() {
                continue;
            }
            let targets = self.targets(&job.sql);
            let writes_too = |p: &&&PlannedPipeline| {
                let mut outputs = p.outputs.iter();
                outputs.any(|o| targets.contains(&o.target.name))
            };
            if new.iter().find(writes_too).is_some() {
                return Err(Error::new(
                    ErrorKind::Conflict,
                    format!("the stored state of '{}' belongs to another query", job.name),
                )
                .with_hint(
                    "run the query that it belongs to, or give this one a state directory of its own",
                ));
            }
        }
        Ok(())
    }

    /// The tables that the statement of a job writes into.
    fn targets(&self, sql: &str) -> Vec<String> {
        let statements = parse(sql).unwrap_or_default();
        let planned = statements.first().map(|s| self.session().replan(s));
        match planned {
            Some(Ok(Planned::Pipeline(p))) => {
                p.outputs.iter().map(|o| o.target.name.clone()).collect()
            }
            _ => Vec::new(),
        }
    }
}

impl Checked {
    /// Whether it says what `sql` says.
    fn says(&self, sql: &str) -> bool {
        let statements = parse(&self.text).unwrap_or_default();
        statements.first().is_some_and(|s| s.says(sql))
    }
}

impl Checker {
    /// Looks at all statements of a text, as if they were run one after the other.
    ///
    /// # Errors
    /// `Sql` with the place of the first that cannot be run.
    pub fn check(&mut self, text: &str) -> Result<Vec<Checked>> {
        let checked = parse(text).and_then(|statements| {
            let checked = statements.iter().map(|s| self.statement(s));
            checked.collect()
        });
        checked.map_err(|e| Error::sql(&e, text))
    }

    /// What `EXPLAIN` would show of a statement that was looked at; `None`: it runs no query.
    ///
    /// # Errors
    /// As [`check`](Self::check).
    pub fn explain(&self, checked: &Checked) -> Result<Option<String>> {
        self.headwater
            .explained(&checked.planned, false, &checked.text)
    }

    fn statement(&mut self, statement: &ParsedStatement) -> Result<Checked, SqlError> {
        let mut planned = self.plan(statement)?;
        self.lower(&mut planned)?;
        if matches!(planned, Planned::Define(_) | Planned::Pipeline(_)) {
            for inferred in self.session.inferred(&statement.text) {
                self.session.apply(&inferred)?;
            }
        }
        match &planned {
            Planned::Define(definition) => self.session.apply(definition)?,
            Planned::Pipeline(pipeline) => {
                if let Some(definition) = &pipeline.definition {
                    self.session.apply(definition)?;
                }
            }
            _ => {}
        }
        Ok(Checked {
            line: statement.line,
            text: statement.text.clone(),
            planned,
        })
    }

    /// Plans a statement. One that creates exactly what is there already does so again.
    fn plan(&mut self, statement: &ParsedStatement) -> Result<Planned, SqlError> {
        let name = match &statement.statement {
            Statement::CreateTable(create) => Some(&create.name.value),
            Statement::CreateView(create) => Some(&create.name.value),
            _ => None,
        };
        let object = name.and_then(|n| self.session.object(n));
        let repeats = self.headwater.0.options.repeats;
        if object.is_some_and(|o| repeats && statement.says(&o.sql)) {
            return self.session.replan(statement);
        }
        self.session.plan(statement)
    }

    /// An error if a continuous query cannot run.
    fn lower(&self, planned: &mut Planned) -> Result<(), SqlError> {
        let hw = &self.headwater;
        match planned {
            Planned::Pipeline(pipeline) => {
                let prepared = hw.prepare(&pipeline.name, &pipeline.outputs)?;
                pipeline.settle(prepared.outputs);
            }
            Planned::Query(query) if query.emit.is_some() => {
                let plan = output_plan_of_query(query);
                let lowered = hw
                    .lower(&[plan], hw.new_shards())
                    .map_err(|e| query.place.locate(e))?;
                query
                    .check_emission(lowered.outputs[0].updating.as_deref())
                    .map_err(|e| query.place.locate(e))?;
            }
            Planned::Explain { planned, .. } => return self.lower(planned),
            _ => {}
        }
        Ok(())
    }
}
