//! What changes of rows become.

use std::time::{Duration, Instant};

use headwater_cdc::postgres::Session;
use headwater_cdc::{Capture, Phase};

use super::bench::{LONG, catch_up, content, fold, memory, records, run, settings, table};
use crate::replication::start;

#[test]
fn a_topic_is_what_was_there_and_what_was_done() {
    let Some((_server, address)) = start() else {
        return;
    };
    let mut session = Session::connect(&address).unwrap();
    run(
        &mut session,
        "CREATE TABLE orders (id bigint PRIMARY KEY, amount numeric(10,2), note text)",
    );
    run(
        &mut session,
        "INSERT INTO orders SELECT n, n * 1.5, 'note ' || n FROM generate_series(1, 5000) n",
    );
    let settings = settings(&address, &["orders"]);
    let log = memory();
    catch_up(&log, &settings);
    assert_eq!(
        fold(&log, "orders"),
        content(&mut session, "orders", &["id"])
    );
    assert_eq!(records(&log, "orders").len(), 5000);

    // Transactions come whole, while the capture is away and while it is there.
    run(
        &mut session,
        "BEGIN; UPDATE orders SET amount = 7 WHERE id = 1; DELETE FROM orders WHERE id = 2; \
         UPDATE orders SET id = -3 WHERE id = 3; INSERT INTO orders VALUES (0, 'NaN', NULL); COMMIT",
    );
    catch_up(&log, &settings);
    let done = records(&log, "orders").split_off(5000);
    let keys: Vec<(&str, bool)> = done
        .iter()
        .map(|(_, k, v)| (k.as_str(), v.is_some()))
        .collect();
    let want = [
        ("{\"id\":1}", true),
        ("{\"id\":2}", false),
        ("{\"id\":3}", false),
        ("{\"id\":-3}", true),
        ("{\"id\":0}", true),
    ];
    assert_eq!(keys, want);
    assert!(done.iter().all(|(commit, _, _)| *commit == done[0].0));
    assert_eq!(
        done[4].2.as_deref(),
        Some("{\"id\":0,\"amount\":\"NaN\",\"note\":null}")
    );

    // Nothing is read or streamed again.
    catch_up(&log, &settings);
    assert_eq!(records(&log, "orders").len(), 5005);
    run(
        &mut session,
        "TRUNCATE orders; INSERT INTO orders VALUES (1, 1, 'after')",
    );
    catch_up(&log, &settings);
    assert_eq!(fold(&log, "orders").len(), 1);
}

#[test]
fn large_values_that_did_not_change_stay() {
    let Some((_server, address)) = start() else {
        return;
    };
    let mut session = Session::connect(&address).unwrap();
    run(
        &mut session,
        "CREATE TABLE docs (id int PRIMARY KEY, n int, body text); ALTER TABLE docs ALTER body SET STORAGE EXTERNAL",
    );
    run(
        &mut session,
        "INSERT INTO docs SELECT n, 0, repeat('x', 3000) || n FROM generate_series(1, 50) n",
    );
    let settings = settings(&address, &["docs"]);
    let log = memory();
    catch_up(&log, &settings);
    run(&mut session, "UPDATE docs SET n = n + 1");
    run(
        &mut session,
        "BEGIN; UPDATE docs SET body = repeat('y', 3000) WHERE id = 1; UPDATE docs SET n = 9 WHERE id = 1; \
         UPDATE docs SET id = 100, n = 8 WHERE id = 2; UPDATE docs SET n = 7 WHERE id = 100; COMMIT",
    );
    catch_up(&log, &settings);
    assert_eq!(fold(&log, "docs"), content(&mut session, "docs", &["id"]));
    run(
        &mut session,
        "ALTER TABLE docs REPLICA IDENTITY FULL; UPDATE docs SET n = n + 1; UPDATE docs SET id = 200 WHERE id = 100",
    );
    catch_up(&log, &settings);
    assert_eq!(fold(&log, "docs"), content(&mut session, "docs", &["id"]));
}

#[test]
fn columns_come_and_go() {
    let Some((_server, address)) = start() else {
        return;
    };
    let mut session = Session::connect(&address).unwrap();
    run(
        &mut session,
        "CREATE TABLE t (id int PRIMARY KEY, a text); INSERT INTO t SELECT n, 'a' FROM generate_series(1, 100) n",
    );
    let settings = settings(&address, &["t"]);
    let log = memory();
    catch_up(&log, &settings);
    // Rows that nobody touches have the new column too.
    run(
        &mut session,
        "BEGIN; UPDATE t SET a = 'b' WHERE id = 1; ALTER TABLE t ADD COLUMN b int DEFAULT 7; UPDATE t SET a = 'c' WHERE id = 2; COMMIT",
    );
    catch_up(&log, &settings);
    assert_eq!(fold(&log, "t"), content(&mut session, "t", &["id"]));
    run(
        &mut session,
        "ALTER TABLE t DROP COLUMN a; ALTER TABLE t RENAME b TO c; INSERT INTO t VALUES (0, 0)",
    );
    catch_up(&log, &settings);
    assert_eq!(fold(&log, "t"), content(&mut session, "t", &["id"]));
}

