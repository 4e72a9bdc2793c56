//! Appending: the funnel through which all appends of a process go, and events that come with somebody's own transaction.

mod batch;
mod decide;
mod facts;
mod fate;
mod funnel;
mod look_up;
mod names;
mod rows;
mod runner;
mod turn;
mod versions;
mod within;

pub(super) use facts::position;
pub(super) use fate::is_unheard_of;
pub(super) use funnel::Funnel;
pub(super) use names::{closed_tag, opened_tag, owner_name};
pub(super) use within::append_in;
