//! Windows in GROUP BY, rewritten to window table functions: `GROUP BY TUMBLE(ts, size)` with `TUMBLE_START`,
//! `TUMBLE_END`, `TUMBLE_ROWTIME` (HOP, CUMULATE and SESSION likewise), and Arroyo's `GROUP BY tumble(size)`, which takes
//! the event time of its input and is a row of `start` and `end`.

mod auxiliary;
mod call;
mod rewrite;
mod time;

pub(super) use rewrite::rewrite;
