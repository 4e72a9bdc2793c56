//! What a capture says of itself.

use crate::postgres::{Lsn, TableName};

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
    pub name: TableName,
    /// Its topic.
    pub topic: String,
    /// Blocks of it that were read.
    pub blocks_done: u64,
    /// Blocks that are to be read; zero: it was not measured yet.
    pub blocks: u64,
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
    pub durable: Lsn,
    /// Where the server's log ended when it was last heard of.
    pub server_end: Lsn,
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
    pub fn has_reached(&self, end: Lsn) -> bool {
        self.durable >= end && !self.tables.is_empty() && self.tables.iter().all(|t| t.is_done)
    }
}
