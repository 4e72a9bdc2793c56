//! The seams to the outside: [`Source`], [`Sink`], [`Format`] and the [`Connector`]s that make them.
//! Declared here, implemented in `headwater-connect`, registered by the top crate.

mod chunk;
mod decoder;
mod format;
mod options;
mod registry;
mod sink;
mod source;

pub use chunk::{Chunk, KnownPartition, Partition, Payload, Range, Seal};
pub use decoder::{Decoded, Decoder, Offsets, OriginalRecord, Reject};
pub use format::{
    DecodedValues, Format, FormatRequest, ValueDecoder, ValueEncoder, ValueReject, is_changelog,
};
pub use options::{OptionKind, OptionSpec, Options};
pub use registry::{Connector, Registry, SinkRequest, SourceRequest, WAITS};
pub use sink::{EncodedRow, FailedRow, LateRow, Sink};
pub use source::{Poll, Source, Waker};
