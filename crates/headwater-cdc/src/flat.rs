//! The JSON of Maxwell and of Canal: the row stands beside what became of it, and an update has what changed of it in `old`.
//!
//! A row whose key changes is a deletion and a new row, so that the newest record of a key says whether it is there.

use bytes::Bytes;
use headwater_log::Record;

use crate::debezium::{Origin, OriginPlace, Standing, WalPlace};
use crate::json;

/// Whose JSON it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Dialect {
    /// Rows as they are.
    Maxwell,
    /// Arrays of rows, whose values are all texts.
    Canal,
}

/// What became of a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Became {
    Read,
    Inserted,
    Updated,
    Deleted,
}

impl Dialect {
    /// What it calls what became of a row.
    fn word(self, became: Became) -> &'static str {
        match (self, became) {
            (Self::Maxwell, Became::Read) => "bootstrap-insert",
            (Self::Maxwell, Became::Inserted) => "insert",
            (Self::Maxwell, Became::Updated) => "update",
            (Self::Maxwell, Became::Deleted) => "delete",
            (Self::Canal, Became::Read | Became::Inserted) => "INSERT",
            (Self::Canal, Became::Updated) => "UPDATE",
            (Self::Canal, Became::Deleted) => "DELETE",
        }
    }
}

/// Writes the changes of one table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Flat {
    dialect: Dialect,
    /// Where the table is, as members of an object.
    place: Vec<u8>,
}

/// What Canal says of the type of a column.
#[derive(Debug)]
pub(crate) struct ColumnType<'a> {
    pub(crate) name: &'a str,
    /// As it stands in statements, where that is known.
    pub(crate) in_server: Option<&'a str>,
    /// Its number in `java.sql.Types`.
    pub(crate) in_jdbc: i32,
}

impl Flat {
    /// For a table of a database, in a schema if there are such; `key` has the names of the columns of its key.
    pub(crate) fn new(
        dialect: Dialect,
        database: &str,
        schema: Option<&str>,
        table: &str,
        key: &[&str],
    ) -> Self {
        let schema = schema.map(|schema| ("schema", schema));
        let names = [("database", database)].into_iter().chain(schema);
        let mut place = Vec::new();
        for (name, value) in names.chain([("table", table)]) {
            place.extend_from_slice(format!("\"{name}\":").as_bytes());
            json::string(value.as_bytes(), &mut place);
            place.push(b',');
        }
        if dialect == Dialect::Canal {
            place.extend_from_slice(b"\"pkNames\":[");
            for (at, name) in key.iter().enumerate() {
                if at > 0 {
                    place.push(b',');
                }
                json::string(name.as_bytes(), &mut place);
            }
            place.extend_from_slice(b"],\"isDdl\":false,\"sql\":\"\",");
        }
        Self { dialect, place }
    }

