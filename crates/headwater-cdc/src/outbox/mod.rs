//! The transactional outbox: events that an application writes in the transaction of what they are about become records,
//! each once, those of a key in their order.
//!
//! [`Event`] says how they are written: into a table, or as messages of the server's log without one. [`Outbox`] takes them
//! over: from the log of PostgreSQL by a slot of its own or that of MariaDB and MySQL, or by asking the table again and again where nothing
//! may replicate. Rows become
//! records as Debezium's event router makes them ([`Router`]). The records and how far the server was read are one commit.

mod asking;
mod event;
mod field;
mod handle;
mod mysql;
mod parked;
mod prune;
mod publisher;
mod queue;
mod route;
mod router;
mod settings;
mod start;
mod stored;
mod stream;
mod table;

pub use event::{Event, Statement};
pub use handle::{Outbox, OutboxStatus};
pub use mysql::create_mysql_table;
pub use router::Router;
pub use settings::{From, OutboxSettings};
pub use stored::{StoredOutbox, stored_outboxes};
pub use table::create_table;
