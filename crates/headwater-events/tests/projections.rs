//! Projections: exactly once in the log, at least once elsewhere, poison, rebuilds, waiting.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use headwater_events::contract::oracle::Dice;
use headwater_events::{
    Batch, BoxError, Delivery, Error, ErrorKind, Expected, Filter, HandlerView, LogView, NewEvent,
    Position, ProjectionId, Projector, Recorded, Store, Task, Turn, View, block_on, projections,
    swap,
};
use headwater_log::{Log, Offset, Record, TopicConfig, TopicPartition};

use crate::support::{Seed, log, store};

pub(crate) fn add(store: &Store, kind: &str, n: usize) -> Position {
    let events = (0..n).map(|i| NewEvent::new(kind, i.to_string()));
    let appended = block_on(store.append_to("s", Expected::Any, events)).unwrap();
    appended.position.unwrap()
}

fn catch_up<V: View>(projector: &mut Projector<V>) {
    while block_on(projector.turn()).unwrap() == Turn::More {}
}

/// What a handler was called with.
pub(crate) type Calls = Arc<Mutex<Vec<(u64, bool)>>>;

pub(crate) fn recording(
    calls: &Calls,
) -> impl FnMut(&Recorded, &Delivery) -> Result<(), BoxError> + Send + use<> {
    let calls = calls.clone();
    move |event: &Recorded, delivery: &Delivery| {
        calls
            .lock()
            .unwrap()
            .push((event.position.0, delivery.live));
        Ok(())
    }
}

pub(crate) fn projector<H: headwater_events::Handler>(
    store: &Store,
    id: &ProjectionId,
    handler: H,
) -> Projector<HandlerView<H>> {
    let view = HandlerView::new(store.clone(), id.clone(), handler);
    Projector::new(store.clone(), id.clone(), Filter::all(), view)
}

#[test]
fn a_handler_gets_every_event_and_goes_on_where_it_was() {
    let (store, calls) = (store(), Calls::default());
    let id = ProjectionId::new("list");
    add(&store, "a", 5);
    let mut first = projector(&store, &id, recording(&calls)).batch(2);
    assert_eq!(block_on(first.turn()).unwrap(), Turn::More);
    catch_up(&mut first);
    drop(first);
    add(&store, "a", 2);
    catch_up(&mut projector(&store, &id, recording(&calls)));
    let seen: Vec<_> = (0..7).map(|position| (position, true)).collect();
    assert_eq!(*calls.lock().unwrap(), seen);
}

#[test]
fn two_runners_of_one_projection_exclude_each_other() {
    let (store, calls) = (store(), Calls::default());
    let id = ProjectionId::new("list");
    let mut one = projector(&store, &id, recording(&calls));
    let mut other = projector(&store, &id, recording(&calls));
    catch_up(&mut other);
    add(&store, "a", 1);
    catch_up(&mut one);
    let error = block_on(other.turn()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Conflict);
}

#[test]
fn whoever_wrote_can_wait_until_it_can_be_read() {
    let (store, calls) = (store(), Calls::default());
    let id = ProjectionId::new("list");
    let running = projector(&store, &id, recording(&calls)).spawn().unwrap();
    for _ in 0..20 {
        let position = add(&store, "a", 1);
        block_on(running.progress().wait(position)).unwrap();
        assert_eq!(calls.lock().unwrap().last(), Some(&(position.0, true)));
        assert!(running.progress().status().position > position);
    }
    let progress = running.progress().clone();
    let projector = running.stop().unwrap();
    let never = add(&store, "a", 1);
    let error = block_on(progress.wait(never)).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable);
    // Nothing that it wants is behind it: what others wrote does not keep it from being up to date.
    let running = projector.spawn().unwrap();
    block_on(running.progress().wait(never)).unwrap();
    assert_eq!(running.progress().status().lag(), 0);
}

