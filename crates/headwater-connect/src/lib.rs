//! What Headwater reads and writes: formats (JSON, CSV, raw, Parquet, the events of Debezium, Maxwell and Canal) and
//! connectors (files, topics, tables of PostgreSQL, MariaDB and MySQL, generators, `print`, `blackhole`).

mod blackhole;
mod cdc;
mod column;
mod csv;
mod datagen;
mod decimal;
mod filesystem;
mod generator;
mod json;
mod kept;
mod lines;
mod mysql;
mod netted;
mod nexmark;
mod plain;
mod postgres;
mod print;
mod raw;
mod register;
mod temporal;
mod ticks;
mod topic;

pub use blackhole::BlackholeConnector;
pub use cdc::CdcConnector;
pub use csv::CsvFormat;
pub use datagen::DatagenConnector;
pub use filesystem::{FilesystemConnector, ParquetFormat};
pub use headwater_flow::functions::base64;
pub use json::{
    CANAL_JSON, DebeziumJsonFormat, FlatJsonFormat, JsonDecoder, JsonEncoder, JsonFormat,
    MAXWELL_JSON,
};
pub use nexmark::{NexmarkConnector, nexmark_schema, write_nexmark_json};
pub use print::{PrintConnector, PrintTarget};
pub use raw::RawFormat;
pub use register::register_all;
pub use topic::{TopicConnector, ensure_topic, topic_name};
