//! Everything of this crate, by name.

use std::sync::Arc;

use headwater_flow::connector::Registry;

use crate::blackhole::BlackholeConnector;
use crate::csv::CsvFormat;
use crate::datagen::DatagenConnector;
use crate::filesystem::{FilesystemConnector, ParquetFormat};
use crate::json::{CANAL_JSON, DebeziumJsonFormat, JsonFormat, MAXWELL_JSON};
use crate::nexmark::NexmarkConnector;
use crate::print::{PrintConnector, PrintTarget};
use crate::raw::RawFormat;
use crate::topic::TopicConnector;

/// Registers every connector and format; `print` writes to `print`.
pub fn register_all(registry: &mut Registry, print: PrintTarget) {
    registry.register_format(Arc::new(JsonFormat));
    registry.register_format(Arc::new(DebeziumJsonFormat));
    registry.register_format(Arc::new(MAXWELL_JSON));
    registry.register_format(Arc::new(CANAL_JSON));
    registry.register_format(Arc::new(CsvFormat));
    registry.register_format(Arc::new(RawFormat));
    registry.register_format(Arc::new(ParquetFormat));
    registry.register(Arc::new(FilesystemConnector));
    registry.register(Arc::new(TopicConnector));
    registry.register(Arc::new(DatagenConnector));
    registry.register(Arc::new(NexmarkConnector));
    registry.register(Arc::new(BlackholeConnector));
    registry.register(Arc::new(PrintConnector::new(print)));
}
