//! The one kind of data in the engine: an Arrow batch whose rows carry weights (a Z-set).
//!
//! Weight +1 inserts a row and −1 deletes one; an absent weight column means that every row has weight +1,
//! which keeps append-only pipelines on the fast path. Theory: DBSP, arXiv 2203.16684.
//! Rows that come straight from a source may also carry a [`RowTrack`]: by which watermark each is judged late,
//! and where it came from, so that a late row can be kept with its original bytes.

use arrow::array::{
    Array, ArrayRef, BooleanArray, Int64Array, RecordBatch, UInt32Array, UInt64Array,
};
use arrow::compute;
use arrow::datatypes::SchemaRef;

use crate::error::{Error, ErrorKind, Result};

/// Where rows came from and by which watermark they are judged.
#[derive(Debug, Clone)]
pub struct RowTrack {
    /// Per row the watermark in microseconds that a row is judged late against; `i64::MIN`: none yet.
    pub bounds: Int64Array,
    /// Per row its [`Origin`](crate::time::Origin), packed.
    pub origins: UInt64Array,
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
        let track = match &self.track {
            Some(t) => Some(RowTrack {
                bounds: downcast(predicate.filter(&t.bounds)?)?,
                origins: downcast(predicate.filter(&t.origins)?)?,
            }),
            None => None,
        };
        Ok(Self {
            rows,
            weights,
            track,
        })
    }

    /// The rows at `indices`, in that order.
    ///
    /// # Errors
    /// `Bug` if an index is out of bounds.
    pub fn take(&self, indices: &UInt32Array) -> Result<Self> {
        let rows = compute::take_record_batch(&self.rows, indices)?;
        let weights = match &self.weights {
            Some(w) => Some(downcast(compute::take(w, indices, None)?)?),
            None => None,
        };
        let track = match &self.track {
            Some(t) => Some(RowTrack {
                bounds: downcast(compute::take(&t.bounds, indices, None)?)?,
                origins: downcast(compute::take(&t.origins, indices, None)?)?,
            }),
            None => None,
        };
        Ok(Self {
            rows,
            weights,
            track,
        })
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
