//! The functions of the dialect by name: DataFusion's, and the engine's own.

mod builtin;
mod clock;
mod random;
mod registry;

pub(crate) use clock::CLOCK_FUNCTIONS;
pub(crate) use registry::functions;
