//! What the capture of tables needs of MariaDB and MySQL: the binary log as a [`Feed`](crate::capture::Feed), and tables in
//! ranges of their keys.

mod condition;
mod feed;
mod flat;
mod form;
mod matching;
mod progress;
mod reading;
mod settings;
mod setup;
mod shape;
mod transaction;

pub use settings::{Settings, TableName};

pub(crate) use progress::MySql;
pub(in crate::mysql) use reading::about_rows;
pub(crate) use setup::{begin, begin_anew};
