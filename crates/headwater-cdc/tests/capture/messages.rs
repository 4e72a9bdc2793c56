//! Messages of applications, heartbeats, and captures that end when their tables are read.

use std::time::{Duration, Instant};

use headwater_cdc::postgres::{Messages, Session, Settings};
use headwater_cdc::{Capture, ErrorKind, Heartbeat, Phase};
use headwater_log::{Log, Offset, TopicPartition};

use super::bench::{LONG, catch_up, content, fold, memory, run, settings};
use super::losses::failure;
use crate::replication::start;

/// The messages of a topic: the commit, the prefix and the text of each.
fn messages(log: &Log) -> Vec<(u64, String, String)> {
    let fetched = log.fetch(&TopicPartition::new("messages", 0), Offset(0), 1 << 20);
    let (fetched, mut all) = (fetched.unwrap(), Vec::new());
    for (batch, commit) in fetched.batches.iter().zip(&fetched.commits) {
        let text = |bytes: Option<&[u8]>| String::from_utf8(bytes.unwrap().to_vec()).unwrap();
        let each =
            |r: headwater_log::RecordRef<'_>| all.push((commit.0, text(r.key), text(r.value)));
        batch.for_each(each).unwrap();
    }
    all
}

fn with_messages(of: Settings, prefixes: &[&str]) -> Settings {
    Settings {
        messages: Some(Messages {
            topic: "messages".to_owned(),
            prefixes: prefixes.iter().map(|p| p.parse().unwrap()).collect(),
        }),
        ..of
    }
}

#[test]
fn messages_come_with_their_transaction_or_at_once_and_each_once() {
    let Some((_server, address)) = start() else {
        return;
    };
    let mut session = Session::connect(&address).unwrap();
    run(&mut session, "CREATE TABLE t (id int PRIMARY KEY)");
    let settings = with_messages(settings(&address, &["t"]), &["shop", "audit.*"]);
    let log = memory();
    catch_up(&log, &settings);
    let emit = |within: bool, prefix: &str, text: &str| {
        format!("SELECT pg_logical_emit_message({within}, '{prefix}', '{text}')")
    };
    for sql in [
        format!(
            "BEGIN; INSERT INTO t VALUES (1); {}; COMMIT",
            emit(true, "shop", "with a row")
        ),
        format!("BEGIN; {}; ROLLBACK", emit(true, "shop", "taken back")),
        format!(
            "BEGIN; {}; ROLLBACK",
            emit(false, "audit.user", "in spite of it")
        ),
        emit(true, "other", "not wanted"),
        emit(false, "shop", "the last"),
    ] {
        run(&mut session, &sql);
    }
    // A capture that ends right behind it does not hear of the last one again, nor does the next.
    for _ in 0..3 {
        catch_up(&log, &settings);
    }
    let found = messages(&log);
    let texts: Vec<(&str, &str)> = found
        .iter()
        .map(|(_, p, t)| (p.as_str(), t.as_str()))
        .collect();
    let want = [
        ("shop", "with a row"),
        ("audit.user", "in spite of it"),
        ("shop", "the last"),
    ];
    assert_eq!(texts, want);
    let rows = super::bench::records(&log, "t");
    assert_eq!(rows[0].0, found[0].0);
    // Of one that is sent while it runs they come too, without those that were taken back.
    run(
        &mut session,
        &format!(
            "BEGIN; INSERT INTO t SELECT generate_series(2, 3000); {}; SAVEPOINT s; {}; ROLLBACK TO s; COMMIT",
            emit(true, "shop", "large"),
            emit(true, "shop", "taken back")
        ),
    );
    catch_up(&log, &settings);
    assert_eq!(messages(&log)[3..].len(), 1);
    assert_eq!(messages(&log)[3].2, "large");
    assert_eq!(fold(&log, "t"), content(&mut session, "t", &["id"]));
}

#[test]
fn a_message_that_was_taken_over_is_not_heard_again_after_a_restart() {
    let Some((_server, address)) = start() else {
        return;
    };
    let mut session = Session::connect(&address).unwrap();
    run(&mut session, "CREATE TABLE t (id int PRIMARY KEY)");
    let settings = with_messages(settings(&address, &["t"]), &[]);
    let log = memory();
    catch_up(&log, &settings);
    for round in 1..=5 {
        run(
            &mut session,
            &format!("SELECT pg_logical_emit_message(false, 'p', '{round}')"),
        );
        // Nothing is asked of the server that would have its log go on: the message is the last that it heard.
        let capture = Capture::start(&log, settings.clone()).unwrap();
        let until = Instant::now() + LONG;
        while messages(&log).len() < round {
            assert!(Instant::now() < until, "{:?}", capture.status());
            std::thread::park_timeout(Duration::from_millis(5));
        }
        capture.stop();
        assert_eq!(messages(&log).len(), round);
    }
}

