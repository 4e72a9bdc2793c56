//! Events as types of the user's: any enum that serde can write and read, one variant an event type.

mod event;
mod parse;
mod shape;
mod split;
mod variants;

pub use event::Event;
pub use shape::{Shape, Shaped};
