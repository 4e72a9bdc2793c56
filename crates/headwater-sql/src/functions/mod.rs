//! The functions of the dialect by name: DataFusion's, and the engine's own.

mod builtin;
mod clock;
mod random;
mod registry;
mod seeded;

pub(crate) use clock::CLOCK_FUNCTIONS;
pub(crate) use registry::functions;
pub(crate) use seeded::bind as bind_seeds;
