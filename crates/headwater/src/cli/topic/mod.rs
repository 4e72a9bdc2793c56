//! `headwater topic …`: topics as rpk's users know them.

mod consume;
mod pattern;
mod produce;
mod verbs;

pub(crate) use verbs::run;
