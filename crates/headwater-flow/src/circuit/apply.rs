//! Rows on their way through stateless operators. Where something cannot be computed of a batch, smaller and smaller parts of
//! it are tried, until the rows are found that are to blame: these alone are left out, and handed on with the reason.
//!
//! What is left out depends on the rows alone, not on how they were cut into batches.

use std::sync::Arc;

use arrow::array::{RecordBatch, RecordBatchOptions};
use arrow::datatypes::{Field, Schema};

use super::graph::Feed;
use crate::batch::ZBatch;
use crate::connector::FailedRow;
use crate::error::{Error, Result};

/// The rows that come of those of `batch`, if any can be computed; what cannot is added to `failed`.
///
/// # Errors
/// Those that are not about rows.
pub(super) fn apply(
    feed: &Feed,
    batch: &ZBatch,
    failed: &mut Vec<FailedRow>,
) -> Result<Option<ZBatch>> {
    let error = match run(feed, batch) {
        Ok(rows) => return Ok(Some(rows)),
        Err(error) if error.is_of_rows() => error,
        Err(error) => return Err(error),
    };
    let count = batch.num_rows();
    if count < 2 {
        failed.push(failed_row(feed, batch, &error)?);
        return Ok(None);
    }
    let half = count / 2;
    let mut done = Vec::new();
    for part in [batch.slice(0, half), batch.slice(half, count - half)] {
        done.extend(apply(feed, &part, failed)?);
    }
    match done.is_empty() {
        true => Ok(None),
        false => ZBatch::concat(&done).map(Some),
    }
}

fn run(feed: &Feed, batch: &ZBatch) -> Result<ZBatch> {
    let mut rows = batch.clone();
    for operator in &feed.chain {
        rows = operator.apply(rows)?;
    }
    Ok(rows)
}

/// The only row of `batch`, as it came into the feed.
fn failed_row(feed: &Feed, batch: &ZBatch, error: &Error) -> Result<FailedRow> {
    let origin = batch.origin(0);
    Ok(FailedRow {
        origin,
        row: match origin {
            Some(_) => None,
            None => Some(named(feed, batch)?.json(0)?),
        },
        reason: error.reason(),
    })
}

/// The rows with the names that people know their columns by.
fn named(feed: &Feed, batch: &ZBatch) -> Result<ZBatch> {
    let schema = batch.schema();
    if feed.columns.len() != schema.fields().len() {
        return Ok(batch.clone());
    }
    let fields = schema.fields().iter().zip(&feed.columns);
    let fields = fields.map(|(f, name)| f.as_ref().clone().with_name(name));
    let schema = Schema::new(fields.collect::<Vec<Field>>());
    let options = RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
    let columns = batch.rows().columns().to_vec();
    let rows = RecordBatch::try_new_with_options(Arc::new(schema), columns, &options)?;
    batch.with_rows(rows)
}

#[cfg(test)]
mod tests {
    use arrow::array::Int64Array;
    use arrow::datatypes::{DataType, SchemaRef};
    use datafusion_expr::{col, lit};
    use rand::rngs::StdRng;
    use rand::{Rng, SeedableRng};

    use super::*;
    use crate::circuit::{EpochClock, Producer};
    use crate::operator::{Calc, Projection};
    use crate::plan::physical;

    fn schema() -> SchemaRef {
        Arc::new(Schema::new(vec![Field::new("n", DataType::Int64, true)]))
    }

    /// `1000 / n` and a number that leaves room for 227: fails for 0, and for numbers from 1 to 4.
    fn feed() -> Feed {
        let expr = lit(1000_i64) / col("n") + lit(9_223_372_036_854_775_580_i64);
        let expr = physical(&expr, &schema(), &EpochClock::default()).expect("fits");
        let leaves = Projection {
            exprs: vec![expr],
            schema: schema(),
        };
        Feed {
            from: Producer::Input(0),
            chain: vec![Arc::new(Calc::new(None, None, leaves, None))],
            columns: vec!["number".to_owned()],
        }
    }

    fn run_in(parts: &[&[i64]]) -> (Vec<i64>, Vec<FailedRow>) {
        let (mut done, mut failed) = (Vec::new(), Vec::new());
        for part in parts {
            let column = Arc::new(Int64Array::from(part.to_vec()));
            let rows = RecordBatch::try_new(schema(), vec![column]).expect("fits");
            let made = apply(&feed(), &ZBatch::append_only(rows), &mut failed).expect("applies");
            if let Some(batch) = made {
                let column = batch.rows().column(0).as_any();
                let column = column.downcast_ref::<Int64Array>().expect("i64");
                done.extend(column.values());
            }
        }
        (done, failed)
    }

    #[test]
    fn rows_fail_one_by_one_however_they_are_cut() {
        for seed in 0..200 {
            let mut rng = StdRng::seed_from_u64(seed);
            let length = rng.random_range(1..300);
            let numbers: Vec<i64> = (0..length).map(|_| rng.random_range(-8..8)).collect();
            let cut = rng.random_range(0..length);
            let whole = run_in(&[&numbers]);
            let halves = [&numbers[..cut], &numbers[cut..]];
            let halves: Vec<&[i64]> = halves.into_iter().filter(|h| !h.is_empty()).collect();
            assert_eq!(whole, run_in(&halves), "seed {seed}");
            let fails = |n: &&i64| (0..5).contains(*n);
            let expected = numbers.iter().filter(|n| !fails(n));
            let expected = expected.map(|n| 1000 / n + 9_223_372_036_854_775_580);
            assert_eq!(whole.0, expected.collect::<Vec<_>>(), "seed {seed}");
            let failing = numbers.iter().filter(fails);
            let failing = failing.map(|n| Some(format!(r#"{{"number":{n}}}"#)));
            let rows = whole.1.into_iter().map(|f| f.row);
            assert!(rows.eq(failing), "seed {seed}");
        }
    }
}
