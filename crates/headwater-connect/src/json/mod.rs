//! The `json` format: objects, one a record, one a line in files; and the formats of others that say with it how rows
//! changed.

mod block;
mod bound;
mod changelog;
mod decoder;
mod encoder;
mod escape;
mod fault;
mod format;
mod infer;
mod map;
mod members;
mod number;
mod packed;
mod reader;
mod scan;

pub(crate) use changelog::check_metadata;
pub use changelog::{CANAL_JSON, DebeziumJsonFormat, FlatJsonFormat, MAXWELL_JSON};
pub use decoder::JsonDecoder;
pub use encoder::JsonEncoder;
pub use format::JsonFormat;
