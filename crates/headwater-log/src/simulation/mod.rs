//! What simulations of faults need: a disk that loses, tears, refuses and damages, always the same way for the same
//! seed. Used by tests, never by a running log.

mod faulty;
mod sectors;

pub use faulty::{Faults, FaultyDisk};
