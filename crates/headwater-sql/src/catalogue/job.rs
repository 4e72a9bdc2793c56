//! Jobs of the catalogue: continuous queries that go on after a restart until somebody stops them.

/// A continuous query with a name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Job {
    /// Its name, under which its state is kept.
    pub name: String,
    /// The statement that started it.
    pub sql: String,
    /// Whether it waits to be resumed.
    pub is_suspended: bool,
    /// It uses temporary objects, so that another process cannot go on with it by itself: nothing is written of it.
    pub is_temporary: bool,
}
