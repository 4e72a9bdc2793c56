//! What people embed: a data directory or memory, SQL over it, its topics and views.

mod answer;
mod check;
mod define;
mod explain;
mod fresh;
mod job;
mod jobs;
mod open;
mod query;
mod rebuild;
mod records;
mod script;
mod show;
mod start;
mod stream;

pub use answer::{Answer, Answers, Rows};
pub use check::{Checked, Checker};
pub use jobs::JobInfo;
pub(crate) use open::Running;
pub use open::{Headwater, Options};
pub use script::Script;
pub use stream::{Changes, Waited};

#[cfg(test)]
mod tests;