#[test]
fn an_event_that_cannot_be_applied_is_parked_and_can_be_replayed() {
    let store = store();
    let (calls, mended) = (Calls::default(), Arc::new(AtomicBool::new(false)));
    let id = ProjectionId::new("list");
    let handler = {
        let (mut inner, mended, mut attempts) = (recording(&calls), mended.clone(), 0);
        move |event: &Recorded, delivery: &Delivery| -> Result<(), BoxError> {
            if event.kind == "poison" && !mended.load(Ordering::SeqCst) {
                attempts += 1;
                return Err(format!("no: {attempts}").into());
            }
            inner(event, delivery)
        }
    };
    add(&store, "a", 2);
    let poison = add(&store, "poison", 1);
    add(&store, "a", 2);
    let mut projector = projector(&store, &id, handler);
    catch_up(&mut projector);
    let parked = block_on(projector.parked()).unwrap();
    assert_eq!(parked.len(), 1);
    assert_eq!((parked[0].position, parked[0].attempts), (poison, 3));
    assert_eq!(
        (parked[0].stream.as_str(), parked[0].kind.as_str()),
        ("s", "poison")
    );
    assert!(parked[0].error.contains("no: "), "{}", parked[0].error);
    let handled = |position: u64| calls.lock().unwrap().iter().any(|(p, _)| *p == position);
    assert!(handled(4) && !handled(poison.0), "it went on");
    assert_eq!(projector.progress().status().parked, 1);

    let listed = block_on(projections(&store)).unwrap();
    assert_eq!(listed.len(), 1);
    assert_eq!((&listed[0].id, listed[0].live), (&id, true));
    assert_eq!(
        (listed[0].position, &listed[0].parked),
        (Some(Position(5)), &parked)
    );

    assert!(
        block_on(projector.replay(poison)).is_err(),
        "it is still poison"
    );
    mended.store(true, Ordering::SeqCst);
    block_on(projector.replay(poison)).unwrap();
    assert!(handled(poison.0));
    assert!(block_on(projector.parked()).unwrap().is_empty());
    let again = block_on(projector.replay(poison)).unwrap_err();
    assert_eq!(again.kind(), ErrorKind::NotFound);
}

#[test]
fn what_is_unavailable_is_tried_again_and_nothing_is_parked() {
    let (store, calls) = (store(), Calls::default());
    let id = ProjectionId::new("list");
    let handler = {
        let (mut inner, mut down) = (recording(&calls), 2);
        move |event: &Recorded, delivery: &Delivery| -> Result<(), BoxError> {
            if down > 0 {
                down -= 1;
                return Err(Error::new(ErrorKind::Unavailable, "down").into());
            }
            inner(event, delivery)
        }
    };
    let position = add(&store, "a", 1);
    let mut projector = projector(&store, &id, handler);
    let error = block_on(projector.turn()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable);
    assert_eq!(projector.progress().status().error.as_deref(), Some("down"));
    let running = projector.spawn().unwrap();
    block_on(running.progress().wait(position)).unwrap();
    let projector = running.stop().unwrap();
    assert!(block_on(projector.parked()).unwrap().is_empty());
    assert_eq!(projector.progress().status().error, None);
}

#[test]
fn a_rebuilt_version_takes_the_place_of_the_old_one_and_effects_happen_once() {
    let (store, old_calls, new_calls) = (store(), Calls::default(), Calls::default());
    let id = |version| ProjectionId::new("mail").version(version);
    add(&store, "a", 10);
    let mut old = projector(&store, &id(1), recording(&old_calls)).batch(3);
    catch_up(&mut old);
    let mut new = projector(&store, &id(2), recording(&new_calls)).batch(4);
    block_on(new.turn()).unwrap();
    add(&store, "a", 5);
    // They run beside each other, each at its pace, and only the old one has effects.
    block_on(old.turn()).unwrap();
    block_on(new.turn()).unwrap();
    block_on(swap(&mut old, &mut new)).unwrap();
    add(&store, "a", 5);
    assert_eq!(block_on(old.turn()).unwrap(), Turn::Retired);
    catch_up(&mut new);

    let live = |calls: &Calls| -> Vec<u64> {
        let calls = calls.lock().unwrap();
        calls
            .iter()
            .filter(|(_, live)| *live)
            .map(|(p, _)| *p)
            .collect()
    };
    let effects = [live(&old_calls), live(&new_calls)].concat();
    assert_eq!(effects, (0..20).collect::<Vec<_>>());
    assert_eq!(
        new_calls.lock().unwrap().len(),
        20,
        "the new one saw everything"
    );
    let listed = block_on(projections(&store)).unwrap();
    let live: Vec<_> = listed.iter().map(|p| (p.id.version, p.live)).collect();
    assert_eq!(live, [(1, false), (2, true)]);

    // After a restart it is as it was.
    let mut old = projector(&store, &id(1), recording(&old_calls));
    assert_eq!(block_on(old.turn()).unwrap(), Turn::Retired);
    let mut other = projector(&store, &ProjectionId::new("other"), recording(&old_calls));
    let error = block_on(swap(&mut other, &mut new)).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Invalid);
}

/// A view of counts in topics of the log.
mod in_the_log {
    use super::*;

    const TOPIC: &str = "counts";

    type Project = fn(&Recorded) -> Result<Vec<(TopicPartition, Record)>, BoxError>;

    fn view(log: &Log, id: &ProjectionId) -> LogView<Project> {
        LogView::new(log.clone(), id.clone(), |event: &Recorded| {
            if event.kind == "poison" {
                return Err("poison".into());
            }
            let record = Record {
                key: Some(event.kind.clone().into()),
                value: Some(event.position.0.to_string().into()),
                ..Record::default()
            };
            Ok(vec![(TopicPartition::new(TOPIC, 0), record)])
        })
    }

