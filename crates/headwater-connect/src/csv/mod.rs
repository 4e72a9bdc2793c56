//! The `csv` format: columns by their places, quoted where they must be.

mod config;
mod decoder;
mod encoder;
mod fields;
mod format;
mod frame;

pub(crate) use encoder::header;
pub use format::CsvFormat;
