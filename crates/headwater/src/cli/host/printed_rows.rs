//! Rows that commands are answered with.

use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::{Field, Schema, SchemaRef};
use headwater::{Answer, Headwater};

use crate::cli::exit::{Failure, Outcome};
use crate::cli::request::{Replies, Reply};

/// Asks in SQL, and hands on the rows; those columns named in `json` hold JSON as text.
pub(super) fn ask(
    headwater: &Headwater,
    query: &str,
    json: &[&str],
    replies: Replies<'_>,
) -> Outcome {
    let answer = headwater.sql(query)?.pop();
    let Some(Answer::Rows(rows)) = answer else {
        return Err(Failure::failed(format!("no rows for {query}")));
    };
    let fields = rows.schema.fields().iter().map(|field| {
        let field = field.as_ref().clone();
        match json.contains(&field.name().as_str()) {
            true => as_json(field),
            false => field,
        }
    });
    let schema = Arc::new(Schema::new(fields.collect::<Vec<_>>()));
    send(&schema, rows.batches, replies)
}

/// A field of texts that are JSON, and are written as such where that is possible.
pub(super) fn as_json(field: Field) -> Field {
    let extension = ("ARROW:extension:name".to_owned(), "arrow.json".to_owned());
    field.with_metadata([extension].into())
}

/// Sends batches as rows of a schema.
pub(super) fn send(
    schema: &SchemaRef,
    batches: impl IntoIterator<Item = RecordBatch>,
    replies: Replies<'_>,
) -> Outcome {
    replies(Reply::Begin {
        schema: Arc::clone(schema),
        is_stream: false,
    })?;
    for batch in batches {
        let columns = batch.columns().to_vec();
        let batch = RecordBatch::try_new(Arc::clone(schema), columns)
            .map_err(|e| Failure::failed(format!("cannot make rows: {e}")))?;
        replies(Reply::Rows(batch))?;
    }
    replies(Reply::End)
}
