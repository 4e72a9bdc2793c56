//! What a capture says of itself.

use super::place::Place;

/// What a capture does.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Phase {
    /// It connects.
    #[default]
    Starting,
    /// It follows the server.
    Streaming,
    /// Something failed and will be tried again.
    Waiting(String),
    /// It was stopped.
    Stopped,
    /// Something failed for good.
    Failed(String),
}

/// How far a table is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TableStatus {
    /// The table.
    pub name: String,
    /// Its topic.
    pub topic: String,
    /// How much of it was read, in blocks of PostgreSQL or rows of the others.
    pub read: u64,
    /// How much there is to be read, about; zero: it was not measured yet.
    pub size: u64,
    /// Rows that this process has read of it.
    pub rows: u64,
    /// Whether everything that was in it at first is in the topic.
    pub is_done: bool,
}

/// What a capture says of itself.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Status {
    /// What it does.
    pub phase: Phase,
    /// Everything that was committed before this is durable here.
    pub durable: Option<Place>,
    /// Where the server's log ended when it was last heard of.
    pub server_end: Option<Place>,
    /// When the newest transaction that is durable was committed, in milliseconds since 1970.
    pub committed_ms: Option<i64>,
    /// Transactions that this process has taken over.
    pub transactions: u64,
    /// Changes of rows that it has taken over.
    pub changes: u64,
    /// How far its tables are.
    pub tables: Vec<TableStatus>,
}

impl Status {
    /// Whether all that was in the tables at first is in the topics, and so is all that was committed before `end`.
    pub fn has_reached(&self, end: &Place) -> bool {
        self.durable
            .as_ref()
            .is_some_and(|durable| durable.reaches(end))
            && !self.tables.is_empty()
            && self.tables.iter().all(|t| t.is_done)
    }
}
