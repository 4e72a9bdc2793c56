//! The topic that says that a capture goes on, whether or not anything changes.

use std::time::{Duration, Instant};

use headwater_cdc::postgres::{self, Session, TableName};
use headwater_cdc::{Capture, Debezium, ErrorKind, Format, Heartbeat, Heartbeats, Settings, mysql};
use serde_json::json;

use crate::events::ours;
use crate::mysql::Server;
use crate::replication::start;
use crate::topics::{LONG, memory};

const TOPIC: &str = "__debezium-heartbeat.shop";

fn format(schemas: bool) -> Format {
    Format::Debezium(Debezium {
        schemas,
        heartbeats: Some(Heartbeats {
            topic: TOPIC.to_owned(),
            interval: Duration::from_millis(30),
        }),
        ..Debezium::new("shop")
    })
}

/// It beats although nothing happens, also when the capture is started again.
fn check(settings: impl Into<Settings>, has_schemas: bool) {
    let (log, settings) = (memory(), settings.into());
    let mut seen = 0;
    for _ in 0..2 {
        let capture = Capture::start(&log, settings.clone()).unwrap();
        let (until, wanted) = (Instant::now() + LONG, seen + 3);
        while seen < wanted {
            assert!(Instant::now() < until, "{:?}", capture.status());
            assert!(capture.failure().is_none(), "{:?}", capture.failure());
            std::thread::park_timeout(Duration::from_millis(10));
            seen = ours(&log, TOPIC).len();
        }
        capture.stop();
    }
    let mut before = 1_700_000_000_000;
    for (key, value, _) in ours(&log, TOPIC) {
        let (key, value) = match has_schemas {
            true => {
                assert_eq!(
                    key["schema"]["name"],
                    "io.debezium.connector.common.ServerNameKey"
                );
                assert_eq!(
                    value["schema"]["name"],
                    "io.debezium.connector.common.Heartbeat"
                );
                (key["payload"].clone(), value["payload"].clone())
            }
            false => (key, value),
        };
        assert_eq!(key, json!({"serverName": "shop"}));
        assert_eq!(value.as_object().unwrap().len(), 1);
        let now = value["ts_ms"].as_i64().unwrap();
        assert!(now >= before, "{now}");
        before = now;
    }
}

#[test]
fn captures_of_postgresql_beat_while_nothing_happens() {
    let Some((_server, address)) = start() else {
        return;
    };
    let mut session = Session::connect(&address).unwrap();
    session
        .query("CREATE TABLE t (id int PRIMARY KEY)")
        .unwrap();
    for schemas in [false, true] {
        let settings = postgres::Settings {
            format: format(schemas),
            ..postgres::Settings::new(address.clone(), format!("beats_{schemas}"))
        };
        let settings = settings.table(TableName::new("public", "t"));
        check(settings.clone(), schemas);
        let twice = postgres::Settings {
            tables: vec![(TableName::new("public", "t"), TOPIC.to_owned())],
            ..settings
        };
        let error = Capture::start(&memory(), twice).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Invalid, "{error}");
    }
}

#[test]
fn captures_of_mariadb_and_mysql_beat_and_run_a_statement_on_wish() {
    for server in Server::each(&[]) {
        let mut session = server.session("shop");
        for sql in [
            "CREATE TABLE t (id INT PRIMARY KEY)",
            "CREATE TABLE beats (n INT)",
        ] {
            session.execute(sql).unwrap();
        }
        let settings = mysql::Settings {
            format: format(false),
            heartbeat: Some(Heartbeat {
                interval: Duration::from_millis(20),
                statement: Some("INSERT INTO shop.beats VALUES (1)".to_owned()),
            }),
            ..mysql::Settings::new(server.address(), "headwater")
        };
        check(settings.table(mysql::TableName::new("shop", "t")), false);
        let beats = session
            .value("SELECT COUNT(*) > 2 FROM shop.beats")
            .unwrap();
        assert_eq!(beats.as_deref(), Some("1"));
    }
}
