//! Values of events are written as `time.precision.mode` and `binary.handling.mode` of Debezium say.

use headwater_cdc::postgres::{Session, Settings};
use headwater_cdc::{Binary, Debezium, Format, Times};
use serde_json::{Value, json};

use super::bench::{catch_up, memory, records, run, settings};
use crate::replication::start;

#[test]
fn times_are_those_of_kafka_connect_and_bytes_are_digits() {
    let Some((_server, address)) = start() else {
        return;
    };
    let mut session = Session::connect(&address).unwrap();
    run(
        &mut session,
        "CREATE TABLE t (id int PRIMARY KEY, d date, c time, m time(3), at timestamp, z timestamptz, b bytea, l bytea[]); \
         INSERT INTO t VALUES (1, '1970-01-03', '00:00:01.234567', '00:00:02', '1970-01-01 00:00:03.456789', '1970-01-01 00:00:00+00', '\\xfbff', ARRAY['\\x01'::bytea])",
    );
    let settings = Settings {
        format: Format::Debezium(Debezium {
            schemas: true,
            times: Times::Connect,
            binary: Binary::Hex,
            ..Debezium::new("p")
        }),
        ..settings(&address, &["t"])
    };
    let log = memory();
    catch_up(&log, &settings);
    let want = json!({"id": 1, "d": 2, "c": 1234, "m": 2000, "at": 3456, "z": "1970-01-01T00:00:00.000000Z", "b": "fbff", "l": ["01"]});
    let event: Value = serde_json::from_str(records(&log, "t")[0].2.as_deref().unwrap()).unwrap();
    assert_eq!(event["payload"]["after"], want);
    let fields = event["schema"]["fields"][1]["fields"].as_array().unwrap();
    let of = |name: &str| {
        let field = fields.iter().find(|f| f["field"] == name).unwrap();
        format!("{} {}", field["type"], field["name"])
    };
    let connect = |name: &str| format!("\"org.apache.kafka.connect.data.{name}\"");
    assert_eq!(of("d"), format!("\"int32\" {}", connect("Date")));
    assert_eq!(of("c"), format!("\"int32\" {}", connect("Time")));
    assert_eq!(of("at"), format!("\"int64\" {}", connect("Timestamp")));
    assert_eq!(of("b"), "\"string\" null");
}
