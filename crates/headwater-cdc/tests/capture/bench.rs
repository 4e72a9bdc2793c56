//! Captures of tables of the schema `public`, and what is in their topics.

use std::collections::BTreeMap;

use headwater_cdc::postgres::{Address, Session, Settings, TableName};
use headwater_log::Log;
use serde_json::Value;

use crate::faults::SILENCE_S;
use crate::topics;
pub(super) use crate::topics::{LONG, Seen, catch_up, memory, open};

/// Where a server, or what stands before it at this port, is found by a process that bears little silence.
pub(super) fn url(address: &Address, port: u16) -> String {
    let Address {
        user,
        password,
        database,
        ..
    } = address;
    format!("postgres://{user}:{password}@127.0.0.1:{port}/{database}?silence={SILENCE_S}")
}

pub(super) fn run(session: &mut Session, sql: &str) {
    session.query(sql).unwrap();
}

pub(super) fn table(name: &str) -> TableName {
    TableName::new("public", name)
}

/// A capture of these tables of the schema `public`.
pub(super) fn settings(address: &Address, tables: &[&str]) -> Settings {
    let new = Settings::new(address.clone(), "headwater");
    tables.iter().fold(new, |all, name| all.table(table(name)))
}

pub(super) fn records(log: &Log, name: &str) -> Vec<Seen> {
    topics::records(log, &format!("postgres.public.{name}"))
}

pub(super) fn fold(log: &Log, name: &str) -> BTreeMap<String, Value> {
    topics::fold(log, &format!("postgres.public.{name}"))
}

/// What the table is, as the server writes it in JSON, by the values of its key.
pub(super) fn content(session: &mut Session, name: &str, key: &[&str]) -> BTreeMap<String, Value> {
    let rows = session
        .query(&format!("SELECT row_to_json(t) FROM {name} t"))
        .unwrap();
    let row = |row: Vec<Option<String>>| {
        let row: Value = serde_json::from_str(row[0].as_deref().unwrap()).unwrap();
        let members: Vec<String> = key.iter().map(|k| format!("\"{k}\":{}", row[k])).collect();
        (format!("{{{}}}", members.join(",")), row)
    };
    rows.into_iter().map(row).collect()
}
