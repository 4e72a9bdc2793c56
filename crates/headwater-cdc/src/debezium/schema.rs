//! The schemas of keys and envelopes.

use super::origin::Connector;
use super::semantic::FieldSchema;
use crate::json;

/// The fields of a source that all connectors have.
const SOURCE: &str = r#"{"type":"struct","fields":[{"type":"string","optional":false,"field":"version"},{"type":"string","optional":false,"field":"connector"},{"type":"string","optional":false,"field":"name"},{"type":"int64","optional":false,"field":"ts_ms"},{"type":"string","optional":true,"name":"io.debezium.data.Enum","version":1,"parameters":{"allowed":"true,first,first_in_data_collection,last_in_data_collection,last,false,incremental"},"default":"false","field":"snapshot"},{"type":"string","optional":false,"field":"db"},{"type":"string","optional":true,"field":"sequence"},{"type":"int64","optional":true,"field":"ts_us"},{"type":"int64","optional":true,"field":"ts_ns"}"#;
/// Those of PostgreSQL.
const WAL: &str = r#",{"type":"string","optional":false,"field":"schema"},{"type":"string","optional":false,"field":"table"},{"type":"int64","optional":true,"field":"txId"},{"type":"int64","optional":true,"field":"lsn"},{"type":"int64","optional":true,"field":"xmin"},{"type":"string","optional":true,"field":"origin"},{"type":"int64","optional":true,"field":"origin_lsn"}"#;
/// Those of MariaDB and MySQL.
const BINLOG: &str = r#",{"type":"string","optional":true,"field":"table"},{"type":"int64","optional":false,"field":"server_id"},{"type":"string","optional":true,"field":"gtid"},{"type":"string","optional":false,"field":"file"},{"type":"int64","optional":false,"field":"pos"},{"type":"int32","optional":false,"field":"row"},{"type":"int64","optional":true,"field":"thread"},{"type":"string","optional":true,"field":"query"}"#;
/// Where an event stands in its transaction.
const ORDER: &str = r#"{"type":"struct","fields":[{"type":"string","optional":false,"field":"id"},{"type":"int64","optional":false,"field":"total_order"},{"type":"int64","optional":false,"field":"data_collection_order"}],"optional":true,"name":"event.block","version":1,"field":"transaction"}"#;
const REST: &str = r#",{"type":"string","optional":false,"field":"op"},{"type":"int64","optional":true,"field":"ts_ms"},{"type":"int64","optional":true,"field":"ts_us"},{"type":"int64","optional":true,"field":"ts_ns"}],"optional":false,"name":"#;

/// What stands before a key, which is followed by a brace.
pub(super) fn of_key(topic: &str, fields: &[FieldSchema]) -> Vec<u8> {
    let mut out = b"{\"schema\":".to_vec();
    structure(fields, false, &format!("{topic}.Key"), &mut out);
    out.extend_from_slice(b"},\"payload\":");
    out
}

/// What stands before an envelope, which is followed by a brace.
pub(super) fn of_envelope(topic: &str, connector: Connector, fields: &[FieldSchema]) -> Vec<u8> {
    let mut out = b"{\"schema\":{\"type\":\"struct\",\"fields\":[".to_vec();
    for field in ["before", "after"] {
        structure(fields, true, &format!("{topic}.Value"), &mut out);
        out.extend_from_slice(format!(",\"field\":\"{field}\"}},").as_bytes());
    }
    source(connector, &mut out);
    out.push(b',');
    out.extend_from_slice(ORDER.as_bytes());
    out.extend_from_slice(REST.as_bytes());
    json::string(format!("{topic}.Envelope").as_bytes(), &mut out);
    out.extend_from_slice(b",\"version\":2},\"payload\":");
    out
}

/// What stands before the event of a message, which is followed by a brace.
pub(super) fn of_message() -> Vec<u8> {
    let mut out = br#"{"schema":{"type":"struct","fields":[{"type":"string","optional":false,"field":"op"},{"type":"int64","optional":true,"field":"ts_ms"},"#.to_vec();
    source(Connector::PostgreSql, &mut out);
    out.push(b',');
    out.extend_from_slice(ORDER.as_bytes());
    out.extend_from_slice(br#",{"type":"struct","fields":[{"type":"string","optional":true,"field":"prefix"},{"type":"bytes","optional":true,"field":"content"}],"optional":false,"name":"io.debezium.connector.postgresql.Message","version":1,"field":"message"}],"optional":false,"name":"io.debezium.connector.postgresql.MessageValue","version":1},"payload":"#);
    out
}

/// What stands before a row that comes alone, which is followed by a brace.
pub(super) fn of_row(topic: &str, fields: &[FieldSchema]) -> Vec<u8> {
    let mut out = b"{\"schema\":".to_vec();
    structure(fields, true, &format!("{topic}.Value"), &mut out);
    out.extend_from_slice(b"},\"payload\":");
    out
}

fn source(connector: Connector, out: &mut Vec<u8>) {
    out.extend_from_slice(SOURCE.as_bytes());
    out.extend_from_slice(match connector {
        Connector::PostgreSql => WAL.as_bytes(),
        Connector::MySql | Connector::MariaDb => BINLOG.as_bytes(),
    });
    let name = connector.name();
    let rest = format!(
        "],\"optional\":false,\"name\":\"io.debezium.connector.{name}.Source\",\"version\":1,\"field\":\"source\"}}"
    );
    out.extend_from_slice(rest.as_bytes());
}

/// A struct without its closing brace.
fn structure(fields: &[FieldSchema], is_optional: bool, name: &str, out: &mut Vec<u8>) {
    out.extend_from_slice(b"{\"type\":\"struct\",\"fields\":[");
    for (place, field) in fields.iter().enumerate() {
        if place > 0 {
            out.push(b',');
        }
        field.write(out);
    }
    out.extend_from_slice(format!("],\"optional\":{is_optional},\"name\":").as_bytes());
    json::string(name.as_bytes(), out);
}
