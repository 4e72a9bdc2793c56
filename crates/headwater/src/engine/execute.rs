//! SQL: from a text to answers, one a statement.

use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch, StringArray};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use headwater_sql::{
    ParsedStatement, Planned, PlannedOutput, PlannedPipeline, PlannedQuery, parse,
};

use super::Headwater;
use crate::error::{Error, ErrorKind, Result};

/// What a statement answers.
#[derive(Debug, Clone)]
pub enum Answer {
    /// It is done; what to tell a person.
    Done(String),
    /// Rows.
    Rows(SchemaRef, Vec<RecordBatch>),
}

/// The answers of a text's statements, in order.
pub type Answers = Vec<Answer>;

impl Headwater {
    /// Runs the statements of a text in order, up to the first that fails.
    ///
    /// # Errors
    /// `Sql` with the place in the text; what the statements' doing meets.
    pub fn sql(&self, text: &str) -> Result<Answers> {
        let statements = parse(text).map_err(|e| Error::sql(&e, text))?;
        statements.iter().map(|s| self.execute(s, text)).collect()
    }

    fn execute(&self, statement: &ParsedStatement, text: &str) -> Result<Answer> {
        let planned = self
            .session()
            .plan(statement)
            .map_err(|e| Error::sql(&e, text))?;
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
            Planned::Query(query) => self.query(&query),
            Planned::InsertValues(output) => self.insert_values(&output),
            Planned::Explain { planned, .. } => explain(&planned),
            Planned::Rows(names, rows) => texts(&names, &rows),
            Planned::ShowTopics => self.show_topics(),
            Planned::ShowJobs | Planned::StopJob(_) | Planned::Alter(..) => Err(not_yet("jobs")),
            Planned::Done => Ok(Answer::Done("done".to_owned())),
        }
    }

    fn start(&self, _: &PlannedPipeline) -> Result<Answer> {
        Err(not_yet("pipelines"))
    }

    fn query(&self, _: &PlannedQuery) -> Result<Answer> {
        Err(not_yet("queries"))
    }

    fn insert_values(&self, _: &PlannedOutput) -> Result<Answer> {
        Err(not_yet("INSERT … VALUES"))
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

fn not_yet(what: &str) -> Error {
    Error::new(
        ErrorKind::Unsupported,
        format!("this build does not run {what}"),
    )
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
