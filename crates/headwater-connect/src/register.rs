//! Everything of this crate, by name.

use std::sync::Arc;

use headwater_flow::connector::Registry;

use crate::blackhole::BlackholeConnector;
use crate::filesystem::FilesystemConnector;
use crate::json::JsonFormat;
use crate::nexmark::NexmarkConnector;
use crate::print::{PrintConnector, PrintTarget};
use crate::topic::TopicConnector;

/// Registers every connector and format; `print` writes to `print`.
pub fn register_all(registry: &mut Registry, print: PrintTarget) {
    registry.register_format(Arc::new(JsonFormat));
    registry.register(Arc::new(FilesystemConnector));
    registry.register(Arc::new(TopicConnector));
    registry.register(Arc::new(NexmarkConnector));
    registry.register(Arc::new(BlackholeConnector));
    registry.register(Arc::new(PrintConnector::new(print)));
}
