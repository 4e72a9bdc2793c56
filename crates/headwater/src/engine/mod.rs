//! What people embed: a data directory or memory, SQL over it, its topics and views.

mod execute;
mod jobs;
mod open;
mod query;
mod records;
mod start;

pub use execute::{Answer, Answers};
pub use jobs::JobInfo;
pub(crate) use open::Running;
pub use open::{Headwater, Options};
