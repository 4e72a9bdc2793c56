//! What people embed: a data directory or memory, SQL over it, its topics and views.

mod execute;
mod open;
mod records;

pub use execute::{Answer, Answers};
pub use open::{Headwater, Options};
