//! The events of messages that applications write into PostgreSQL's log.

use headwater_log::Record;

use super::Debezium;
use super::origin::{Connector, Names, Origin};
use super::schema;
use super::transaction::Order;
use crate::json;

const KEY: &str = r#"{"schema":{"type":"struct","fields":[{"type":"string","optional":true,"field":"prefix"}],"optional":false,"name":"io.debezium.connector.postgresql.MessageKey","version":1},"payload":"#;

/// Writes the events of messages.
#[derive(Debug)]
pub(crate) struct MessageEvents {
    /// Before the value; empty: events come without schemas.
    schema: Vec<u8>,
    /// The source as far as it is always the same.
    source: [Vec<u8>; 2],
}

impl MessageEvents {
    /// What their transactions have them counted as.
    pub(crate) const COLLECTION: &str = "message";

    /// For the messages of a database.
    pub(crate) fn new(settings: &Debezium, database: &str) -> Self {
        let names = Names {
            connector: Connector::PostgreSql,
            database,
            schema: Some(""),
            table: "",
        };
        Self {
            schema: match settings.schemas {
                true => schema::of_message(),
                false => Vec::new(),
            },
            source: names.source(settings),
        }
    }

    /// A message.
    pub(crate) fn record(&self, prefix: &str, content: &[u8], origin: &Origin) -> Record {
        let mut quoted = Vec::new();
        json::string(prefix.as_bytes(), &mut quoted);
        let key = [b"{\"prefix\":", &quoted[..], b"}"].concat();
        let has_schemas = !self.schema.is_empty();
        let key = match has_schemas {
            true => [KEY.as_bytes(), &key, b"}"].concat(),
            false => key,
        };
        let mut out = self.schema.clone();
        let ms = origin.now_us.div_euclid(1000);
        out.extend_from_slice(format!("{{\"op\":\"m\",\"ts_ms\":{ms},\"source\":").as_bytes());
        origin.write(&self.source, &mut out);
        out.extend_from_slice(b",\"transaction\":");
        Order::write(origin.order.as_deref(), &mut out);
        out.extend_from_slice(b",\"message\":{\"prefix\":");
        out.extend_from_slice(&quoted);
        out.extend_from_slice(b",\"content\":");
        json::base64(content, &mut out);
        out.extend_from_slice(if has_schemas { b"}}}" } else { b"}}" });
        Record {
            key: Some(key.into()),
            value: Some(out.into()),
            ..Record::default()
        }
    }
}
