//! A table that is asked: what sequences, snapshots and open transactions do to the order of rows.

use headwater_cdc::ErrorKind;
use headwater_cdc::outbox::{Outbox, OutboxSettings};
use headwater_cdc::postgres::Session;

use super::bench::{LONG, catch_up, count, event, from_asking, lines, memory, run, with_outbox};
use crate::replication::start;

const TOPIC: &str = "outbox.event.order";

#[test]
fn a_row_that_is_committed_late_is_not_lost() {
    let Some((_server, address)) = start() else {
        return;
    };
    let mut first = with_outbox(&address);
    let mut second = Session::connect(&address).unwrap();
    let (log, settings) = (memory(), from_asking(&address));
    run(&mut second, &event("0", "0"));
    // Its number is lower than those that are published before it.
    run(&mut first, &format!("BEGIN; {}", event("1", "1")));
    run(&mut second, &event("2", "2"));
    catch_up(&log, &settings);
    assert_eq!(lines(&log, TOPIC), ["0 0", "2 2"]);
    run(&mut second, &event("3", "3"));
    catch_up(&log, &settings);
    run(&mut first, "COMMIT");
    catch_up(&log, &settings);
    catch_up(&log, &settings);
    assert_eq!(lines(&log, TOPIC), ["0 0", "2 2", "3 3", "1 1"]);
}

#[test]
fn the_events_of_a_key_keep_their_order_whoever_got_its_number_first() {
    let Some((_server, address)) = start() else {
        return;
    };
    let mut early = with_outbox(&address);
    let mut open = Session::connect(&address).unwrap();
    let mut late = Session::connect(&address).unwrap();
    let (log, settings) = (memory(), from_asking(&address));
    // The ids of the transactions are in this order, the events in the other; a third one stays open between them.
    run(&mut early, "CREATE TABLE other (n int)");
    run(&mut early, "BEGIN; INSERT INTO other VALUES (1)");
    run(&mut open, "BEGIN; INSERT INTO other VALUES (2)");
    run(&mut late, &event("1", "1"));
    run(&mut early, &format!("{}; COMMIT", event("1", "2")));
    catch_up(&log, &settings);
    assert_eq!(lines(&log, TOPIC), ["1 1", "1 2"]);
    run(&mut open, "ROLLBACK");
    catch_up(&log, &settings);
    assert_eq!(lines(&log, TOPIC).len(), 2);
}

#[test]
fn many_rows_come_in_pieces_and_published_ones_go() {
    let Some((_server, address)) = start() else {
        return;
    };
    let mut session = with_outbox(&address);
    let many = "INSERT INTO outbox (aggregatetype, aggregateid, type, payload) \
                SELECT 'order', n % 7, 'E', to_jsonb(n) FROM generate_series(1, 12000) n";
    run(&mut session, many);
    let log = memory();
    let settings = OutboxSettings {
        prunes: true,
        ..from_asking(&address)
    };
    let outbox = Outbox::start(&log, settings.clone()).unwrap();
    assert!(outbox.catch_up(LONG).unwrap());
    let want: Vec<String> = (1..=12_000).map(|n| format!("{} {n}", n % 7)).collect();
    assert_eq!(lines(&log, TOPIC), want);
    let mut open = Session::connect(&address).unwrap();
    run(&mut open, &format!("BEGIN; {}", event("a", "1")));
    for _ in 0..1000 {
        assert!(outbox.catch_up(LONG).unwrap());
        if count(&mut session) == 0 {
            break;
        }
    }
    assert_eq!(count(&mut session), 0);
    run(&mut open, "COMMIT");
    assert!(outbox.catch_up(LONG).unwrap());
    assert_eq!(lines(&log, TOPIC)[12_000..], ["a 1"]);
    outbox.stop();
}

#[test]
fn a_table_that_cannot_be_asked_says_what_it_lacks() {
    let Some((_server, address)) = start() else {
        return;
    };
    let mut session = with_outbox(&address);
    let mut fails = |sql: &str| {
        run(&mut session, sql);
        let outbox = Outbox::start(&memory(), from_asking(&address)).unwrap();
        let error = outbox.catch_up(LONG).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Invalid);
        error.hint().unwrap().to_owned()
    };
    assert_eq!(
        fails("ALTER SEQUENCE outbox_position_seq CACHE 20"),
        "ALTER SEQUENCE outbox_position_seq CACHE 1"
    );
    assert!(fails("ALTER TABLE outbox DROP COLUMN xid").contains("ADD COLUMN xid xid8"));
    assert!(
        fails("ALTER TABLE outbox DROP COLUMN position").contains("ADD COLUMN position bigint")
    );
}
