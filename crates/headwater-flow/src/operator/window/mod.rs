//! Windows of fixed lengths: tumbling, hopping, cumulating.

mod aggregate;
mod assign;
mod changes;
mod close;
mod domain;
mod groups;
mod late;
mod layout;
mod panes;
mod spec;
mod windows;

pub use assign::WindowAssign;
pub use layout::WindowColumn;
pub use spec::{WindowAggregate, WindowAggregateSpec, WindowMode};

pub(crate) use changes::Changes;
pub(crate) use domain::{TimeDomain, WindowClock};
pub(crate) use groups::Groups;
pub(crate) use late::{Judge, late_row};
pub(crate) use layout::Layout;
