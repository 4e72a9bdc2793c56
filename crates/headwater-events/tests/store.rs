//! The store on the log: the contract, the oracle, and what is its own.

use headwater_events::contract::{self, oracle};
use headwater_events::{
    ErrorKind, Expected, Filter, LogStore, NewEvent, Position, ReadStream, Store, Until, block_on,
};
use headwater_log::{Log, ManualClock, Options, Timestamp, TopicConfig};

use crate::support::{NOON, Seed, clock, restless, store};

#[test]
fn the_store_on_the_log_keeps_the_contract() {
    contract::run(store);
}

#[test]
fn it_keeps_the_contract_while_its_index_moves_to_disk() {
    contract::run(|| Store::on_log(restless(), "events").unwrap());
}

#[test]
fn every_append_of_many_workers_happened_under_its_condition() {
    let seed = rand::random();
    let _seed = Seed(seed);
    oracle::run(&store(), seed, 40, 25);
    oracle::run(
        &Store::on_log(restless(), "events").unwrap(),
        seed + 1,
        8,
        100,
    );
}

#[test]
fn what_is_rare_is_read_page_by_page_while_more_comes() {
    for store in [store(), Store::on_log(restless(), "events").unwrap()] {
        let vips = |count: usize| (0..count).map(|_| NewEvent::new("e", "{}").tag("vip"));
        let others = |count: usize| (0..count).map(|_| NewEvent::new("e", "{}"));
        for _ in 0..20 {
            block_on(store.append_to("s", Expected::Any, vips(30))).unwrap();
            block_on(store.append_to("s", Expected::Any, others(600))).unwrap();
        }
        let read = |from, limit| {
            let page = store.read_all(from, Filter::all().tags(["vip"]), limit);
            block_on(page).unwrap()
        };
        let (mut found, mut from) = (Vec::new(), Position(0));
        for limit in [7, 100, 1, 250, 64].into_iter().cycle() {
            let page = read(from, limit);
            assert!(page.events.len() <= limit && page.next > from);
            found.extend(page.events.iter().map(|e| e.position.0));
            from = page.next;
            if from >= page.end {
                break;
            }
            if found.len() < 700 {
                block_on(store.append_to("s", Expected::Any, vips(1))).unwrap();
            }
        }
        let all = block_on(store.read_all(Position(0), Filter::all(), usize::MAX)).unwrap();
        let tagged = all.events.iter().filter(|e| !e.tags.is_empty());
        let expected: Vec<u64> = tagged.map(|e| e.position.0).collect();
        assert!(expected.len() > 600);
        assert_eq!(found, expected);
        // Whoever begins anew, or in between, is told the same.
        let middle = expected[expected.len() / 2];
        let page = read(Position(middle), 3);
        assert_eq!(page.events[0].position, Position(middle));
    }
}

#[test]
fn a_topic_that_is_no_store_is_refused() {
    let log = crate::support::log();
    log.create_topic("plain", TopicConfig::default()).unwrap();
    let error = LogStore::open(log, "plain").unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Invalid);
    assert!(error.hint().unwrap().contains("key index"));
}

#[test]
fn a_second_process_is_refused_with_a_sentence() {
    let dir = tempfile::tempdir().unwrap();
    let open = || Log::open_dir(dir.path(), clock(), Options::default());
    let _first = open().unwrap();
    let error = headwater_events::Error::from(open().unwrap_err());
    assert_eq!(error.kind(), ErrorKind::Conflict);
    assert!(error.to_string().contains("is in use by"), "{error}");
}

#[test]
fn a_clock_that_is_set_back_tears_no_state() {
    let clock = clock();
    let log = Log::memory(clock.clone());
    let store = Store::on_log(log, "events").unwrap();
    for time in [0, 10, 5, 20] {
        set(&clock, time);
        let event = NewEvent::new("e", "{}");
        block_on(store.append_to("s", Expected::Any, [event])).unwrap();
    }
    let at = |time: i64| {
        let until = Until::Time(Timestamp(NOON + time));
        block_on(store.read(ReadStream::of("s").until(until)))
            .unwrap()
            .len()
    };
    assert_eq!(
        [at(-1), at(0), at(5), at(10), at(19), at(20)],
        [0, 1, 1, 3, 3, 4]
    );
}

fn set(clock: &ManualClock, time: i64) {
    clock.set(Timestamp(NOON + time));
}

#[test]
fn everything_is_there_after_a_restart() {
    let dir = tempfile::tempdir().unwrap();
    let open = || {
        let log = Log::open_dir(dir.path(), clock(), Options::default()).unwrap();
        Store::on_log(log, "events").unwrap()
    };
    let seed = rand::random();
    let _seed = Seed(seed);
    let first = open();
    let answers = oracle::work(&first, "one", seed, 40, |_| {});
    drop(first);
    let second = open();
    let more = oracle::work(&second, "two", seed, 40, |_| {});
    oracle::validate(&second, &[answers, more]);
}

#[test]
fn rare_types_and_frequent_ones_are_found_page_by_page_in_one_order() {
    for log in [crate::support::log(), crate::support::restless()] {
        let store = Store::on_log(log, "events").unwrap();
        let is_rare = |n: &u64| n % 41 == 7;
        for n in 0..600 {
            let kind = if is_rare(&n) { "rare" } else { "frequent" };
            let event = NewEvent::new(kind, n.to_string());
            block_on(store.append_to(format!("s-{}", n % 10), Expected::Any, [event])).unwrap();
        }
        let found = |filter: Filter| {
            let (mut from, mut found) = (Position(0), Vec::new());
            loop {
                let page = block_on(store.read_all(from, filter.clone(), 3)).unwrap();
                found.extend(page.events.iter().map(|event| event.position.0));
                from = page.next;
                if from >= page.end {
                    return found;
                }
            }
        };
        let expected = |wanted: &dyn Fn(&u64) -> bool| (0..600).filter(wanted).collect::<Vec<_>>();
        assert_eq!(found(Filter::all().types(["rare"])), expected(&is_rare));
        let often = |n: &u64| !is_rare(n);
        assert_eq!(found(Filter::all().types(["frequent"])), expected(&often));
        assert_eq!(found(Filter::all().types(["never"])), expected(&|_| false));
        let of_stream = |n: &u64| is_rare(n) && n % 10 == 8;
        let filter = Filter::all().types(["rare", "never"]).streams("s-8");
        assert_eq!(found(filter), expected(&of_stream));
    }
}
