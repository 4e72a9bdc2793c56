//! The `json` format: objects, one a record, one a line in files.

mod block;
mod bound;
mod decoder;
mod encoder;
mod escape;
mod fault;
mod format;
mod infer;
mod map;
mod number;
mod reader;
mod scan;

pub use decoder::JsonDecoder;
pub use encoder::JsonEncoder;
pub use format::JsonFormat;
