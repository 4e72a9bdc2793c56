//! Arrow columns under construction, as the decoders of text formats need them: values go straight into typed
//! buffers, nulls are runs that cost nothing until there are some, and a row that turns out to be bad is taken back
//! by cutting the columns to their old length.

mod builder;
mod finish;
mod nulls;
mod number;
mod order;
mod shape;
mod text;
mod ticks;

pub(crate) use builder::{Column, StructColumn, Values};
pub(crate) use order::FoundKey;
pub(crate) use shape::{Scalar, Shape, ShapeKind, StructShape};
pub(crate) use text::Refusal;
pub(crate) use ticks::Ticks;
