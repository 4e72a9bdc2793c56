//! The library facade and the binary: assembly, configuration, command line and demo.

mod clock;

pub use clock::SystemClock;
