//! Values of events are written as `time.precision.mode`, `binary.handling.mode` and `bigint.unsigned.handling.mode` of Debezium say.

use headwater_cdc::mysql::Settings;
use headwater_cdc::{Binary, Debezium, Format, Times, Unsigned};
use serde_json::{Value, json};

use super::capturing::{catch_up, memory, records, settings};
use super::server::Server;
use super::transactions::run;

#[test]
fn times_are_those_of_kafka_connect_and_bytes_and_large_numbers_are_as_wanted() {
    for server in Server::each(&[]) {
        let mut session = server.session("shop");
        run(
            &mut session,
            &[
                "CREATE TABLE t (id INT PRIMARY KEY, d DATE, c TIME(6), at DATETIME(6), n BIGINT UNSIGNED, b VARBINARY(9))",
            ],
        );
        let settings = Settings {
            format: Format::Debezium(Debezium {
                schemas: true,
                times: Times::Connect,
                binary: Binary::Base64UrlSafe,
                unsigned: Unsigned::Precise,
                ..Debezium::new("p")
            }),
            ..settings(&server.address(), &["t"])
        };
        let log = memory();
        let insert = |id: u32| {
            format!(
                "INSERT INTO t VALUES ({id}, '1970-01-03', '00:00:01.234567', '1970-01-01 00:00:03.456789', 18446744073709551615, x'fbff')"
            )
        };
        run(&mut session, &[&insert(1)]);
        catch_up(&log, &settings);
        run(&mut session, &[&insert(2)]);
        catch_up(&log, &settings);
        let all = records(&log, "t");
        for (id, (_, _, value)) in (1..).zip(&all) {
            let event: Value = serde_json::from_str(value.as_deref().unwrap()).unwrap();
            let want =
                json!({"id": id, "d": 2, "c": 1234, "at": 3456, "n": "AP//////////", "b": "-_8="});
            assert_eq!(event["payload"]["after"], want);
            let schema = event["schema"].to_string();
            for name in ["Date", "Time", "Timestamp", "Decimal"] {
                assert!(
                    schema.contains(&format!("org.apache.kafka.connect.data.{name}\"")),
                    "{name}: {schema}"
                );
            }
        }
        assert_eq!(all.len(), 2);
    }
}
