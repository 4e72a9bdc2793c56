//! `headwater topic …`: topics as rpk's users know them, straight on the log.

mod consume;
mod produce;
mod text;
mod verbs;

pub(crate) use verbs::run;
