//! What an epoch did to the rows of a changelog, in net. A row that changes goes before what it is now comes, so that
//! whoever reads by a key has the latter.

use ahash::AHashMap;
use arrow::array::{Int64Array, UInt32Array};
use headwater_flow::connector::ValueEncoder;
use headwater_flow::{Result, ZBatch};

/// The rows that went, then those that came; what came and went in the same epoch is left out. Rows are the same if the
/// encoders say so.
///
/// # Errors
/// Those of the encoders.
pub(crate) fn netted(
    batches: &[ZBatch],
    mut identities: impl FnMut(&ZBatch) -> Result<Vec<Vec<u8>>>,
) -> Result<Vec<ZBatch>> {
    let is_plain = |batch: &ZBatch| (0..batch.num_rows()).all(|row| batch.weight(row) > 0);
    if batches.iter().all(is_plain) {
        return Ok(batches.to_vec());
    }
    let mut sums: AHashMap<Vec<u8>, usize> = AHashMap::new();
    // Where each row was first seen, and how often it came in all.
    let mut rows: Vec<(usize, u32, i64)> = Vec::new();
    for (at, batch) in batches.iter().enumerate() {
        let same = ZBatch::append_only(batch.rows().clone());
        for (row, identity) in identities(&same)?.into_iter().enumerate() {
            let known = *sums.entry(identity).or_insert_with(|| {
                rows.push((at, row as u32, 0));
                rows.len() - 1
            });
            rows[known].2 += batch.weight(row);
        }
    }
    let mut out = Vec::new();
    for sign in [-1, 1] {
        for (at, batch) in batches.iter().enumerate() {
            let chosen = rows
                .iter()
                .filter(|(b, _, n)| *b == at && n.signum() == sign);
            let (places, weights): (Vec<u32>, Vec<i64>) =
                chosen.map(|(_, row, n)| (*row, *n)).unzip();
            if !places.is_empty() {
                let taken = batch.take(&UInt32Array::from(places))?.rows().clone();
                out.push(ZBatch::new(taken, Some(Int64Array::from(weights)))?);
            }
        }
    }
    Ok(out)
}

/// Rows as an encoder writes them.
///
/// # Errors
/// Those of the encoder.
pub(crate) fn encoded(encoder: &dyn ValueEncoder, rows: &ZBatch) -> Result<Vec<Vec<u8>>> {
    let (mut text, mut ends) = (Vec::new(), Vec::new());
    encoder.encode(rows, &mut text, &mut ends)?;
    let mut start = 0;
    let cut = |end: usize| {
        let one = text[start..end].to_vec();
        start = end;
        one
    };
    Ok(ends.into_iter().map(cut).collect())
}
