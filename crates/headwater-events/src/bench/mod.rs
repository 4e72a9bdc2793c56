//! What `headwater bench events` has measured: appends, a state, a handler. They are here so that they are compiled as the code of
//! whoever uses this crate is; the command line, which measures, is compiled for size.

mod appends;
mod counter;
mod follow;

pub use appends::{conditional, data_of, flood, plain};
pub use counter::{added, sum};
pub use follow::follow;
