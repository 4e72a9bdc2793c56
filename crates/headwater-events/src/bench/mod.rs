//! What `headwater bench events` has measured: appends, states, a handler. They are here so that they are compiled as the code of
//! whoever uses this crate is; the command line, which measures, is compiled for size.

mod appends;
mod counter;
mod follow;
mod states;

pub use appends::{conditional, data_of, flood, one_by_one, plain};
pub use follow::follow;
pub use states::{fill, load, load_scattered, scatter};
