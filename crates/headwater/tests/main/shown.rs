//! The rows of an answer as text.

use arrow::util::display::{ArrayFormatter, FormatOptions};
use headwater::{Answer, Headwater};

/// What a SELECT gives, after the warnings that may come before: a line a row, its cells separated by blanks, sorted.
pub(crate) fn select(hw: &Headwater, query: &str) -> Vec<String> {
    let answers = hw.sql(query).unwrap();
    let Some((Answer::Rows(answer), warnings)) = answers.split_last() else {
        panic!("'{query}' gives rows");
    };
    let is_warning = |answer: &Answer| matches!(answer, Answer::Warning(_));
    assert!(warnings.iter().all(is_warning), "{answers:?}");
    let options = FormatOptions::default().with_null("NULL");
    let mut rows = Vec::new();
    for batch in &answer.batches {
        let columns = batch.columns().iter();
        let columns = columns.map(|c| ArrayFormatter::try_new(c.as_ref(), &options).unwrap());
        let columns: Vec<_> = columns.collect();
        for row in 0..batch.num_rows() {
            let cells = columns.iter().map(|c| c.value(row).to_string());
            rows.push(cells.collect::<Vec<_>>().join(" "));
        }
    }
    rows.sort();
    rows
}
