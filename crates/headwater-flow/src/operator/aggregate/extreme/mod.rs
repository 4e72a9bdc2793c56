//! `min` and `max`. On append-only input the best value so far is enough; else every value is kept, ordered, with its
//! count. Floats are ordered totally: NaN is the greatest, −0 below 0.

mod best;
mod counted;
mod keys;
mod ranked;

pub(super) use best::Best;
pub(super) use counted::{Extremes, add};
pub(super) use keys::{Codec, Encoded, Keep, Primitive};