#[test]
fn partitions_are_one_table_and_tables_can_be_added() {
    let Some((_server, address)) = start() else {
        return;
    };
    let mut session = Session::connect(&address).unwrap();
    run(
        &mut session,
        "CREATE TABLE p (id int PRIMARY KEY, n int) PARTITION BY RANGE (id); \
         CREATE TABLE p1 PARTITION OF p FOR VALUES FROM (0) TO (100); CREATE TABLE p2 PARTITION OF p FOR VALUES FROM (100) TO (200); \
         INSERT INTO p SELECT n, n FROM generate_series(0, 199) n; CREATE TABLE q (id int PRIMARY KEY); INSERT INTO q VALUES (1)",
    );
    let log = memory();
    catch_up(&log, &settings(&address, &["p"]));
    run(
        &mut session,
        "UPDATE p SET id = 199 - id WHERE id = 50 AND false; DELETE FROM p WHERE id % 10 = 0; UPDATE p SET id = 150 WHERE id = 51; INSERT INTO q VALUES (2)",
    );
    let both = settings(&address, &["p", "q"]);
    catch_up(&log, &both);
    run(
        &mut session,
        "DELETE FROM q WHERE id = 1; INSERT INTO q VALUES (3)",
    );
    catch_up(&log, &both);
    assert_eq!(fold(&log, "p"), content(&mut session, "p", &["id"]));
    assert_eq!(fold(&log, "q"), content(&mut session, "q", &["id"]));
}

#[test]
fn a_partition_that_is_attached_is_read_with_its_rows_alone() {
    let Some((_server, address)) = start() else {
        return;
    };
    let mut session = Session::connect(&address).unwrap();
    run(
        &mut session,
        "CREATE TABLE p (id int PRIMARY KEY, n int) PARTITION BY RANGE (id); CREATE TABLE p1 PARTITION OF p FOR VALUES FROM (0) TO (1000); \
         INSERT INTO p SELECT n, n FROM generate_series(0, 999) n; \
         CREATE TABLE p2 (id int PRIMARY KEY, n int); INSERT INTO p2 SELECT n, n FROM generate_series(1000, 1999) n",
    );
    let log = memory();
    catch_up(&log, &settings(&address, &["p"]));
    assert_eq!(records(&log, "p").len(), 1000);
    // While the capture is away, and while it is there.
    run(
        &mut session,
        "ALTER TABLE p ATTACH PARTITION p2 FOR VALUES FROM (1000) TO (2000); UPDATE p SET n = 0 WHERE id = 1500; DELETE FROM p WHERE id = 1501",
    );
    let capture = Capture::start(&log, settings(&address, &["p"])).unwrap();
    let until = Instant::now() + LONG;
    let is_as = |count: usize, session: &mut Session| {
        while records(&log, "p").len() < count {
            assert!(Instant::now() < until, "{:?}", capture.status());
            std::thread::park_timeout(Duration::from_millis(20));
        }
        assert!(capture.wait_for(&address.log_end().unwrap(), LONG).unwrap());
        assert_eq!(fold(&log, "p"), content(session, "p", &["id"]));
    };
    is_as(2000, &mut session);
    run(
        &mut session,
        "CREATE TABLE p3 (id int PRIMARY KEY, n int); INSERT INTO p3 SELECT n, n FROM generate_series(2000, 2999) n; \
         ALTER TABLE p ATTACH PARTITION p3 FOR VALUES FROM (2000) TO (3000)",
    );
    is_as(3000, &mut session);
    // Two changes, and each row once.
    let count = records(&log, "p").len();
    assert!((3000..=3001).contains(&count), "{count}");
    capture.stop();
}

#[test]
fn what_is_confirmed_is_what_is_durable_and_an_idle_table_holds_nothing() {
    let Some((_server, address)) = start() else {
        return;
    };
    let mut session = Session::connect(&address).unwrap();
    run(
        &mut session,
        "CREATE TABLE t (id int PRIMARY KEY); CREATE TABLE other (id int)",
    );
    let log = memory();
    let capture = Capture::start(&log, settings(&address, &["t"])).unwrap();
    for n in 0..20 {
        run(
            &mut session,
            &format!("INSERT INTO other SELECT {n} FROM generate_series(1, 1000)"),
        );
    }
    let end = address.log_end().unwrap();
    assert!(capture.wait_for(&end, LONG).unwrap());
    let status = capture.status();
    assert_eq!((status.phase, status.changes), (Phase::Streaming, 0));
    assert_eq!(status.tables[0].name, table("t").to_string());
    capture.stop();
    let sql = format!("SELECT confirmed_flush_lsn >= '{end}' FROM pg_replication_slots");
    assert_eq!(session.value(&sql).unwrap().as_deref(), Some("t"));
}
