//! The `datagen` connector: rows of random and counted values. A value depends on the seed, the row's number and the
//! column alone, so every range of rows can be made again.

mod connector;
mod decoder;
mod field;
mod random;

pub use connector::DatagenConnector;
