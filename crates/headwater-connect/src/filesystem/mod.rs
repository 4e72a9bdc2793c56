//! The `filesystem` connector: files, directories and globs, read once or followed, and files written exactly once.

mod buffers;
mod config;
mod connector;
mod decoder;
mod durable;
mod file;
mod folder;
mod framed;
mod growing;
mod listing;
mod parquet;
mod pattern;
mod prefix;
mod reader;
mod sink;
mod source;
mod writer;

pub use connector::FilesystemConnector;
pub use parquet::ParquetFormat;
