//! Commands: races, idempotence, time travel, decisions over several states.

use headwater_events::{
    Decide, ExecuteError, Expected, NewEvent, ReadStream, Store, Until, Version, block_on,
};
use headwater_log::{Log, Timestamp};

use super::account::*;
use crate::support::{clock, store};

#[test]
fn a_command_is_decided_from_the_state_of_its_aggregate() {
    let store = store();
    let done = block_on(store.execute("7", Deposit(10)).into_future()).unwrap();
    assert_eq!((done.version, done.repeated), (Some(Version(0)), false));
    let error = block_on(store.execute("7", Withdraw(11)).into_future()).unwrap_err();
    assert_eq!(error.domain(), Some(Overdrawn));
    block_on(store.execute("7", Withdraw(4)).into_future()).unwrap();
    assert_eq!(balance(&store, "7"), 6);
    assert_eq!(balance(&store, "8"), 0);
}

#[test]
fn a_command_with_an_id_is_executed_once() {
    let store = store();
    block_on(store.execute("7", Deposit(10)).into_future()).unwrap();
    let once = || {
        block_on(
            store
                .execute("7", Withdraw(10))
                .command_id("c1")
                .into_future(),
        )
    };
    let first = once().unwrap();
    // By now the domain would refuse it.
    let again = once().unwrap();
    assert!(!first.repeated && again.repeated);
    assert_eq!(first.position, again.position);
    // The same id for another aggregate is another command.
    let other = store.execute("8", Deposit(1)).command_id("c1");
    assert!(!block_on(other.into_future()).unwrap().repeated);
    assert_eq!((balance(&store, "7"), balance(&store, "8")), (0, 1));
}

#[test]
fn of_racing_commands_each_is_decided_from_what_the_others_left() {
    let store = store();
    block_on(store.execute("7", Deposit(10)).into_future()).unwrap();
    let barrier = std::sync::Barrier::new(8);
    let withdrawn: usize = std::thread::scope(|scope| {
        let racer = |_| {
            scope.spawn(|| {
                barrier.wait();
                match block_on(store.execute("7", Withdraw(3)).into_future()) {
                    Ok(_) => 1,
                    Err(ExecuteError::Domain(Overdrawn)) => 0,
                    Err(error) => panic!("{error:?}"),
                }
            })
        };
        let racers: Vec<_> = (0..8).map(racer).collect();
        racers.into_iter().map(|r| r.join().unwrap()).sum()
    });
    assert_eq!((withdrawn, balance(&store, "7")), (3, 1));
}

#[test]
fn a_conflict_is_given_back_when_there_are_no_more_attempts() {
    /// Somebody else is always faster.
    struct Slow(Store);
    impl Decide for Slow {
        type State = Account;
        type Event = AccountEvent;
        type Error = Overdrawn;
        fn decide(&self, _: &Account) -> Result<Vec<AccountEvent>, Overdrawn> {
            block_on(self.0.execute("7", Deposit(1)).into_future()).unwrap();
            Ok(vec![AccountEvent::Deposited { amount: 100 }])
        }
    }
    let store = store();
    let slow = store.execute("7", Slow(store.clone())).attempts(3);
    let error = block_on(slow.into_future()).unwrap_err();
    assert!(matches!(error, ExecuteError::Conflict(_)), "{error:?}");
    assert_eq!(balance(&store, "7"), 3);
}

#[test]
fn what_events_have_in_common_is_kept_with_them() {
    let store = store();
    let execute = store.execute("7", Deposit(1)).command_id("c1");
    let execute = execute.correlation("order-1").metadata(r#"{"user":"ada"}"#);
    block_on(execute.into_future()).unwrap();
    let first = block_on(store.read(ReadStream::of("account-7")))
        .unwrap()
        .remove(0);
    assert_eq!(first.correlation.as_deref(), Some("order-1"));
    assert_eq!(first.causation.as_deref(), Some("c1"));
    assert_eq!(first.metadata.as_deref(), Some(&br#"{"user":"ada"}"#[..]));
    block_on(
        store
            .execute("8", Deposit(1))
            .caused_by(&first)
            .into_future(),
    )
    .unwrap();
    let second = block_on(store.read(ReadStream::of("account-8")))
        .unwrap()
        .remove(0);
    assert_eq!(second.correlation.as_deref(), Some("order-1"));
    assert_eq!(second.causation, Some(first.reference()));
}

#[test]
fn a_state_is_read_as_it_was_at_a_version_or_a_time() {
    let clock = clock();
    let store = Store::on_log(Log::memory(clock.clone()), "events").unwrap();
    let noon = crate::support::NOON;
    for (hour, amount) in [(0, 1000), (1, 500), (2, 7)] {
        clock.set(Timestamp(noon + hour * 3_600_000));
        block_on(store.execute("7", Deposit(amount)).into_future()).unwrap();
    }
    let at = |until| {
        let loaded = block_on(store.load_at::<Account>("7", until)).unwrap();
        (loaded.state.balance, loaded.version)
    };
    assert_eq!(at(Until::Version(Version(1))), (1500, Some(Version(1))));
    assert_eq!(at(Until::Time(Timestamp(noon + 3_599_999))).0, 1000);
    assert_eq!(at(Until::Time(Timestamp(noon + 3_600_000))).0, 1500);
    assert_eq!(at(Until::Time(Timestamp(noon - 1))), (0, None));
}

#[test]
fn a_transfer_depends_on_both_accounts() {
    let store = store();
    block_on(store.execute("a", Deposit(10)).into_future()).unwrap();
    let transfer = |amount, to: &'static str| {
        let to = to.to_owned();
        block_on(
            store
                .execute(("a", "b"), Transfer { amount, to })
                .into_future(),
        )
    };
    transfer(4, "b").unwrap();
    assert_eq!((balance(&store, "a"), balance(&store, "b")), (6, 4));
    assert_eq!(transfer(7, "b").unwrap_err().domain(), Some(Overdrawn));
}

#[test]
fn an_event_of_an_unknown_type_or_shape_is_named() {
    let store = store();
    block_on(store.execute("7", Deposit(1)).into_future()).unwrap();
    let bad = |kind: &str, data: &str| {
        let event = NewEvent::new(kind, data.to_owned());
        block_on(store.append_to("account-7", Expected::Any, [event])).unwrap();
        let error = block_on(store.load::<Account>("7")).unwrap_err();
        assert_eq!(error.kind(), headwater_events::ErrorKind::Corrupt);
        error.to_string()
    };
    let message = bad("Frozen", "{}");
    assert_eq!(
        message,
        "event \"Frozen\" of stream \"account-7\" version 1 at position 1 is of an unknown type"
    );
}
