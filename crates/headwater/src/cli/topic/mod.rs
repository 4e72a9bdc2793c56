//! `headwater topic …`: topics as rpk's users know them.

mod args;
mod consume;
mod pattern;
mod produce;
mod verbs;

pub(crate) use args::TopicArgs;
pub(crate) use verbs::run;