    fn projected(log: &Log) -> Vec<u64> {
        let of = TopicPartition::new(TOPIC, 0);
        let (mut at, mut found) = (Offset(0), Vec::new());
        while at < log.bounds(&of).unwrap().end {
            for batch in log.fetch(&of, at, 1 << 20).unwrap().batches {
                for record in batch.records() {
                    let value = record.unwrap().1.value.unwrap();
                    found.push(std::str::from_utf8(&value).unwrap().parse().unwrap());
                }
                at = batch.next_offset();
            }
        }
        found
    }

    #[test]
    fn every_event_counts_exactly_once_whenever_the_projector_is_killed() {
        let seed = rand::random();
        let _seed = Seed(seed);
        let mut dice = Dice(seed);
        let log = log();
        log.create_topic(TOPIC, TopicConfig::default()).unwrap();
        let store = Store::on_log(log.clone(), "events").unwrap();
        let id = ProjectionId::new("counts");
        let mut expected = Vec::new();
        for _ in 0..60 {
            let kind = if dice.one_in(5) { "poison" } else { "a" };
            let count = 1 + dice.below(6);
            let last = add(&store, kind, count as usize).0;
            expected.extend((last + 1 - count..=last).map(|p| (p, kind == "a")));
            let mut projector =
                Projector::new(store.clone(), id.clone(), Filter::all(), view(&log, &id))
                    .batch(1 + dice.below(5) as usize)
                    .attempts(1);
            for _ in 0..dice.below(4) {
                // It is killed somewhere on its way, as often as not between two polls of a commit.
                let mut turn = Box::pin(projector.turn());
                if dice.one_in(2) {
                    let waker = std::task::Waker::noop();
                    let mut context = std::task::Context::from_waker(waker);
                    let polled = turn.as_mut().poll(&mut context);
                    drop(polled);
                    break;
                }
                block_on(turn).unwrap();
            }
        }
        let last = Projector::new(store.clone(), id.clone(), Filter::all(), view(&log, &id));
        // A commit that was on its way may still come; whoever meets it starts again.
        let mut last = Some(last);
        loop {
            let mut projector = last.take().unwrap_or_else(|| {
                Projector::new(store.clone(), id.clone(), Filter::all(), view(&log, &id))
            });
            match block_on(projector.turn()) {
                Ok(Turn::CaughtUp) => break,
                Ok(_) => last = Some(projector),
                Err(error) => assert_eq!(error.kind(), ErrorKind::Conflict, "{error}"),
            }
        }
        let good = expected.iter().filter(|(_, good)| *good).map(|(p, _)| *p);
        assert_eq!(projected(&log), good.collect::<Vec<_>>());
    }
}

/// A view in two steps that is killed between them: the effect is there, the position is not.
#[test]
fn a_view_killed_between_write_and_position_is_the_fold_of_the_events() {
    /// Outlives its projector, as a database would.
    #[derive(Default)]
    struct Table {
        /// By the key of the delivery, so that a second time changes nothing.
        rows: BTreeMap<u64, String>,
        position: Position,
    }
    struct Killed {
        table: Arc<Mutex<Table>>,
        dice: Arc<Mutex<Dice>>,
    }
    impl View for Killed {
        fn position(&mut self) -> Task<'_, Position> {
            let position = self.table.lock().unwrap().position;
            Box::pin(async move { Ok(position) })
        }
        fn apply<'a>(&'a mut self, batch: &'a Batch) -> Task<'a, ()> {
            let mut table = self.table.lock().unwrap();
            let mut dice = self.dice.lock().unwrap();
            let killed = || Error::new(ErrorKind::Closed, "killed");
            for event in &batch.events {
                if dice.one_in(10) {
                    return Box::pin(async move { Err(killed()) });
                }
                table.rows.insert(event.position.0, event.kind.clone());
            }
            if dice.one_in(4) {
                return Box::pin(async move { Err(killed()) });
            }
            table.position = batch.next;
            Box::pin(async { Ok(()) })
        }
    }
    let seed = rand::random();
    let _seed = Seed(seed);
    let (store, table) = (store(), Arc::new(Mutex::new(Table::default())));
    let dice = Arc::new(Mutex::new(Dice(seed)));
    for i in 0..100 {
        add(&store, &format!("k{i}"), 3);
    }
    loop {
        let (table, dice) = (table.clone(), dice.clone());
        let view = Killed { table, dice };
        let id = ProjectionId::new("table");
        let mut projector = Projector::new(store.clone(), id, Filter::all(), view).batch(7);
        let end = loop {
            match block_on(projector.turn()) {
                Ok(Turn::More) => {}
                other => break other,
            }
        };
        if end.is_ok() {
            break;
        }
    }
    let table = table.lock().unwrap();
    let page = block_on(store.read_all(Position(0), Filter::all(), 1000)).unwrap();
    let fold: BTreeMap<u64, String> = page
        .events
        .into_iter()
        .map(|e| (e.position.0, e.kind))
        .collect();
    assert_eq!(table.rows, fold);
}
