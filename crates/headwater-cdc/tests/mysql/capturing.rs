//! Captures of tables of `shop`, and what is in their topics.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use headwater_cdc::mysql::{Address, Session, Settings, TableName};
use headwater_cdc::{Capture, Error};
use headwater_log::Log;
use serde_json::Value;

use super::server::Server;
use super::transactions::run;
use crate::topics;
pub(super) use crate::topics::{LONG, Seen, catch_up, memory, open};

pub(super) fn settings(address: &Address, tables: &[&str]) -> Settings {
    let new = Settings::new(address.clone(), "headwater");
    let new = Settings {
        range_rows: 100,
        ..new
    };
    tables
        .iter()
        .fold(new, |all, name| all.table(TableName::new("shop", *name)))
}

/// On either server, with a database in which these statements were run.
pub(super) fn each_with(statements: &[&str], mut test: impl FnMut(&Server, &mut Session)) {
    for server in Server::each(&[]) {
        let mut session = server.session("shop");
        run(&mut session, statements);
        test(&server, &mut session);
    }
}

/// Waits until a capture has everything that is committed now.
pub(super) fn reach(capture: &Capture, settings: &Settings) {
    let end = settings.address.log_end().unwrap();
    assert!(
        capture.wait_for(&end, LONG).unwrap(),
        "{:?}",
        capture.status()
    );
}

pub(super) fn failure(log: &Log, settings: &Settings) -> Error {
    let capture = Capture::start(log, settings.clone()).unwrap();
    let until = Instant::now() + LONG;
    loop {
        if let Some(error) = capture.failure() {
            return error;
        }
        assert!(Instant::now() < until, "{:?}", capture.status());
        std::thread::park_timeout(Duration::from_millis(5));
    }
}

pub(super) fn records(log: &Log, name: &str) -> Vec<Seen> {
    topics::records(log, &format!("shop.{name}"))
}

pub(super) fn fold(log: &Log, name: &str) -> BTreeMap<String, Value> {
    topics::fold(log, &format!("shop.{name}"))
}

/// What a table of whole numbers is.
pub(super) fn content(
    session: &mut Session,
    name: &str,
    columns: &[&str],
    key: &[&str],
) -> BTreeMap<String, Value> {
    let sql = format!("SELECT {} FROM shop.{name}", columns.join(", "));
    let rows = session.query(&sql).unwrap();
    let row = |cells: Vec<Option<String>>| {
        let number = |cell: Option<String>| cell.map_or(Value::Null, |c| c.parse().unwrap());
        let values = cells.into_iter().map(number);
        let names = columns.iter().map(|c| (*c).to_owned());
        let row: Value = Value::Object(names.zip(values).collect());
        let members: Vec<String> = key.iter().map(|k| format!("\"{k}\":{}", row[k])).collect();
        (format!("{{{}}}", members.join(",")), row)
    };
    rows.into_iter().map(row).collect()
}
