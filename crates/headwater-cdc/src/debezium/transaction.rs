//! What is told of transactions: their beginnings and ends in a topic of their own, and in each event where it stands among those of
//! its transaction.

use headwater_log::{Record, Timestamp};
use serde::{Deserialize, Serialize};

use super::Debezium;
use super::origin::OriginPlace;
use crate::json;

const KEY: &str = r#"{"schema":{"type":"struct","fields":[{"type":"string","optional":false,"field":"id"}],"optional":false,"name":"io.debezium.connector.common.TransactionMetadataKey","version":1},"payload":"#;
const VALUE: &str = r#"{"schema":{"type":"struct","fields":[{"type":"string","optional":false,"field":"status"},{"type":"string","optional":false,"field":"id"},{"type":"int64","optional":true,"field":"event_count"},{"type":"array","items":{"type":"struct","fields":[{"type":"string","optional":false,"field":"data_collection"},{"type":"int64","optional":false,"field":"event_count"}],"optional":true,"name":"event.collection","version":1},"optional":true,"field":"data_collections"},{"type":"int64","optional":false,"field":"ts_ms"}],"optional":false,"name":"io.debezium.connector.common.TransactionMetadataValue","version":1},"payload":"#;

/// What was told of a transaction.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Told {
    /// What tells it from others.
    name: String,
    /// How many events there are of which table, in the order in which these came.
    tables: Vec<(String, u64)>,
}

/// Where an event stands in its transaction.
#[derive(Debug, Clone)]
pub(crate) struct Order {
    id: String,
    /// Among all, from 1.
    total: u64,
    /// Among those of its table.
    of_table: u64,
}

impl Told {
    /// Whether there was no event yet.
    pub(crate) fn is_empty(&self) -> bool {
        self.tables.is_empty()
    }

    /// So many events of a table come, of a change that lies there: where the first of them stands.
    pub(crate) fn next(&mut self, table: &str, events: u64, place: &OriginPlace) -> Order {
        if self.is_empty() {
            self.name = place.transaction();
        }
        let total = self.total();
        let known = self.tables.iter().position(|(name, _)| name == table);
        let known = known.unwrap_or_else(|| {
            self.tables.push((table.to_owned(), 0));
            self.tables.len() - 1
        });
        let of_table = &mut self.tables[known].1;
        *of_table += events;
        Order {
            id: id(&self.name, place.lsn()),
            total: total + 1,
            of_table: *of_table + 1 - events,
        }
    }

    fn total(&self) -> u64 {
        self.tables.iter().map(|(_, events)| events).sum()
    }
}

impl Order {
    /// That of the event that comes next of the same change.
    pub(super) fn next(&self) -> Self {
        Self {
            id: self.id.clone(),
            total: self.total + 1,
            of_table: self.of_table + 1,
        }
    }

    /// As it stands in an event.
    pub(super) fn write(order: Option<&Self>, out: &mut Vec<u8>) {
        let Some(Self {
            id,
            total,
            of_table,
        }) = order
        else {
            return out.extend_from_slice(b"null");
        };
        out.extend_from_slice(b"{\"id\":");
        json::string(id.as_bytes(), out);
        let places = format!(",\"total_order\":{total},\"data_collection_order\":{of_table}}}");
        out.extend_from_slice(places.as_bytes());
    }
}

/// Debezium tells what happens in a transaction of PostgreSQL by the number of that and its own place.
fn id(name: &str, lsn: Option<u64>) -> String {
    match lsn {
        Some(lsn) => format!("{name}:{lsn}"),
        None => name.to_owned(),
    }
}

/// Writes the records of the topic of transactions.
#[derive(Debug)]
pub(crate) struct Transactions {
    has_schemas: bool,
}

impl Transactions {
    pub(crate) fn new(settings: &Debezium) -> Self {
        Self {
            has_schemas: settings.schemas,
        }
    }

    /// A transaction begins, with a change that lies there.
    pub(crate) fn begin(&self, place: &OriginPlace, time: Timestamp) -> Record {
        let id = id(&place.transaction(), place.lsn());
        self.record("BEGIN", &id, b"null,\"data_collections\":null", time)
    }

