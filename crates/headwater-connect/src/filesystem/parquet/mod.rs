//! Parquet files: read row group by row group with only the columns that are asked for, written one an epoch.

mod conform;
mod decoder;
mod file;
mod format;
mod write;

pub(super) use decoder::{ParquetDecoder, no_metadata};
pub(super) use file::ParquetFile;
pub use format::ParquetFormat;
pub(super) use write::write;

/// `'format' = 'parquet'`.
pub(super) const NAME: &str = "parquet";
