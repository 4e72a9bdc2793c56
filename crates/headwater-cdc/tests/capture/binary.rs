//! Values that are streamed in binary are those that are streamed as texts.

use headwater_cdc::Capture;
use headwater_cdc::postgres::{Address, Session, Settings};
use headwater_log::Log;

use super::bench::{LONG, catch_up, content, fold, memory, records, run, settings};
use super::values::{COLUMNS, Make, ROWS, TYPES, both, value};
use crate::oracle::{Random, seed};
use crate::replication::start;

/// Types whose values are never read in binary.
const TEXTS: [&str; 13] = [
    "\"char\"",
    "interval",
    "inet",
    "cidr",
    "bit varying(40)",
    "money",
    "point",
    "int4range",
    "xml",
    "pair",
    "host",
    "pair[]",
    "inet[]",
];

/// Whether the server sends values in binary.
fn is_binary(address: &Address, log: &Log, settings: &Settings) -> bool {
    let capture = Capture::start(log, settings.clone()).unwrap();
    assert!(capture.wait_for(&address.log_end().unwrap(), LONG).unwrap());
    let mut session = Session::connect(address).unwrap();
    let sql = "SELECT query FROM pg_stat_activity WHERE backend_type = 'walsender'";
    let query = session.value(sql).unwrap().unwrap();
    capture.stop();
    assert!(query.contains("START_REPLICATION"), "{query}");
    query.contains("binary 'true'")
}

fn columns() -> Vec<(String, &'static (&'static str, Make))> {
    let binary = COLUMNS.iter().filter(|c| !TEXTS.contains(&c.0));
    let named = binary.enumerate();
    named.map(|(n, column)| (format!("c{n}"), column)).collect()
}

fn create(session: &mut Session) {
    let columns = columns();
    let columns = columns.iter().map(|(name, c)| format!("{name} {}", c.0));
    let columns: Vec<String> = columns.collect();
    let columns = columns.join(", ");
    run(session, TYPES);
    run(
        session,
        &format!("CREATE TABLE t (id int PRIMARY KEY, {columns})"),
    );
}

fn fill(session: &mut Session, random: &mut Random) {
    for id in 0..ROWS {
        let values: Vec<String> = columns().iter().map(|(_, c)| value(c, random)).collect();
        let values = values.join(", ");
        run(session, &format!("INSERT INTO t VALUES ({id}, {values})"));
    }
}

#[test]
fn changes_are_the_same_in_binary_and_as_text() {
    let Some((_server, address)) = start() else {
        return;
    };
    let mut random = Random(seed() | 1);
    let mut session = Session::connect(&address).unwrap();
    create(&mut session);
    let captures = both(settings(&address, &["t"])).map(|binary| {
        let text = Settings {
            slot: format!("{}_as_text", binary.slot),
            binary: false,
            ..binary.clone()
        };
        [(memory(), binary), (memory(), text)]
    });
    for [(log, binary), (texts, text)] in &captures {
        assert!(is_binary(&address, log, binary));
        assert!(!is_binary(&address, texts, text));
    }
    fill(&mut session, &mut random);
    for change in [
        "UPDATE t SET id = id + 1000 WHERE id % 3 = 0",
        "ALTER TABLE t REPLICA IDENTITY FULL",
        "UPDATE t SET c0 = NOT c0 WHERE id % 2 = 0",
        "DELETE FROM t WHERE id % 5 = 0",
    ] {
        run(&mut session, change);
    }
    for [(log, binary), (texts, text)] in &captures {
        catch_up(log, binary);
        catch_up(texts, text);
        let seen = |log| {
            let all = records(log, "t").into_iter();
            all.map(|(_, key, value)| (key, value)).collect::<Vec<_>>()
        };
        let (seen, want) = (seen(log), seen(texts));
        assert!(want.len() as u64 > 2 * ROWS, "{}", want.len());
        assert_eq!(seen.len(), want.len());
        for (seen, want) in seen.iter().zip(&want) {
            assert_eq!(seen, want);
        }
    }
}

#[test]
fn a_column_that_cannot_be_read_in_binary_has_all_come_as_texts() {
    let Some((_server, address)) = start() else {
        return;
    };
    let mut session = Session::connect(&address).unwrap();
    run(&mut session, "CREATE TABLE t (id int PRIMARY KEY, n int)");
    let settings = settings(&address, &["t"]);
    let log = memory();
    assert!(is_binary(&address, &log, &settings));
    // What the stream says of this time the catalogue no longer knows.
    for change in [
        "INSERT INTO t VALUES (1, 1)",
        "ALTER TABLE t ADD COLUMN a inet",
        "INSERT INTO t VALUES (2, 2, '10.0.0.1'), (3, 3, '::1')",
        "ALTER TABLE t DROP COLUMN a",
        "INSERT INTO t VALUES (4, 4)",
    ] {
        run(&mut session, change);
    }
    catch_up(&log, &settings);
    assert_eq!(fold(&log, "t"), content(&mut session, "t", &["id"]));
    assert!(is_binary(&address, &log, &settings));

    // While it streams.
    let capture = Capture::start(&log, settings.clone()).unwrap();
    run(&mut session, "ALTER TABLE t ADD COLUMN a inet");
    run(&mut session, "INSERT INTO t VALUES (5, 5, '10.0.0.5')");
    let end = address.log_end().unwrap();
    assert!(
        capture.wait_for(&end, LONG).unwrap(),
        "{:?}",
        capture.status()
    );
    capture.stop();
    assert_eq!(fold(&log, "t"), content(&mut session, "t", &["id"]));
    assert!(!is_binary(&address, &log, &settings));
}
