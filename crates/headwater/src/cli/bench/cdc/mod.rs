//! Change data capture from a server of the benchmark's own, in turns with what PostgreSQL's own programs do with the same data.

mod backfill;
mod capturing;
mod drain;
mod large;
mod steady;
mod suite;
mod view;

pub(super) use suite::measure;
