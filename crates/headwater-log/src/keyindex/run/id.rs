//! [`RunId`]: the name of a run.

/// Names a run: the offsets that it indexes, and the how-manieth run over them it is.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, serde::Serialize, serde::Deserialize,
)]
pub(crate) struct RunId {
    /// The first offset.
    pub(crate) from: u64,
    /// The offset after the last.
    pub(crate) to: u64,
    /// Higher for a run that replaces others.
    pub(crate) generation: u64,
}

impl RunId {
    /// The file's name.
    pub(crate) fn file_name(&self) -> String {
        format!("{:020}-{:020}-{}.keys", self.from, self.to, self.generation)
    }

    /// Whether a file is a run.
    pub(crate) fn is_file_name(name: &str) -> bool {
        name.ends_with(".keys")
    }
}
