//! SQL: from a text to answers, one a statement.

use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch, StringArray};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use headwater_flow::driver::{Ending, Phase};
use headwater_sql::{ParsedStatement, Planned, Statement, parse, statement};

use super::Headwater;
use crate::error::{Error, ErrorKind, Result};

/// What a statement answers.
#[derive(Debug, Clone)]
pub enum Answer {
    /// It is done; what to tell a person.
    Done(String),
    /// Rows.
    Rows(SchemaRef, Vec<RecordBatch>),
    /// A pipeline runs.
    Started {
        /// The name of its job.
        job: String,
        /// Whether its inputs end by nature or are cut off, so that it ends by itself.
        is_bounded: bool,
    },
}

/// The answers of a text's statements, in order.
pub type Answers = Vec<Answer>;

impl Headwater {
    /// Runs the statements of a text in order, up to the first that fails.
    ///
    /// # Errors
    /// `Sql` with the place in the text; what the statements' doing meets.
    pub fn sql(&self, text: &str) -> Result<Answers> {
        let mut answers = Answers::new();
        self.sql_with(text, |answer| {
            answers.push(answer);
            Ok::<_, Error>(())
        })?;
        Ok(answers)
    }

    /// As [`sql`](Self::sql), but hands on each answer before the next statement runs.
    ///
    /// # Errors
    /// As [`sql`](Self::sql), and what `take` returns.
    pub fn sql_with<E: From<Error>>(
        &self,
        text: &str,
        mut take: impl FnMut(Answer) -> Result<(), E>,
    ) -> Result<(), E> {
        let statements = parse(text).map_err(|e| Error::sql(&e, text))?;
        statements
            .iter()
            .try_for_each(|s| take(self.execute(s, text)?))
    }

    fn execute(&self, statement: &ParsedStatement, text: &str) -> Result<Answer> {
        if self.0.options.repeats && self.is_repeated(statement) {
            return match self.plan_again(statement, text)? {
                Planned::Pipeline(mut pipeline) => {
                    pipeline.definition = None;
                    self.start(&pipeline)
                }
                _ => Ok(Answer::Done("exists already".to_owned())),
            };
        }
        let planned = self
            .session()
            .plan(statement)
            .map_err(|e| Error::sql(&e, text))?;
        self.act(planned, text)
    }

    fn act(&self, planned: Planned, text: &str) -> Result<Answer> {
        match planned {
            Planned::Define(definition) => {
                self.session()
                    .apply(&definition)
                    .map_err(|e| Error::sql(&e, text))?;
                let verb = if definition.drop {
                    "dropped"
                } else {
                    "created"
                };
                Ok(Answer::Done(format!("{verb} {}", definition.object.name)))
            }
            Planned::Pipeline(pipeline) => self.start(&pipeline),
            Planned::Query(query) => self.query(&query, text),
            Planned::InsertValues(output) => self.insert_values(&output, text),
            Planned::Explain { planned, .. } => explain(&planned),
            Planned::Rows(names, rows) => texts(&names, &rows),
            Planned::ShowTopics => self.show_topics(),
            Planned::ShowJobs => self.show_jobs(),
            Planned::StopJob(name) => {
                self.0.jobs.stop(&name)?;
                Ok(Answer::Done(format!("stopped {name}")))
            }
            Planned::Alter(name, resume) => self.alter(&name, resume),
            Planned::Done => Ok(Answer::Done("done".to_owned())),
        }
    }

    fn show_jobs(&self) -> Result<Answer> {
        let names = [
            "job", "state", "epoch", "rows_in", "rows_out", "late", "rejected",
        ];
        let rows = self.jobs().into_iter().map(|job| {
            let s = job.status;
            let phase = match &s.phase {
                Phase::Recovering => "recovering".to_owned(),
                Phase::Running => "running".to_owned(),
                Phase::Ended(Ending::Finished) => "finished".to_owned(),
                Phase::Ended(Ending::Stopped) => "stopped".to_owned(),
                Phase::Failed(why) => format!("failed: {why}"),
            };
            let figures =
                [s.epoch, s.rows_in, s.rows_out, s.late, s.rejected].map(|n| n.to_string());
            [vec![job.name, phase], figures.to_vec()].concat()
        });
        texts(&names.map(str::to_owned), &rows.collect::<Vec<_>>())
    }