    /// With the types of the columns, where records say them.
    #[must_use]
    pub(crate) fn with_types<'a>(mut self, types: impl Iterator<Item = ColumnType<'a>>) -> Self {
        if self.dialect == Dialect::Canal {
            let (mut in_server, mut in_jdbc) = (Vec::new(), Vec::new());
            let member = |out: &mut Vec<u8>, name: &str| {
                if !out.is_empty() {
                    out.push(b',');
                }
                json::string(name.as_bytes(), out);
                out.push(b':');
            };
            for column in types {
                if let Some(text) = column.in_server {
                    member(&mut in_server, column.name);
                    json::string(text.as_bytes(), &mut in_server);
                }
                member(&mut in_jdbc, column.name);
                in_jdbc.extend_from_slice(column.in_jdbc.to_string().as_bytes());
            }
            let maps = [
                b"\"mysqlType\":{",
                &in_server[..],
                b"},\"sqlType\":{",
                &in_jdbc,
                b"},",
            ];
            self.place.extend_from_slice(&maps.concat());
        }
        self
    }

    /// The row that stands in the value of a record; `None`: it is gone.
    pub(crate) fn row<'a>(&self, value: &'a [u8]) -> Option<&'a [u8]> {
        let deleted = format!("\"{}\"", self.dialect.word(Became::Deleted));
        if json::member(value, "type") == Some(deleted.as_bytes()) {
            return None;
        }
        let data = json::member(value, "data")?;
        match self.dialect {
            Dialect::Maxwell => Some(data),
            Dialect::Canal => data.strip_prefix(b"[")?.strip_suffix(b"]"),
        }
    }

    /// A row that is there, or that is gone; `before` is what it was, if that is known.
    pub(crate) fn record(
        &self,
        became: Became,
        key: Bytes,
        row: &[u8],
        before: Option<&[u8]>,
        origin: &Origin,
    ) -> Record {
        let mut out = b"{".to_vec();
        out.extend_from_slice(&self.place);
        let word = self.dialect.word(became);
        let (time, now) = (origin.time_us, origin.now_us);
        let old = before.map(|before| self.value(&changed(before, row)));
        match self.dialect {
            Dialect::Maxwell => {
                let ts = time.div_euclid(1_000_000);
                out.extend_from_slice(format!("\"type\":\"{word}\",\"ts\":{ts}").as_bytes());
                if let Some(standing) = origin.standing {
                    stand(standing, &mut out);
                }
                place(&origin.place, &mut out);
            }
            Dialect::Canal => {
                let (es, ts) = (time.div_euclid(1000), now.div_euclid(1000));
                let times = format!("\"type\":\"{word}\",\"es\":{es},\"ts\":{ts}");
                out.extend_from_slice(times.as_bytes());
            }
        }
        out.extend_from_slice(b",\"data\":");
        out.extend_from_slice(&self.value(row));
        match (old, self.dialect) {
            (Some(old), _) => {
                out.extend_from_slice(b",\"old\":");
                out.extend_from_slice(&old);
            }
            (None, Dialect::Canal) => out.extend_from_slice(b",\"old\":null"),
            (None, Dialect::Maxwell) => {}
        }
        out.push(b'}');
        Record {
            key: Some(key),
            value: Some(out.into()),
            ..Record::default()
        }
    }

    /// A row as it stands in `data` or `old`.
    fn value(&self, row: &[u8]) -> Vec<u8> {
        match self.dialect {
            Dialect::Maxwell => row.to_vec(),
            Dialect::Canal => {
                let mut out = b"[{".to_vec();
                for (at, (name, value)) in json::members(row).enumerate() {
                    if at > 0 {
                        out.push(b',');
                    }
                    out.extend_from_slice(name);
                    out.push(b':');
                    match value {
                        b"null" | [b'"', ..] => out.extend_from_slice(value),
                        other => json::string(other, &mut out),
                    }
                }
                out.extend_from_slice(b"}]");
                out
            }
        }
    }
}

/// What Maxwell says of where a change stands in its transaction.
fn stand(standing: Standing, out: &mut Vec<u8>) {
    if let Some(number) = standing.number {
        out.extend_from_slice(format!(",\"xid\":{number}").as_bytes());
    }
    let place = match standing.is_last {
        true => ",\"commit\":true".to_owned(),
        false => format!(",\"xoffset\":{}", standing.offset),
    };
    out.extend_from_slice(place.as_bytes());
}

/// What Maxwell says of where a change lies in the server's log, as far as that says it.
fn place(place: &OriginPlace, out: &mut Vec<u8>) {
    match place {
        OriginPlace::Wal(WalPlace { xid: Some(xid), .. }) => {
            out.extend_from_slice(format!(",\"xid\":{xid}").as_bytes());
        }
        OriginPlace::Wal(_) => {}
        OriginPlace::Binlog(place, _) => {
            out.extend_from_slice(b",\"position\":");
            let position = format!("{}:{}", place.file, place.offset);
            json::string(position.as_bytes(), out);
            if let Some(gtid) = &place.gtid {
                out.extend_from_slice(b",\"gtid\":");
                json::string(gtid.as_bytes(), out);
            }
            if place.server != 0 {
                out.extend_from_slice(format!(",\"server_id\":{}", place.server).as_bytes());
            }
            if let Some(thread) = place.thread {
                out.extend_from_slice(format!(",\"thread_id\":{thread}").as_bytes());
            }
        }
    }
}

