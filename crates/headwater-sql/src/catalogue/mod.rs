//! What is declared: tables, views, materialised views. The catalogue is a fold of its own compacted topic; sessions
//! read snapshots of it and add their temporary objects.

mod dropped;
mod implicit;
mod job;
mod kept;
mod load;
mod object;
mod record;
mod state;

pub use dropped::{dropped, forget_dropped};
pub use job::Job;
pub use object::{Definition, Object};
pub use record::CATALOGUE_TOPIC;
pub use state::Catalogue;

pub(crate) use implicit::table as implicit_table;
pub(crate) use kept::{base as kept_base, names as kept_names, table as kept_table};
