//! The one kind of data in the engine: an Arrow batch whose rows carry weights (a Z-set).
//!
//! Weight +1 inserts a row and −1 deletes one; an absent weight column means that every row has weight +1,
//! which keeps append-only pipelines on the fast path. Theory: DBSP, arXiv 2203.16684.
//! Rows that come from a source may also carry a [`RowTrack`]: by which watermark each is judged late, and which record
//! it came from: so that a late row can be kept with its original bytes, and rows of several shards be put in order.

use arrow::array::{
    Array, ArrayRef, BooleanArray, Int64Array, RecordBatch, RecordBatchOptions, UInt32Array,
    UInt64Array,
};
use arrow::compute;
use arrow::datatypes::SchemaRef;
use arrow::json::LineDelimitedWriter;

use crate::error::{Error, ErrorKind, Result};

/// Where rows came from and by which watermark they are judged.
#[derive(Debug, Clone)]
pub struct RowTrack {
    /// Per row the watermark in microseconds that a row is judged late against; `i64::MIN`: none yet.
    pub bounds: Int64Array,
    /// Per row the [`Origin`](crate::time::Origin) of the record that brought it, packed.
    pub origins: UInt64Array,
    /// The rows are what records changed, not the records themselves: a late one is kept as a row.
    pub derived: bool,
}

impl RowTrack {
    /// The track of other rows: `pick` takes them out of a column.
    fn pick(&self, pick: impl Fn(&dyn Array) -> Result<ArrayRef>) -> Result<Self> {
        Ok(Self {
            bounds: downcast(pick(&self.bounds)?)?,
            origins: downcast(pick(&self.origins)?)?,
            derived: self.derived,
        })
    }
}

/// A batch of weighted rows.
///
/// Invariants: weights and tracks, where present, have one entry a row; no weight is null.
#[derive(Debug, Clone)]
pub struct ZBatch {
    rows: RecordBatch,
    weights: Option<Int64Array>,
    track: Option<RowTrack>,
}

impl ZBatch {
    /// Rows that are all inserted once.
    pub fn append_only(rows: RecordBatch) -> Self {
        Self {
            rows,
            weights: None,
            track: None,
        }
    }

    /// Rows with weights.
    ///
    /// # Errors
    /// `Bug` if the lengths differ or a weight is null.
    pub fn new(rows: RecordBatch, weights: Option<Int64Array>) -> Result<Self> {
        if let Some(w) = &weights
            && (w.len() != rows.num_rows() || w.null_count() != 0)
        {
            return Err(Error::new(ErrorKind::Bug, "weights do not fit their rows"));
        }
        Ok(Self {
            rows,
            weights,
            track: None,
        })
    }

    /// The same rows with a track.
    ///
    /// # Errors
    /// `Bug` if the lengths differ.
    pub fn with_track(mut self, track: Option<RowTrack>) -> Result<Self> {
        if let Some(t) = &track
            && (t.bounds.len() != self.num_rows() || t.origins.len() != self.num_rows())
        {
            return Err(Error::new(
                ErrorKind::Bug,
                "a row track does not fit its rows",
            ));
        }
        self.track = track;
        Ok(self)
    }

    /// The rows.
    pub fn rows(&self) -> &RecordBatch {
        &self.rows
    }

    /// The weights; `None`: every row has weight +1.
    pub fn weights(&self) -> Option<&Int64Array> {
        self.weights.as_ref()
    }

    /// The track of the rows, if they have one.
    pub fn track(&self) -> Option<&RowTrack> {
        self.track.as_ref()
    }

    /// The weight of row `i`.
    pub fn weight(&self, i: usize) -> i64 {
        self.weights.as_ref().map_or(1, |w| w.value(i))
    }

    /// The number of rows, whatever their weights.
    pub fn num_rows(&self) -> usize {
        self.rows.num_rows()
    }

    /// The schema of the rows.
    pub fn schema(&self) -> SchemaRef {
        self.rows.schema()
    }

    /// The same weights and tracks over other columns of the same length (a projection).
    ///
    /// # Errors
    /// `Bug` if the length differs.
    pub fn with_rows(&self, rows: RecordBatch) -> Result<Self> {
        if rows.num_rows() != self.num_rows() {
            return Err(Error::new(
                ErrorKind::Bug,
                "a projection changed the number of rows",
            ));
        }
        Ok(Self {
            rows,
            weights: self.weights.clone(),
            track: self.track.clone(),
        })
    }

    /// Keeps the rows whose mask is true; null counts as false.
    ///
    /// # Errors
    /// `Bug` if the mask does not fit.
    pub fn filter(&self, mask: &BooleanArray) -> Result<Self> {
        let builder = compute::FilterBuilder::new(mask);
        let predicate = match self.rows.num_columns() {
            0 | 1 => builder.build(),
            _ => builder.optimize().build(),
        };
        let rows = predicate.filter_record_batch(&self.rows)?;
        let weights = match &self.weights {
            Some(w) => Some(downcast(predicate.filter(w)?)?),
            None => None,
        };
        let track = self.track.as_ref();
        let track = track.map(|t| t.pick(|column| Ok(predicate.filter(column)?)));
        Ok(Self {
            rows,
            weights,
            track: track.transpose()?,
        })
    }

