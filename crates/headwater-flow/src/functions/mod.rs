//! The scalar functions of the dialect that DataFusion lacks, or gives another meaning: names, types and kernels. The planner
//! makes them known by name.

pub mod base64;
mod charset;
mod checked;
mod collections;
mod hash;
mod json;
mod maps;
mod narrow;
mod numbers;
mod printf;
mod regex;
mod spec;
mod strings;
mod texts;
mod time;
mod url;

pub use checked::checked;
pub(crate) use narrow::{fits_128_bits, into_type, narrowed};
pub use narrow::{narrow, wide_type};
pub use spec::{Spec, specs};
