//! Windows of fixed lengths: tumbling, hopping, cumulating.

mod aggregate;
mod assign;
mod changes;
mod groups;
mod late;
mod layout;
mod panes;
mod windows;

pub use aggregate::{TimeDomain, WindowAggregate, WindowOptions};
pub use assign::WindowAssign;
pub use layout::{Bound, Emit, GroupColumn, Layout};
pub use windows::{FixedWindows, Run};

pub(crate) use changes::Changes;
pub(crate) use groups::Groups;
pub(crate) use late::{Judge, late_row};