    /// The `length` rows from `offset` on.
    #[must_use]
    pub fn slice(&self, offset: usize, length: usize) -> Self {
        let weights = self.weights.as_ref();
        let track = self.track.as_ref();
        Self {
            rows: self.rows.slice(offset, length),
            weights: weights.map(|w| w.slice(offset, length)),
            track: track.map(|t| RowTrack {
                bounds: t.bounds.slice(offset, length),
                origins: t.origins.slice(offset, length),
                derived: t.derived,
            }),
        }
    }

    /// Row `i` as a JSON object; one of another weight than +1 says so in `$weight`.
    ///
    /// # Errors
    /// `Invalid` for a value that JSON has no form for.
    pub fn json(&self, i: usize) -> Result<String> {
        let mut writer = LineDelimitedWriter::new(Vec::new());
        writer.write(&self.rows.slice(i, 1))?;
        writer.finish()?;
        let mut text = String::from_utf8_lossy(&writer.into_inner()).into_owned();
        text.truncate(text.trim_end().len());
        let weight = self.weight(i);
        if weight != 1 && text.ends_with('}') {
            let comma = if text.len() > 2 { "," } else { "" };
            text.truncate(text.len() - 1);
            text.push_str(&format!(r#"{comma}"$weight":{weight}}}"#));
        }
        Ok(text)
    }

    /// Which record brought row `i`, packed, if the row is what a record said; not if it is what one changed.
    pub fn origin(&self, i: usize) -> Option<u64> {
        let records = self.track.as_ref().filter(|t| !t.derived);
        records.map(|t| t.origins.value(i))
    }

    /// The rows at `indices`, in that order.
    ///
    /// # Errors
    /// `Bug` if an index is out of bounds.
    pub fn take(&self, indices: &UInt32Array) -> Result<Self> {
        let columns = self.rows.columns().iter();
        let columns = columns.map(|c| compute::take(c, indices, None));
        let rows = RecordBatch::try_new_with_options(
            self.rows.schema(),
            columns.collect::<std::result::Result<_, _>>()?,
            // There may be rows without columns.
            &RecordBatchOptions::new().with_row_count(Some(indices.len())),
        )?;
        let weights = match &self.weights {
            Some(w) => Some(downcast(compute::take(w, indices, None)?)?),
            None => None,
        };
        let track = self.track.as_ref();
        let track = track.map(|t| t.pick(|column| Ok(compute::take(column, indices, None)?)));
        Ok(Self {
            rows,
            weights,
            track: track.transpose()?,
        })
    }

    /// The rows of batches of the same columns, one after the other; tracked if all of them are.
    ///
    /// # Errors
    /// `Bug` if the columns differ, or there is no batch.
    pub fn concat(batches: &[Self]) -> Result<Self> {
        let first = batches.first();
        let first = first.ok_or_else(|| Error::new(ErrorKind::Bug, "no batch to add to"))?;
        let rows = compute::concat_batches(&first.schema(), batches.iter().map(Self::rows))?;
        let weights = batches.iter().any(|b| b.weights.is_some()).then(|| {
            let weights = batches
                .iter()
                .flat_map(|b| (0..b.num_rows()).map(|i| b.weight(i)));
            Int64Array::from_iter_values(weights)
        });
        let tracks: Option<Vec<&RowTrack>> = batches.iter().map(Self::track).collect();
        let track = tracks.map(|tracks| RowTrack {
            bounds: tracks
                .iter()
                .flat_map(|t| t.bounds.values())
                .copied()
                .collect(),
            origins: tracks
                .iter()
                .flat_map(|t| t.origins.values())
                .copied()
                .collect(),
            derived: tracks.iter().any(|t| t.derived),
        });
        Self::new(rows, weights)?.with_track(track)
    }

    /// The same rows with every weight negated.
    #[must_use]
    pub fn negated(&self) -> Self {
        let weights = match &self.weights {
            Some(w) => w.iter().map(|w| w.map(|w| -w)).collect(),
            None => Int64Array::from(vec![-1; self.num_rows()]),
        };
        Self {
            rows: self.rows.clone(),
            weights: Some(weights),
            track: self.track.clone(),
        }
    }
}

fn downcast<T: Array + Clone + 'static>(array: ArrayRef) -> Result<T> {
    array
        .as_any()
        .downcast_ref::<T>()
        .cloned()
        .ok_or_else(|| Error::new(ErrorKind::Bug, "a kernel changed the type of a column"))
}
