//! The outbox of MariaDB and MySQL: read from the binary log, and emptied.

use headwater_cdc::ErrorKind;
use headwater_cdc::mysql::{Address, Session, TableName};
use headwater_cdc::outbox::{From, Outbox, OutboxSettings, create_mysql_table, stored_outboxes};
use headwater_log::{Commit, Log, Record, TopicPartition};

use super::bench::{LONG, catch_up, lines, memory, records};
use crate::mysql::{Server, numbers};

const TOPIC: &str = "outbox.event.order";

pub(super) fn table() -> TableName {
    TableName::new("shop", "outbox")
}

pub(super) fn from_log(address: &Address) -> OutboxSettings {
    OutboxSettings::new("events", From::Binlog(address.clone(), table()))
}

pub(super) fn emptied(address: &Address) -> OutboxSettings {
    OutboxSettings::new("events", From::Emptied(address.clone(), table()))
}

type Way = fn(&Address) -> OutboxSettings;

const WAYS: [Way; 2] = [from_log, emptied];

pub(super) fn run(session: &mut Session, statements: &[&str]) {
    for sql in statements {
        session.execute(sql).unwrap();
    }
}

/// Servers whose database `shop` has an outbox, and a session there.
pub(super) fn with_outbox() -> impl Iterator<Item = (Server, Session)> {
    Server::each(&[]).map(|server| {
        let mut session = server.session("shop");
        run(&mut session, &[&create_mysql_table(&table())]);
        (server, session)
    })
}

/// Both ways, each on servers of its own.
fn both_ways() -> impl Iterator<Item = (Way, Server, Session)> {
    let on = |way| with_outbox().map(move |(server, session)| (way, server, session));
    WAYS.into_iter().flat_map(on)
}

/// The statement that writes an event.
fn event_of(aggregate: &str, key: &str, payload: &str) -> String {
    format!(
        "INSERT INTO outbox (aggregatetype, aggregateid, type, payload) VALUES ('{aggregate}', '{key}', 'E', '{payload}')"
    )
}

fn event(key: &str, payload: &str) -> String {
    event_of("order", key, payload)
}

fn count(session: &mut Session) -> u64 {
    let count = session.value("SELECT count(*) FROM outbox").unwrap();
    count.unwrap().parse().unwrap()
}

#[test]
fn a_row_that_is_committed_late_is_not_lost_and_one_that_is_rolled_back_is_none() {
    for (way, server, mut first) in both_ways() {
        let mut second = server.session("shop");
        let (log, settings) = (memory(), way(&server.address()));
        run(&mut second, &[&event("0", "0")]);
        catch_up(&log, &settings);
        // Its number is lower than those that are published before it.
        run(&mut first, &["BEGIN", &event("1", "1")]);
        run(
            &mut second,
            &[
                "BEGIN",
                &event("lost", "1"),
                "ROLLBACK",
                "BEGIN",
                &event("2", "2"),
                "SAVEPOINT s",
                &event("lost", "2"),
                "ROLLBACK TO s",
                &event("2", "{\"n\": 1.5}"),
                "COMMIT",
            ],
        );
        catch_up(&log, &settings);
        assert_eq!(lines(&log, TOPIC), ["0 0", "2 2", "2 {\"n\": 1.5}"]);
        run(&mut first, &["COMMIT"]);
        catch_up(&log, &settings);
        catch_up(&log, &settings);
        assert_eq!(lines(&log, TOPIC)[3..], ["1 1"]);
        let (_, _, headers) = records(&log, TOPIC).remove(0);
        assert_eq!((headers[0].0.as_str(), headers[0].1.len()), ("id", 36));
    }
}

#[test]
fn a_row_that_nothing_can_be_made_of_parks_its_own_key() {
    for (way, server, mut session) in both_ways() {
        let (log, settings) = (memory(), way(&server.address()));
        run(
            &mut session,
            &[
                &event_of("no topic!", "bad", "1"),
                &event("bad", "2"),
                &event("good", "3"),
            ],
        );
        catch_up(&log, &settings);
        assert_eq!(lines(&log, TOPIC), ["good 3"]);
        let errors = settings.errors_topic();
        assert_eq!(errors, "shop.outbox$errors");
        assert_eq!(lines(&log, &errors).len(), 2);
        let stored = stored_outboxes(&log).unwrap().remove(0);
        assert_eq!(
            (
                stored.name.as_str(),
                stored.table.as_str(),
                stored.parked_keys
            ),
            ("events", "outbox", 1)
        );
        release(&log, &errors, "bad");
        run(&mut session, &[&event("bad", "4")]);
        catch_up(&log, &settings);
        assert_eq!(lines(&log, TOPIC), ["good 3", "bad 4"]);
        assert_eq!(stored_outboxes(&log).unwrap()[0].parked_keys, 0);
    }
}

/// A tombstone releases a key.
fn release(log: &Log, errors: &str, key: &str) {
    let record = Record {
        key: Some(key.to_owned().into()),
        ..Record::default()
    };
    let to = TopicPartition::new(errors, 0);
    log.commit(Commit::new().append(to, vec![record])).unwrap();
}

