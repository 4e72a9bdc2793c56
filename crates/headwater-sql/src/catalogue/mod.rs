//! What is declared: tables, views, materialised views. The catalogue is a fold of its own compacted topic; sessions
//! read snapshots of it and add their temporary objects.

mod implicit;
mod object;
mod record;
mod state;

pub use object::{Definition, Object};
pub use record::CATALOGUE_TOPIC;
pub use state::Catalogue;

pub(crate) use implicit::table as implicit_table;
