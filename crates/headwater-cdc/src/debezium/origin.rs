//! Where a change comes from: the `source` of an envelope.

use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use super::Debezium;
use super::transaction::Order;
use crate::json;

/// Which of Debezium's connectors makes such events.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Connector {
    PostgreSql,
    MySql,
    MariaDb,
}

impl Connector {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::PostgreSql => "postgresql",
            Self::MySql => "mysql",
            Self::MariaDb => "mariadb",
        }
    }
}

/// The table that changes are of, and whose events they are.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Names<'a> {
    pub(crate) connector: Connector,
    pub(crate) database: &'a str,
    /// `None`: tables are in databases.
    pub(crate) schema: Option<&'a str>,
    pub(crate) table: &'a str,
}

impl Names<'_> {
    /// What schemas of its keys and values are called after.
    pub(super) fn topic(&self, server: &str) -> String {
        let outer = self.schema.unwrap_or(self.database);
        format!("{server}.{outer}.{}", self.table)
    }

    /// The source as far as it is the same for all rows, in two parts: before and after the times.
    pub(super) fn source(&self, settings: &Debezium) -> [Vec<u8>; 2] {
        let member = |out: &mut Vec<u8>, name: &str, value: &str| {
            json::string(name.as_bytes(), out);
            out.push(b':');
            json::string(value.as_bytes(), out);
        };
        let mut front = b"{".to_vec();
        let mut back = b",".to_vec();
        member(&mut front, "version", env!("CARGO_PKG_VERSION"));
        for (name, value) in [
            ("connector", self.connector.name()),
            ("name", settings.name.as_str()),
        ] {
            front.push(b',');
            member(&mut front, name, value);
        }
        member(&mut back, "db", self.database);
        let schema = self.schema.map(|schema| ("schema", schema));
        for (name, value) in schema.into_iter().chain([("table", self.table)]) {
            back.push(b',');
            member(&mut back, name, value);
        }
        [front, back]
    }
}

/// Where a change comes from.
#[derive(Debug, Clone, Default)]
pub(crate) struct Origin {
    pub(crate) place: OriginPlace,
    /// Whether it was read from its table, beside the stream.
    pub(crate) is_read: bool,
    /// When it was committed, in microseconds since 1970.
    pub(crate) time_us: i64,
    /// When it is written here, in microseconds since 1970.
    pub(crate) now_us: i64,
    /// Where the first event of it stands in its transaction, if events tell that.
    pub(crate) order: Option<Box<Order>>,
    /// Where it stands among all changes of its transaction, if Maxwell's JSON tells that.
    pub(crate) standing: Option<Standing>,
}

/// Where a change stands among all of its transaction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Standing {
    /// The number that the engine has for the transaction.
    pub(crate) number: Option<u64>,
    /// How many come before it.
    pub(crate) offset: u64,
    pub(crate) is_last: bool,
}

/// Where it lies in the server's log.
#[derive(Debug, Clone)]
pub(crate) enum OriginPlace {
    /// Of PostgreSQL.
    Wal(WalPlace),
    /// Of MariaDB or MySQL, and which row of the event there it is.
    Binlog(Arc<BinlogPlace>, u32),
}

impl OriginPlace {
    /// What tells its transaction from others; where a binary log gives it no name, the place of its first rows.
    pub(super) fn transaction(&self) -> String {
        match self {
            Self::Wal(place) => place.xid.unwrap_or_default().to_string(),
            Self::Binlog(place, _) => match &place.gtid {
                Some(gtid) => gtid.clone(),
                None => format!("file={},pos={}", place.file, place.offset),
            },
        }
    }

    /// Its place in PostgreSQL's log; `None`: it lies in another.
    pub(super) fn lsn(&self) -> Option<u64> {
        match self {
            Self::Wal(place) => Some(place.lsn),
            Self::Binlog(..) => None,
        }
    }
}

impl Default for OriginPlace {
    fn default() -> Self {
        Self::Wal(WalPlace::default())
    }
}

/// Where a change lies in PostgreSQL's log.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct WalPlace {
    /// Its transaction; `None`: it was read from the table.
    pub(crate) xid: Option<u32>,
    pub(crate) lsn: u64,
    /// Where the transaction before it ended.
    pub(crate) after: u64,
}

/// Where an event with rows lies in a binary log.
#[derive(Debug, Clone, Default)]
pub(crate) struct BinlogPlace {
    /// On which server it was written first; 0: it was read from the table.
    pub(crate) server: u32,
    /// The name of its transaction.
    pub(crate) gtid: Option<String>,
    pub(crate) file: String,
    /// Where it begins.
    pub(crate) offset: u64,
    /// The session that wrote it, where the log says that.
    pub(crate) thread: Option<u32>,
}

impl Origin {
    /// Of a row that was read from its table, before this place of the log.
    pub(crate) fn of_reading(place: OriginPlace) -> Self {
        let now_us = now_us();
        Self {
            place,
            is_read: true,
            time_us: now_us,
            now_us,
            order: None,
            standing: None,
        }
    }

    /// Writes the source, of which `fixed` is the same for all rows.
    pub(super) fn write(&self, fixed: &[Vec<u8>; 2], out: &mut Vec<u8>) {
        let us = self.time_us;
        let ms = us.div_euclid(1000);
        // What is read beside the stream is what Debezium calls incremental.
        let snapshot = if self.is_read { "incremental" } else { "false" };
        out.extend_from_slice(&fixed[0]);
        out.extend_from_slice(format!(",\"ts_ms\":{ms},\"snapshot\":\"{snapshot}\"").as_bytes());
        out.extend_from_slice(&fixed[1]);
        let times = format!(",\"ts_us\":{us},\"ts_ns\":{us}000");
        out.extend_from_slice(times.as_bytes());
        match &self.place {
            OriginPlace::Wal(place) => place.write(out),
            OriginPlace::Binlog(place, row) => place.write(*row, out),
        }
        out.push(b'}');
    }
}

impl WalPlace {
    fn write(&self, out: &mut Vec<u8>) {
        let Self { xid, lsn, after } = self;
        let xid = xid.map_or("null".to_owned(), |xid| xid.to_string());
        let place = format!(
            ",\"sequence\":\"[\\\"{after}\\\",\\\"{lsn}\\\"]\",\"txId\":{xid},\"lsn\":{lsn},\
             \"xmin\":null,\"origin\":null,\"origin_lsn\":null"
        );
        out.extend_from_slice(place.as_bytes());
    }
}

impl BinlogPlace {
    fn write(&self, row: u32, out: &mut Vec<u8>) {
        let server = format!(",\"sequence\":null,\"server_id\":{},\"gtid\":", self.server);
        out.extend_from_slice(server.as_bytes());
        match &self.gtid {
            Some(gtid) => json::string(gtid.as_bytes(), out),
            None => out.extend_from_slice(b"null"),
        }
        out.extend_from_slice(b",\"file\":");
        json::string(self.file.as_bytes(), out);
        let thread = self.thread.map_or("null".to_owned(), |t| t.to_string());
        let rest = format!(
            ",\"pos\":{},\"row\":{row},\"thread\":{thread},\"query\":null",
            self.offset
        );
        out.extend_from_slice(rest.as_bytes());
    }
}

/// Now, in microseconds since 1970.
pub(crate) fn now_us() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.map_or(0, |since| since.as_micros() as i64)
}
