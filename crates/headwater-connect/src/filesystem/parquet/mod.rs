//! Parquet files: read row group by row group with only the columns that are asked for, written one an epoch.

mod format;
mod reader;
mod source;
mod write;

pub use format::ParquetFormat;
pub(super) use source::{ParquetDecoder, ParquetSource};
pub(super) use write::write;

/// `'format' = 'parquet'`.
pub(super) const NAME: &str = "parquet";
