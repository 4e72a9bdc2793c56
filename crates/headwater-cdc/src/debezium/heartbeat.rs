//! What says that a capture goes on, in a topic of its own.

use headwater_log::Record;

use super::settings::Debezium;
use crate::json;

const KEY: &str = r#"{"schema":{"type":"struct","fields":[{"type":"string","optional":false,"field":"serverName"}],"optional":false,"name":"io.debezium.connector.common.ServerNameKey","version":1},"payload":"#;
const VALUE: &str = r#"{"schema":{"type":"struct","fields":[{"type":"int64","optional":false,"field":"ts_ms"}],"optional":false,"name":"io.debezium.connector.common.Heartbeat","version":1},"payload":"#;

/// A heartbeat, `now_ms` milliseconds after 1970 began.
pub(crate) fn heartbeat(debezium: &Debezium, now_ms: i64) -> Record {
    let mut key = b"{\"serverName\":".to_vec();
    json::string(debezium.name.as_bytes(), &mut key);
    key.push(b'}');
    let value = format!("{{\"ts_ms\":{now_ms}}}").into_bytes();
    let with = |schema: &str, payload: Vec<u8>| match debezium.schemas {
        true => [schema.as_bytes(), &payload, b"}"].concat().into(),
        false => payload.into(),
    };
    Record {
        key: Some(with(KEY, key)),
        value: Some(with(VALUE, value)),
        ..Record::default()
    }
}