    /// A transaction ends, in PostgreSQL at this place of its log.
    pub(crate) fn end(&self, told: &Told, lsn: Option<u64>, time: Timestamp) -> Record {
        let mut counts = told.total().to_string().into_bytes();
        counts.extend_from_slice(b",\"data_collections\":[");
        for (at, (table, events)) in told.tables.iter().enumerate() {
            counts.extend_from_slice(match at {
                0 => b"{\"data_collection\":",
                _ => b",{\"data_collection\":",
            });
            json::string(table.as_bytes(), &mut counts);
            counts.extend_from_slice(format!(",\"event_count\":{events}}}").as_bytes());
        }
        counts.push(b']');
        self.record("END", &id(&told.name, lsn), &counts, time)
    }

    fn record(&self, status: &str, id: &str, counts: &[u8], time: Timestamp) -> Record {
        let mut quoted = Vec::new();
        json::string(id.as_bytes(), &mut quoted);
        let key = [b"{\"id\":", &quoted[..], b"}"].concat();
        let status = format!("{{\"status\":\"{status}\",\"id\":");
        let end = format!(",\"ts_ms\":{}}}", time.0);
        let value = [
            status.as_bytes(),
            &quoted,
            b",\"event_count\":",
            counts,
            end.as_bytes(),
        ];
        let within = |schema: &str, payload: Vec<u8>| match self.has_schemas {
            true => [schema.as_bytes(), &payload, b"}"].concat(),
            false => payload,
        };
        Record {
            key: Some(within(KEY, key).into()),
            value: Some(within(VALUE, value.concat()).into()),
            timestamp: Some(time),
            ..Record::default()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::debezium::{BinlogPlace, WalPlace};

    fn told(orders: &[Order]) -> Vec<(&str, u64, u64)> {
        let each = orders.iter();
        each.map(|o| (o.id.as_str(), o.total, o.of_table)).collect()
    }

    #[test]
    fn events_are_numbered_in_their_transaction_and_their_table() {
        let place = |lsn| {
            OriginPlace::Wal(WalPlace {
                xid: Some(7),
                lsn,
                after: 0,
            })
        };
        let mut known = Told::default();
        let orders = [
            known.next("a", 1, &place(100)),
            known.next("b", 2, &place(110)),
            known.next("a", 1, &place(120)),
            known.next("b", 1, &place(130)),
        ];
        let want = [
            ("7:100", 1, 1),
            ("7:110", 2, 1),
            ("7:120", 4, 2),
            ("7:130", 5, 3),
        ];
        assert_eq!(told(&orders), want);
        assert_eq!(told(&[orders[1].next()]), [("7:110", 3, 2)]);
        let stored = serde_json::to_vec(&known).unwrap();
        let again: Told = serde_json::from_slice(&stored).unwrap();
        assert_eq!(again, known);
        let transactions = Transactions { has_schemas: false };
        let end = transactions.end(&again, Some(140), Timestamp(5));
        let want = r#"{"status":"END","id":"7:140","event_count":5,"data_collections":[{"data_collection":"a","event_count":2},{"data_collection":"b","event_count":3}],"ts_ms":5}"#;
        assert_eq!(end.value.unwrap(), want);
        assert_eq!(end.key.unwrap(), r#"{"id":"7:140"}"#);
    }

    #[test]
    fn a_transaction_of_a_binary_log_without_names_is_told_by_its_first_rows() {
        let place = |offset| {
            let place = BinlogPlace {
                file: "b.1".to_owned(),
                offset,
                ..BinlogPlace::default()
            };
            OriginPlace::Binlog(place.into(), 0)
        };
        let mut known = Told::default();
        let orders = [
            known.next("a", 1, &place(4)),
            known.next("a", 1, &place(90)),
        ];
        let id = "file=b.1,pos=4";
        assert_eq!(told(&orders), [(id, 1, 1), (id, 2, 2)]);
    }
}