#[test]
fn published_rows_go_and_no_others() {
    for (way, server, mut session) in both_ways() {
        let mut other = server.session("shop");
        let log = memory();
        let settings = OutboxSettings {
            prunes: true,
            ..way(&server.address())
        };
        let outbox = Outbox::start(&log, settings).unwrap();
        assert!(outbox.catch_up(LONG).unwrap());
        run(&mut other, &["BEGIN", &event("2", "2")]);
        run(&mut session, &[&event("1", "1"), &event("3", "3")]);
        let until_empty = |session: &mut Session| {
            for _ in 0..100 {
                assert!(outbox.catch_up(LONG).unwrap());
                if count(session) == 0 {
                    return;
                }
            }
            panic!("{} rows", count(session));
        };
        until_empty(&mut session);
        run(&mut other, &["COMMIT"]);
        until_empty(&mut session);
        assert_eq!(lines(&log, TOPIC), ["1 1", "3 3", "2 2"]);
        assert!(outbox.status().lag().is_some());
    }
}

/// As if the process had been killed between the commit of records and the deletion of their rows.
#[test]
fn a_row_that_was_published_and_is_still_there_is_deleted_and_not_published_again() {
    for (server, mut session) in with_outbox() {
        let (log, settings) = (memory(), emptied(&server.address()));
        run(
            &mut session,
            &[
                &event("1", "1"),
                "CREATE TABLE kept AS SELECT * FROM outbox",
            ],
        );
        catch_up(&log, &settings);
        assert_eq!(count(&mut session), 0);
        run(
            &mut session,
            &["INSERT INTO outbox SELECT * FROM kept", &event("2", "2")],
        );
        catch_up(&log, &settings);
        assert_eq!(lines(&log, TOPIC), ["1 1", "2 2"]);
        assert_eq!(count(&mut session), 0);
    }
}

#[test]
fn many_rows_are_published_in_the_order_of_their_numbers() {
    for (way, server, mut session) in both_ways() {
        let many = |from: u32| {
            format!(
                "INSERT INTO outbox (aggregatetype, aggregateid, type, payload) \
                 SELECT 'order', seq % 7, 'E', CAST(seq AS CHAR) FROM {} ORDER BY seq",
                numbers(from, from + 2_499)
            )
        };
        let (log, settings) = (memory(), way(&server.address()));
        run(&mut session, &[&many(1)]);
        catch_up(&log, &settings);
        run(&mut session, &[&many(2_501)]);
        catch_up(&log, &settings);
        let want: Vec<String> = (1..=5_000).map(|n| format!("{} {n}", n % 7)).collect();
        assert_eq!(lines(&log, TOPIC), want);
    }
}

#[test]
fn a_transaction_that_is_prepared_counts_when_it_is_committed() {
    for (server, mut session) in with_outbox() {
        let (log, settings) = (memory(), from_log(&server.address()));
        catch_up(&log, &settings);
        let mut other = server.session("shop");
        run(
            &mut other,
            &[
                "XA START 'x'",
                &event("1", "1"),
                "XA END 'x'",
                "XA PREPARE 'x'",
            ],
        );
        run(&mut session, &[&event("2", "2")]);
        catch_up(&log, &settings);
        assert_eq!(lines(&log, TOPIC), ["2 2"]);
        // It is read again from before the prepared one, and nothing comes twice.
        catch_up(&log, &settings);
        run(&mut other, &["XA COMMIT 'x'"]);
        catch_up(&log, &settings);
        catch_up(&log, &settings);
        assert_eq!(lines(&log, TOPIC), ["2 2", "1 1"]);
    }
}

#[test]
fn what_is_wrong_is_said_with_what_mends_it() {
    for server in Server::each(&[]) {
        let mut session = server.session("shop");
        let fails = |settings: OutboxSettings| {
            let outbox = Outbox::start(&memory(), settings).unwrap();
            outbox.catch_up(LONG).unwrap_err()
        };
        for way in WAYS {
            let error = fails(way(&server.address()));
            assert_eq!(error.kind(), ErrorKind::NotFound);
            assert!(error.hint().unwrap().starts_with("CREATE TABLE"), "{error}");
        }
        run(
            &mut session,
            &["CREATE TABLE outbox (id INT PRIMARY KEY, aggregatetype TEXT, payload TEXT)"],
        );
        for way in WAYS {
            let error = fails(way(&server.address()));
            assert!(error.message().contains("'aggregateid'"), "{error}");
        }
        run(
            &mut session,
            &["ALTER TABLE outbox ADD COLUMN aggregateid TEXT"],
        );
        let error = fails(emptied(&server.address()));
        assert!(error.message().contains("'position'"), "{error}");
        let log = memory();
        catch_up(&log, &from_log(&server.address()));
        // Of another table under the same name.
        let other = TableName::new("shop", "others");
        run(&mut session, &["CREATE TABLE others LIKE outbox"]);
        let settings = OutboxSettings::new("events", From::Binlog(server.address(), other));
        let outbox = Outbox::start(&log, settings).unwrap();
        let error = outbox.catch_up(LONG).unwrap_err();
        assert!(
            error.message().contains("another server or database"),
            "{error}"
        );
    }
}
