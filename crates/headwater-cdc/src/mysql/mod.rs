//! MariaDB and MySQL as a source of changes: sessions, and the binary log that a server sends to its replicas.

mod address;
mod auth;
mod binlog;
mod capture;
mod catalogue;
mod charset;
mod checks;
mod codes;
mod compressed;
mod ddl;
mod decimal;
mod defaults;
mod description;
mod event;
mod failure;
pub(crate) mod fuzz;
mod gtid;
mod json;
mod kind;
mod packets;
mod parse;
mod position;
mod reader;
mod replica;
mod rows;
mod semantic;
mod session;
mod snapshot;
mod sql;
mod standing;
mod statement;
mod table;
mod temporal;
#[cfg(test)]
mod tests;
mod tls;
mod transactions;

mod value;
mod words;

pub use address::Address;
pub use capture::{Settings, TableName};
pub use charset::{Charset, Charsets};
pub use checks::{check, tables_of};
pub use gtid::{Gtid, Gtids};
pub use kind::Kind;
pub use position::Position;
pub use replica::{Received, Replica};
pub use rows::{Change, Rows, RowsKind};
pub use session::Session;
pub use snapshot::Snapshot;
pub use sql::{identifier, literal};
pub use statement::Statement;
pub use table::{Column, Table};
pub use temporal::DateTime;
pub use tls::{Tls, TlsMode};
pub use transactions::Message;
pub use value::Value;

pub(crate) use capture::{MySql, begin, begin_anew};
pub(crate) use replica::made_up_id;
pub(crate) use snapshot::{constant, read};
