//! The scalar functions of the dialect that DataFusion lacks, or gives another meaning: names, types and kernels. The planner
//! makes them known by name.

mod charset;
mod checked;
mod hash;
mod json;
mod spec;
mod strings;
mod time;

pub use checked::checked;
pub use spec::{Spec, specs};
