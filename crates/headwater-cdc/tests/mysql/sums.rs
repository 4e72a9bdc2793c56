//! What the oracle asks of topics at the end: that they add up to the tables, and that they say nothing that the server's log does not.

use std::collections::BTreeMap;

use headwater_cdc::mysql::Session;
use headwater_log::Log;
use serde_json::{Value, json};

use super::capturing::{content, fold, records};
use super::server::Product;
use super::whole_log::WholeLog;
use super::writers::Written;
use crate::oracle::check_same;

/// Which of the pairs are captured: changes bring and take them.
pub(super) const CHOSEN: &str = "n < 500000000";

type Rows = BTreeMap<String, Value>;

/// The topics add up to the tables, but for that which is emptied.
pub(super) fn check_tables(log: &Log, session: &mut Session) {
    let ledger = content(session, "ledger", &["id", "part", "parts"], &["id", "part"]);
    check_same("ledger", &fold(log, "ledger"), &ledger);
    let chosen = format!("pairs WHERE {CHOSEN}");
    let pairs = content(session, &chosen, &["a", "b", "n"], &["b", "a"]);
    check_same("pairs", &fold(log, "pairs"), &pairs);
    check_same("altered", &fold(log, "altered"), &altered(session));
    check_people(log, session);
}

/// What the table is by the columns that it has now: numbers and texts.
fn altered(session: &mut Session) -> Rows {
    let sql = "SELECT column_name, data_type FROM information_schema.columns \
               WHERE table_schema = 'shop' AND table_name = 'altered'";
    let columns = session.query(sql).unwrap().into_iter();
    let columns: Vec<(String, bool)> = columns
        .map(|row| {
            let [name, kind] = row.try_into().unwrap();
            (name.unwrap(), kind.unwrap() == "varchar")
        })
        .collect();
    let names: Vec<&str> = columns.iter().map(|(name, _)| name.as_str()).collect();
    let sql = format!("SELECT {} FROM shop.altered", names.join(", "));
    let value = |(cell, (name, is_text)): (Option<String>, &(String, bool))| {
        let value = match cell {
            Some(text) if *is_text => Value::String(text),
            Some(number) => number.parse().unwrap(),
            None => Value::Null,
        };
        (name.clone(), value)
    };
    let rows = session.query(&sql).unwrap().into_iter();
    rows.map(|cells| {
        let row = Value::Object(cells.into_iter().zip(&columns).map(value).collect());
        (format!("{{\"id\":{}}}", row["id"]), row)
    })
    .collect()
}

/// What was left out, masked, hashed or cut was nowhere to be seen, and rows are there as long as their condition holds.
fn check_people(log: &Log, session: &mut Session) {
    let sql = "SELECT id, n, SHA2(CONCAT('salt', phone), 256), LEFT(note, 3) FROM shop.people WHERE n >= 0";
    let rows = session.query(sql).unwrap().into_iter();
    let row = |cells: Vec<Option<String>>| {
        let [id, n, phone, note] = cells.try_into().unwrap();
        let (id, n): (i64, i64) = (id.unwrap().parse().unwrap(), n.unwrap().parse().unwrap());
        let row = json!({"id": id, "n": n, "name": "***", "phone": phone, "note": note});
        (format!("{{\"id\":{id}}}"), row)
    };
    check_same("people", &fold(log, "people"), &rows.map(row).collect());
    for (_, key, value) in records(log, "people") {
        let row: Value = value.map_or(Value::Null, |v| serde_json::from_str(&v).unwrap());
        let is_short = |field: &str, length| row[field].as_str().unwrap().chars().count() == length;
        let is_hidden = || {
            row["name"] == "***"
                && is_short("note", 3)
                && is_short("phone", 64)
                && row.get("secret").is_none()
        };
        assert!(row.is_null() || is_hidden(), "{key}: {row}");
    }
}

/// The topic of the table that is emptied is what the server's log says, which is what is in the table, unless the server has lost a
/// `TRUNCATE`: MariaDB, killed between its engine and its log, comes back with an empty table and a log that knows nothing of it.
pub(super) fn check_emptied(
    log: &Log,
    (session, product): (&mut Session, Product),
    whole: &WholeLog,
    written: &Written,
) {
    for sql in written.truncates(true) {
        assert!(whole.truncates.contains(&sql), "{sql} is not in the log");
    }
    let mut got = fold(log, "emptied");
    if let Some(by_log) = whole.emptied.rows()
        && whole.orphans == 0
    {
        check_same("emptied, by the server's log", &got, &by_log);
    }
    let want = content(session, "emptied", &["id", "n"], &["id"]);
    let mut in_doubt = written.truncates(false);
    in_doubt.retain(|sql| !whole.truncates.contains(sql));
    if product == Product::MariaDb && !in_doubt.is_empty() {
        let before = got.len();
        // After an orphan the log does not tell all rows; what it tells it must tell so.
        got.retain(|key, row| {
            let by_log = whole.emptied.row(key);
            want.contains_key(key) || by_log.is_some_and(|known| known != Some(row))
        });
        if got.len() < before {
            let lost = before - got.len();
            eprintln!(
                "emptied: {lost} rows that a TRUNCATE took which is not in the server's log, one of {in_doubt:?}"
            );
        }
    }
    check_same("emptied", &got, &want);
}

/// The transactions of the ledger came in the order of the server's log, each of them; if rows are gone, up to there.
pub(super) fn check_order(log: &Log, whole: &WholeLog) {
    let (mut ids, mut is_all) = (Vec::new(), true);
    for (_, _, value) in records(log, "ledger") {
        let Some(value) = value else {
            is_all = false;
            break;
        };
        let row: Value = serde_json::from_str(&value).unwrap();
        let id = row["id"].as_i64().unwrap();
        if ids.last() != Some(&id) {
            ids.push(id);
        }
    }
    let of_log = match is_all {
        true => &whole.ledger[..],
        false => &whole.ledger[..ids.len().min(whole.ledger.len())],
    };
    let differs = ids.iter().zip(of_log).position(|(one, other)| one != other);
    assert!(
        differs.is_none() && ids.len() == of_log.len(),
        "of {} and {} transactions differs {differs:?}",
        ids.len(),
        of_log.len()
    );
}