    /// Suspends or resumes a materialised view.
    fn alter(&self, name: &str, resume: bool) -> Result<Answer> {
        if !resume {
            self.0.jobs.stop(name)?;
            return Ok(Answer::Done(format!("suspended {name}")));
        }
        let object = self.session().object(name);
        let object = object
            .ok_or_else(|| Error::new(ErrorKind::NotFound, format!("'{name}' does not exist")))?;
        self.resume(&object.sql)?;
        Ok(Answer::Done(format!("resumed {name}")))
    }

    /// Starts the materialised views of the catalogue that do not run.
    ///
    /// # Errors
    /// What starting them meets.
    pub fn resume_views(&self) -> Result<()> {
        let objects = self.0.catalogue.objects();
        let views = objects
            .iter()
            .filter(|o| o.kind == statement::ObjectKind::MaterializedView);
        views
            .filter(|o| !self.0.jobs.has(&o.name))
            .try_for_each(|o| self.resume(&o.sql))
    }

    /// Starts a pipeline that the catalogue knows already.
    fn resume(&self, text: &str) -> Result<()> {
        for statement in parse(text).map_err(|e| Error::sql(&e, text))? {
            if let Planned::Pipeline(mut pipeline) = self.plan_again(&statement, text)? {
                pipeline.definition = None;
                self.start(&pipeline)?;
            }
        }
        Ok(())
    }

    /// Plans a statement, also if it creates what it created before.
    fn plan_again(&self, statement: &ParsedStatement, text: &str) -> Result<Planned> {
        let mut statement = statement.clone();
        match &mut statement.statement {
            Statement::CreateView(create) => create.or_replace = true,
            Statement::CreateTable(create) => create.or_replace = true,
            _ => {}
        }
        self.session()
            .plan(&statement)
            .map_err(|e| Error::sql(&e, text))
    }

    /// Whether a statement creates exactly what is there; a second run of a file does.
    fn is_repeated(&self, statement: &ParsedStatement) -> bool {
        let name = match &statement.statement {
            Statement::CreateView(create) => &create.name.value,
            Statement::CreateTable(create) => &create.name.value,
            _ => return false,
        };
        let same = |sql: &str| sql.trim() == statement.text.trim();
        self.session().object(name).is_some_and(|o| same(&o.sql))
    }

    fn show_topics(&self) -> Result<Answer> {
        let topics = self
            .log()
            .topics()
            .into_iter()
            .filter(|t| !t.config.internal);
        let rows: Vec<Vec<String>> = topics
            .map(|t| vec![t.name, t.config.partitions.to_string()])
            .collect();
        texts(&["topic".to_owned(), "partitions".to_owned()], &rows)
    }
}

/// The plan as rows of text.
fn explain(planned: &Planned) -> Result<Answer> {
    let plans: Vec<String> = match planned {
        Planned::Query(query) => vec![query.plan.display_indent().to_string()],
        Planned::InsertValues(output) => vec![output.plan.display_indent().to_string()],
        Planned::Pipeline(pipeline) => {
            let outputs = pipeline.outputs.iter();
            outputs
                .map(|o| format!("into {}\n{}", o.target.name, o.plan.display_indent()))
                .collect()
        }
        _ => vec!["nothing to explain".to_owned()],
    };
    let lines = plans
        .iter()
        .flat_map(|p| p.lines())
        .map(|l| vec![l.to_owned()]);
    texts(&["plan".to_owned()], &lines.collect::<Vec<_>>())
}

/// Rows of text.
fn texts(names: &[String], rows: &[Vec<String>]) -> Result<Answer> {
    let fields: Vec<Field> = names
        .iter()
        .map(|n| Field::new(n, DataType::Utf8, false))
        .collect();
    let schema = Arc::new(Schema::new(fields));
    let column = |i: usize| -> ArrayRef {
        let cells = rows.iter().map(|r| r.get(i).map_or("", String::as_str));
        Arc::new(StringArray::from_iter_values(cells))
    };
    let columns = (0..names.len()).map(column).collect();
    let batch = RecordBatch::try_new(Arc::clone(&schema), columns)
        .map_err(|e| Error::new(ErrorKind::Bug, format!("rows of text do not fit: {e}")))?;
    Ok(Answer::Rows(schema, vec![batch]))
}
