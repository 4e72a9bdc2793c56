//! DISTINCT: lets the first row of each value through to the function, and takes it back with the last. All DISTINCT
//! calls over the same argument share one table of (slot, value), whatever their filters: one look-up a row.

mod lists;
mod passed;
mod table;
mod values;

pub(super) use table::{DistinctTable, Member, TableMode};
