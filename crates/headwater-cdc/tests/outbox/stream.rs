//! The outbox in the server's log.

use headwater_cdc::ErrorKind;
use headwater_cdc::outbox::{Event, From, Outbox, OutboxSettings, Router};
use headwater_cdc::postgres::Session;
use headwater_log::{Commit, Record, TopicPartition};
use tokio_postgres::types::ToSql;

use super::bench::{
    LONG, catch_up, count, event, event_of, from_log, lines, memory, records, run, table,
    with_outbox,
};
use crate::replication::start;

const TOPIC: &str = "outbox.event.order";
const ERRORS: &str = "postgres.public.outbox$errors";

#[test]
fn what_is_there_and_what_comes_is_published_once_and_in_order() {
    let Some((_server, address)) = start() else {
        return;
    };
    let mut session = with_outbox(&address);
    let mut other = Session::connect(&address).unwrap();
    run(&mut session, &event("1", r#"{"n": 1.50}"#));
    run(&mut session, &event("2", "2"));
    let log = memory();
    let settings = from_log(&address);
    catch_up(&log, &settings);
    assert_eq!(lines(&log, TOPIC), [r#"1 {"n": 1.50}"#, "2 2"]);

    // The order is that of commits; what was rolled back is nothing.
    run(&mut session, &format!("BEGIN; {}", event("1", "3")));
    run(&mut other, &event("3", "4"));
    run(&mut other, &format!("BEGIN; {}; ROLLBACK", event("9", "9")));
    run(
        &mut session,
        &format!(
            "SAVEPOINT s; {}; ROLLBACK TO s; {}; COMMIT",
            event("9", "9"),
            event_of("person", "1", "5")
        ),
    );
    run(
        &mut session,
        "UPDATE outbox SET type = 'F' WHERE aggregateid = '2'",
    );
    run(&mut session, "DELETE FROM outbox");
    catch_up(&log, &settings);
    catch_up(&log, &settings);
    assert_eq!(lines(&log, TOPIC)[2..], ["3 4", "1 3"]);
    assert_eq!(lines(&log, "outbox.event.person"), ["1 5"]);
    assert!(log.topic(ERRORS).is_none());
}

#[test]
fn a_row_is_what_the_event_router_makes_of_it() {
    let Some((_server, address)) = start() else {
        return;
    };
    let mut session = Session::connect(&address).unwrap();
    run(
        &mut session,
        "CREATE TABLE outbox (id int PRIMARY KEY, kind text, who text, body bytea, at timestamptz, version int)",
    );
    let options = [
        ("route.by.field", "kind"),
        ("route.topic.replacement", "events.${routedByValue}"),
        ("table.field.event.key", "who"),
        ("table.field.event.payload", "body"),
        ("table.field.event.timestamp", "at"),
        (
            "table.fields.additional.placement",
            "version:header:schemaVersion",
        ),
    ];
    let settings = OutboxSettings {
        router: Router::new(options).unwrap(),
        ..from_log(&address)
    };
    let log = memory();
    catch_up(&log, &settings);
    run(
        &mut session,
        r"INSERT INTO outbox VALUES (7, 'order', 'ann', '\x6869', '2026-01-02 03:04:05.678+00', 3), (8, 'order', NULL, NULL, now(), NULL)",
    );
    catch_up(&log, &settings);
    let header = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    let want = [
        (
            Some("ann".to_owned()),
            Some("hi".to_owned()),
            vec![header("id", "7"), header("schemaVersion", "3")],
        ),
        (
            None,
            None,
            vec![header("id", "8"), header("schemaVersion", "-")],
        ),
    ];
    assert_eq!(records(&log, "events.order"), want);
    let of = TopicPartition::new("events.order", 0);
    let first = log.fetch(&of, headwater_log::Offset(0), 1 << 20).unwrap();
    let first = first.batches[0].records().next().unwrap().unwrap().1;
    assert_eq!(first.timestamp.unwrap().0, 1_767_323_045_678);
}

#[test]
fn a_row_that_is_none_parks_its_own_key_until_that_is_released() {
    let Some((_server, address)) = start() else {
        return;
    };
    let mut session = with_outbox(&address);
    let (log, settings) = (memory(), from_log(&address));
    catch_up(&log, &settings);
    run(&mut session, &event("1", "1"));
    run(&mut session, &event_of("no/topic", "1", "2"));
    run(&mut session, &event("2", "3"));
    run(&mut session, &event("1", "4"));
    catch_up(&log, &settings);
    // Who comes later remembers.
    run(&mut session, &event("1", "5"));
    catch_up(&log, &settings);
    assert_eq!(lines(&log, TOPIC), ["1 1", "2 3"]);
    let kept = records(&log, ERRORS);
    let reasons: Vec<&str> = kept
        .iter()
        .map(|(_, _, headers)| headers[0].1.as_str())
        .collect();
    let behind = "an earlier event of this key is kept here";
    assert_eq!(
        reasons,
        [
            "column 'aggregatetype' makes a name that no topic can have",
            behind,
            behind
        ]
    );
    assert!(kept.iter().all(|(key, ..)| key.as_deref() == Some("1")));
    let row: serde_json::Value = serde_json::from_str(kept[0].1.as_deref().unwrap()).unwrap();
    assert_eq!(
        (&row["aggregatetype"], &row["payload"]),
        (&"no/topic".into(), &2.into())
    );

    let release = Record {
        key: Some("1".into()),
        ..Record::default()
    };
    let commit = Commit::new().append(TopicPartition::new(ERRORS, 0), [release]);
    log.commit(commit).unwrap();
    run(&mut session, &event("1", "6"));
    catch_up(&log, &settings);
    assert_eq!(lines(&log, TOPIC)[2..], ["1 6"]);
}

#[test]
fn messages_need_no_table() {
    let Some((_server, address)) = start() else {
        return;
    };
    let mut session = Session::connect(&address).unwrap();
    let from = From::Messages(address.clone(), "shop".to_owned());
    let settings = OutboxSettings::new("messages", from);
    let log = memory();
    catch_up(&log, &settings);
    let emit = |session: &mut Session, prefix: &str, key: &str, is_transactional: bool| {
        let event = Event {
            id: Some("7"),
            aggregate_type: "order",
            aggregate_id: key,
            kind: "Placed",
            payload: Some(r#"{"n":1.50}"#),
        };
        let content = event.message(prefix).parameters[1].clone().unwrap();
        let sql =
            format!("SELECT pg_logical_emit_message({is_transactional}, '{prefix}', '{content}')");
        run(session, &sql);
    };
    run(&mut session, "BEGIN");
    emit(&mut session, "shop", "1", true);
    run(&mut session, "ROLLBACK; BEGIN");
    emit(&mut session, "shop", "2", true);
    emit(&mut session, "other", "3", true);
    run(
        &mut session,
        "SELECT pg_logical_emit_message(true, 'shop', 'hello'); COMMIT",
    );
    emit(&mut session, "shop", "4", false);
    catch_up(&log, &settings);
    catch_up(&log, &settings);
    assert_eq!(lines(&log, TOPIC), [r#"2 {"n":1.50}"#, r#"4 {"n":1.50}"#]);
    assert_eq!(
        lines(&log, "postgres.messages$errors"),
        [r#"- {"content":"hello"}"#]
    );
}

#[test]
fn published_rows_are_deleted_and_no_others() {
    let Some((_server, address)) = start() else {
        return;
    };
    let mut session = with_outbox(&address);
    let mut other = Session::connect(&address).unwrap();
    run(&mut session, &event("1", "1"));
    let log = memory();
    let settings = OutboxSettings {
        prunes: true,
        ..from_log(&address)
    };
    let outbox = Outbox::start(&log, settings).unwrap();
    // The making of a slot waits for transactions that are open.
    assert!(outbox.catch_up(LONG).unwrap());
    run(&mut other, &format!("BEGIN; {}", event("2", "2")));
    run(&mut session, &event("3", "3"));
    let until = |outbox: &Outbox, session: &mut Session, rows: u64| {
        for _ in 0..1000 {
            assert!(outbox.catch_up(LONG).unwrap());
            if count(session) == rows {
                return;
            }
        }
        panic!("{} rows", count(session));
    };
    until(&outbox, &mut session, 0);
    assert_eq!(lines(&log, TOPIC), ["1 1", "3 3"]);
    run(&mut other, "COMMIT");
    until(&outbox, &mut session, 0);
    assert_eq!(lines(&log, TOPIC), ["1 1", "3 3", "2 2"]);
    outbox.stop();
}

#[test]
fn an_event_is_written_in_the_transaction_of_the_caller() {
    let Some((_server, address)) = start() else {
        return;
    };
    drop(with_outbox(&address));
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        let config = format!(
            "host=127.0.0.1 port={} user={} password={} dbname=postgres",
            address.port, address.user, address.password
        );
        let (mut client, connection) = tokio_postgres::connect(&config, tokio_postgres::NoTls)
            .await
            .unwrap();
        let connection = tokio::spawn(connection);
        for (key, is_kept) in [("1", true), ("2", false)] {
            let transaction = client.transaction().await.unwrap();
            let event = Event {
                id: None,
                aggregate_type: "order",
                aggregate_id: key,
                kind: "Placed",
                payload: Some("{}"),
            };
            for statement in [event.insert(&table()), event.message("shop")] {
                let parameters: Vec<&(dyn ToSql + Sync)> =
                    statement.parameters.iter().map(|p| p as _).collect();
                transaction
                    .execute(&statement.sql, &parameters)
                    .await
                    .unwrap();
            }
            match is_kept {
                true => transaction.commit().await.unwrap(),
                false => transaction.rollback().await.unwrap(),
            }
        }
        drop(client);
        connection.await.unwrap().unwrap();
    });
    let log = memory();
    catch_up(&log, &from_log(&address));
    assert_eq!(lines(&log, TOPIC), ["1 {}"]);
}

/// As soon as the server has noticed that nobody uses it any more.
fn drop_slot(session: &mut Session) {
    let sql = "SELECT pg_drop_replication_slot('events')";
    while let Err(e) = session.query(sql) {
        assert_eq!(e.kind(), ErrorKind::Unavailable, "{e}");
    }
}

#[test]
fn what_is_wrong_is_said_with_what_mends_it() {
    let Some((_server, address)) = start() else {
        return;
    };
    let mut session = Session::connect(&address).unwrap();
    let fails = |settings: OutboxSettings| {
        let outbox = Outbox::start(&memory(), settings).unwrap();
        outbox.catch_up(LONG).unwrap_err()
    };
    let error = fails(from_log(&address));
    assert_eq!(error.kind(), ErrorKind::NotFound);
    assert!(error.hint().unwrap().starts_with("CREATE TABLE"), "{error}");
    run(
        &mut session,
        "CREATE TABLE outbox (id int PRIMARY KEY, aggregatetype text, payload text)",
    );
    let error = fails(from_log(&address));
    assert_eq!(error.kind(), ErrorKind::Invalid);
    assert!(error.message().contains("'aggregateid'"), "{error}");
    run(&mut session, "DROP TABLE outbox");
    drop(with_outbox(&address));
    run(
        &mut session,
        "SELECT pg_create_logical_replication_slot('events', 'pgoutput')",
    );
    assert_eq!(fails(from_log(&address)).kind(), ErrorKind::Conflict);
    drop_slot(&mut session);
    // A slot that is lost takes events with it: that is said, not passed over.
    let (log, settings) = (memory(), from_log(&address));
    catch_up(&log, &settings);
    drop_slot(&mut session);
    let outbox = Outbox::start(&log, settings).unwrap();
    let error = outbox.catch_up(LONG).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Corrupt);
    assert!(error.message().contains("dropped"), "{error}");
}
