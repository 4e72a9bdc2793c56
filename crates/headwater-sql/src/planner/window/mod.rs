//! Window table functions in FROM: `TUMBLE`, `HOP`, `CUMULATE`, `SESSION` in every spelling, to a `WindowNode`.

mod args;
mod call;
mod canonical;
mod relation;

pub(super) use canonical::{canonical_call, window_call};
pub(super) use relation::Relations;
