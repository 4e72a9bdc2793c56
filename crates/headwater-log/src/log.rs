//! Placeholder until the writer lands.
/// The log.
#[derive(Debug, Clone)]
pub struct Log;
