//! What is said of the events.

/// How numbers of any size are written: `decimal.handling.mode`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Decimals {
    /// The unscaled number's bytes in base64, as Debezium does unless told otherwise.
    #[default]
    Precise,
    /// As a string.
    String,
    /// As a number.
    Double,
}

/// What is said of the events.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Debezium {
    /// The name of the database's server, which topics begin with: `topic.prefix`.
    pub name: String,
    /// Whether each key and value comes with its schema.
    pub schemas: bool,
    /// How numbers of any size are written.
    pub decimals: Decimals,
    /// Whether a deletion is followed by a tombstone.
    pub tombstones: bool,
    /// Whether there are rows in place of events, and for a deletion the tombstone alone, as the transformation
    /// `ExtractNewRecordState` makes of events.
    pub unwrapped: bool,
    /// The topic that says where transactions begin and end, `topic.transaction` after the prefix, if events tell theirs:
    /// `provide.transaction.metadata`.
    pub transactions: Option<String>,
}

impl Debezium {
    /// Without schemas, with tombstones.
    pub fn new(name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            schemas: false,
            decimals: Decimals::default(),
            tombstones: true,
            unwrapped: false,
            transactions: None,
        }
    }
}
