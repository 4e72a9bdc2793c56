//! The functions of the dialect: DataFusion's, and those of Flink that it lacks.

mod builtin;
mod charset;
mod clock;
mod json;
mod registry;
mod strings;
mod time;

pub(crate) use clock::CLOCK_FUNCTIONS;
pub(crate) use registry::functions;