#[test]
fn a_heartbeat_does_what_it_is_told_and_is_no_message() {
    let Some((_server, address)) = start() else {
        return;
    };
    let mut session = Session::connect(&address).unwrap();
    run(
        &mut session,
        "CREATE TABLE beats (id int PRIMARY KEY, n int); INSERT INTO beats VALUES (1, 0)",
    );
    let beating = |statement: Option<&str>| Settings {
        heartbeat: Some(Heartbeat {
            interval: Duration::from_millis(50),
            statement: statement.map(str::to_owned),
        }),
        ..with_messages(settings(&address, &["beats"]), &[])
    };
    let log = memory();
    let capture = Capture::start(&log, beating(Some("UPDATE beats SET n = n + 1"))).unwrap();
    let until = Instant::now() + LONG;
    let beats = || {
        fold(&log, "beats")
            .get("{\"id\":1}")
            .and_then(|row| row["n"].as_i64())
    };
    while beats().unwrap_or(0) < 3 {
        assert!(Instant::now() < until, "{:?}", capture.status());
        std::thread::park_timeout(Duration::from_millis(20));
    }
    capture.stop();
    // Without a statement the server's log goes on although nobody writes, and what is confirmed goes with it.
    let confirmed = "SELECT confirmed_flush_lsn FROM pg_replication_slots";
    let before = session.value(confirmed).unwrap().unwrap();
    let capture = Capture::start(&log, beating(None)).unwrap();
    let is_beyond = format!(
        "SELECT 1 FROM pg_replication_slots WHERE confirmed_flush_lsn > '{before}'::pg_lsn + 200"
    );
    while session.value(&is_beyond).unwrap().is_none() {
        assert!(Instant::now() < until, "{:?}", capture.status());
        std::thread::park_timeout(Duration::from_millis(20));
    }
    capture.stop();
    assert!(messages(&log).is_empty());
    let error = failure(&log, &beating(Some("UPDATE missing SET n = 1")));
    assert!(error.message().contains("missing"), "{error}");
}

#[test]
fn a_capture_of_what_is_there_ends_and_leaves_no_slot() {
    let Some((_server, address)) = start() else {
        return;
    };
    let mut session = Session::connect(&address).unwrap();
    run(
        &mut session,
        "CREATE TABLE t (id int PRIMARY KEY); INSERT INTO t SELECT generate_series(1, 3000); CREATE TABLE u (id int PRIMARY KEY); INSERT INTO u VALUES (1)",
    );
    let of = |tables: &[&str]| Settings {
        ends_when_read: true,
        ..settings(&address, tables)
    };
    let log = memory();
    let is_over = |settings: Settings| {
        let capture = Capture::start(&log, settings).unwrap();
        let until = Instant::now() + LONG;
        while capture.status().phase != Phase::Over {
            assert!(capture.failure().is_none(), "{:?}", capture.failure());
            assert!(Instant::now() < until, "{:?}", capture.status());
            std::thread::park_timeout(Duration::from_millis(5));
        }
        capture.stop();
    };
    is_over(of(&["t"]));
    let slots = "SELECT count(*) FROM pg_replication_slots";
    assert_eq!(session.value(slots).unwrap().as_deref(), Some("0"));
    let was = content(&mut session, "t", &["id"]);
    assert_eq!(fold(&log, "t"), was);
    // It is over for good, but for a table that is added.
    run(&mut session, "DELETE FROM t WHERE id = 1");
    is_over(of(&["t"]));
    is_over(of(&["t", "u"]));
    assert_eq!(fold(&log, "t"), was);
    assert_eq!(fold(&log, "u"), content(&mut session, "u", &["id"]));
    assert_eq!(session.value(slots).unwrap().as_deref(), Some("0"));
    let never = Settings {
        backfills: false,
        ..of(&["t"])
    };
    let error = Capture::start(&log, never).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Invalid);
}
