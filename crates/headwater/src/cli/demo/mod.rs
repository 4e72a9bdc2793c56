//! `headwater demo`: a week of New York flights, played through topics, windows and views.
//!
//! The player stores its position in the same commit as the events, and the pipelines do the same with what they
//! read, so a demo that was killed goes on as if nothing had happened.

mod command;
mod folder;
mod pace;
mod player;
mod screen;
mod summary;
mod week;

pub(crate) use command::run;
