//! The `filesystem` connector: files, directories and globs, read once or followed, and files written exactly once.

mod config;
mod connector;
mod decoder;
mod listing;
mod pattern;
mod reader;
mod source;

pub use connector::FilesystemConnector;