/// The members of `before` that are others in `after`, which has the same columns in the same order, or does not say them.
fn changed(before: &[u8], after: &[u8]) -> Vec<u8> {
    let mut out = b"{".to_vec();
    let mut now = json::members(after).peekable();
    for (name, value) in json::members(before) {
        let same = now.next_if(|(n, _)| *n == name);
        if same.is_some_and(|(_, v)| v == value) {
            continue;
        }
        if out.len() > 1 {
            out.push(b',');
        }
        out.extend_from_slice(name);
        out.push(b':');
        out.extend_from_slice(value);
    }
    out.push(b'}');
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(dialect: Dialect, became: Became, before: Option<&str>, want: &str) {
        let flat = Flat::new(dialect, "shop", Some("public"), "orders", &["id"]);
        let origin = Origin {
            place: OriginPlace::Wal(WalPlace {
                xid: Some(7),
                ..WalPlace::default()
            }),
            time_us: 1_700_000_000_123_456,
            now_us: 1_700_000_001_000_000,
            ..Origin::default()
        };
        let row = br#"{"id":1,"name":"a\"b","n":1.50,"ok":true,"tags":[1,null],"none":null}"#;
        let before = before.map(str::as_bytes);
        let record = flat.record(
            became,
            Bytes::from_static(b"{\"id\":1}"),
            row,
            before,
            &origin,
        );
        let value = record.value.unwrap();
        assert_eq!(std::str::from_utf8(&value).unwrap(), want);
        let is_there = flat.row(&value).is_some();
        assert_eq!(is_there, became != Became::Deleted);
    }

    #[test]
    fn maxwell_has_rows_as_they_are() {
        let start = r#"{"database":"shop","schema":"public","table":"orders","#;
        let data =
            r#""data":{"id":1,"name":"a\"b","n":1.50,"ok":true,"tags":[1,null],"none":null}"#;
        let rest = format!(r#","ts":1700000000,"xid":7,{data}"#);
        for (became, word) in [
            (Became::Read, "bootstrap-insert"),
            (Became::Inserted, "insert"),
            (Became::Updated, "update"),
            (Became::Deleted, "delete"),
        ] {
            let want = format!("{start}\"type\":\"{word}\"{rest}}}");
            check(Dialect::Maxwell, became, None, &want);
        }
        let before = r#"{"id":1,"name":"b","n":1.50,"ok":true,"tags":[1,null],"none":2}"#;
        let want = format!(r#"{start}"type":"update"{rest},"old":{{"name":"b","none":2}}}}"#);
        check(Dialect::Maxwell, Became::Updated, Some(before), &want);
    }

    #[test]
    fn canal_has_arrays_of_texts() {
        let start = r#"{"database":"shop","schema":"public","table":"orders","pkNames":["id"],"isDdl":false,"sql":"","#;
        let data = r#""data":[{"id":"1","name":"a\"b","n":"1.50","ok":"true","tags":"[1,null]","none":null}]"#;
        let rest = format!(r#","es":1700000000123,"ts":1700000001000,{data}"#);
        let want = format!(r#"{start}"type":"DELETE"{rest},"old":null}}"#);
        check(Dialect::Canal, Became::Deleted, None, &want);
        let before = r#"{"id":1,"name":"a\"b","n":2,"ok":true,"tags":[1,null],"none":null}"#;
        let want = format!(r#"{start}"type":"UPDATE"{rest},"old":[{{"n":"2"}}]}}"#);
        check(Dialect::Canal, Became::Updated, Some(before), &want);
    }

    #[test]
    fn what_the_new_row_does_not_say_is_told_of_the_old_one() {
        let (before, after) = (br#"{"a":1,"b":"x","c":2}"#, br#"{"a":1,"c":3}"#);
        assert_eq!(changed(before, after), br#"{"b":"x","c":2}"#);
        assert_eq!(changed(after, after), b"{}");
    }
}
