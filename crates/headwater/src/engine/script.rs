//! A text of statements, run one after the other.

use std::collections::{BTreeSet, VecDeque};
use std::vec;

use headwater_sql::{ParsedStatement, Planned, Statement, parse};

use super::Headwater;
use super::answer::{Answer, Answers, texts};
use crate::error::{Error, Result};

/// The statements of a text: each runs when its answer is asked for. Ends after the first that fails. A query whose views
/// have not caught up, or with records that do not decode, is answered by warnings, then by its rows.
///
/// ```
/// let hw = headwater::Headwater::memory()?;
/// let mut script = hw.script("CREATE TABLE t (a INT); SELECT a FROM nowhere; DROP TABLE t")?;
/// assert!(script.next().is_some_and(|created| created.is_ok()));
/// assert!(script.next().is_some_and(|selected| selected.is_err()));
/// assert!(script.next().is_none(), "the table is still there");
/// # Ok::<(), headwater::Error>(())
/// ```
pub struct Script {
    pub(super) headwater: Headwater,
    pub(super) text: String,
    statements: vec::IntoIter<ParsedStatement>,
    /// The jobs that statements of this text are: a statement that stands twice in it is two jobs.
    pub(super) claimed: BTreeSet<String>,
    /// Answers to the last statement that are not given yet.
    rest: VecDeque<Answer>,
}

impl std::fmt::Debug for Script {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Script").finish_non_exhaustive()
    }
}

impl Headwater {
    /// Runs the statements of a text in order, up to the first that fails.
    ///
    /// # Errors
    /// `Sql` with the place in the text; what the statements' doing meets.
    pub fn sql(&self, text: &str) -> Result<Answers> {
        self.script(text)?.collect()
    }

    /// The statements of a text, to be run one by one.
    ///
    /// # Errors
    /// `Sql` with the place in the text if one does not parse.
    pub fn script(&self, text: &str) -> Result<Script> {
        let statements = parse(text).map_err(|e| Error::sql(&e, text))?;
        Ok(Script {
            headwater: self.clone(),
            text: text.to_owned(),
            statements: statements.into_iter(),
            claimed: BTreeSet::new(),
            rest: VecDeque::new(),
        })
    }
}

impl Script {
    /// Whether the statement that was run last has more answers.
    pub fn has_more_answers(&self) -> bool {
        !self.rest.is_empty()
    }
}

impl Iterator for Script {
    type Item = Result<Answer>;

    fn next(&mut self) -> Option<Self::Item> {
        if let Some(answer) = self.rest.pop_front() {
            return Some(Ok(answer));
        }
        let statement = self.statements.next()?;
        let answer = self.execute(&statement);
        if answer.is_err() {
            self.statements = Vec::new().into_iter();
        }
        Some(answer)
    }
}

impl Script {
    fn execute(&mut self, statement: &ParsedStatement) -> Result<Answer> {
        if self.headwater.0.options.repeats
            && let Some(name) = self.repeated(statement)
        {
            return self.repeat(&name, statement);
        }
        let planned = self.headwater.session().plan(statement);
        let planned = planned.map_err(|e| self.failed(&e))?;
        self.act(planned)
    }

    pub(super) fn failed(&self, error: &headwater_sql::SqlError) -> Error {
        Error::sql(error, &self.text)
    }

    fn act(&mut self, planned: Planned) -> Result<Answer> {
        let hw = self.headwater.clone();
        match planned {
            Planned::Define(definition) => hw.define(&definition, &self.text),
            Planned::Pipeline(pipeline) => self.start(pipeline),
            Planned::Query(query) if query.emit.is_some() => {
                Ok(Answer::Changes(hw.stream(&query, &self.text)?))
            }
            Planned::Query(query) => {
                let warning = hw.wait_for_written(&query);
                let answers = hw.query(&query, &self.text)?;
                self.rest.extend(warning.into_iter().chain(answers));
                let first = self.rest.pop_front();
                Ok(first.unwrap_or_else(|| Answer::Done("done".to_owned())))
            }
            Planned::InsertValues(output) => hw.insert_values(&output, &self.text),
            Planned::Explain {
                analyze, planned, ..
            } => hw.explain(&planned, analyze, &self.text),
            Planned::Rows(names, rows) => {
                let names: Vec<&str> = names.iter().map(String::as_str).collect();
                texts(&names, &rows)
            }
            Planned::ShowTopics => hw.show_topics(),
            Planned::ShowJobs => hw.show_jobs(),
            Planned::StopJob(name) => hw.end_job(&name),
            Planned::Alter(name, true) => hw.resume_one(&name),
            Planned::Alter(name, false) => hw.suspend(&name),
            Planned::Exists(name) => {
                hw.resume_existing(&name)?;
                Ok(Answer::Done(format!("{name} exists already")))
            }
            Planned::Warning(text) => Ok(Answer::Warning(text)),
            Planned::Done => Ok(Answer::Done("done".to_owned())),
        }
    }

    /// The object that a statement creates, if it is there already and was created by just this statement.
    fn repeated(&self, statement: &ParsedStatement) -> Option<String> {
        let name = match &statement.statement {
            Statement::CreateView(create) => &create.name.value,
            Statement::CreateTable(create) => &create.name.value,
            _ => return None,
        };
        let object = self.headwater.session().object(name)?;
        statement.says(&object.sql).then(|| name.clone())
    }

    /// A file is run again over what it created: what ran because of the statement runs again.
    fn repeat(&mut self, name: &str, statement: &ParsedStatement) -> Result<Answer> {
        let replanned = self.headwater.session().replan(statement);
        match replanned.map_err(|e| self.failed(&e))? {
            Planned::Pipeline(mut pipeline) => {
                pipeline.definition = None;
                self.start(pipeline)
            }
            _ => Ok(Answer::Done(format!("{name} exists already"))),
        }
    }
}
