//! Aggregates: commands, races, idempotence, snapshots, time travel, decisions over several states.

use std::sync::Arc;

use headwater_events::{
    Decide, Event, ExecuteError, Expected, MemorySnapshots, NewEvent, ReadStream, Snapshotting,
    Source, State, Store, Until, Version, block_on,
};
use serde::{Deserialize, Serialize};

use crate::support::{clock, store};
use headwater_log::{Log, Timestamp};

#[derive(Debug, PartialEq, Serialize, Deserialize)]
enum AccountEvent {
    Deposited { amount: u64 },
    Withdrawn { amount: u64 },
}
impl Event for AccountEvent {}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Account {
    balance: u64,
}

impl State for Account {
    const NAME: &'static str = "account";
    type Event = AccountEvent;

    fn initial(_: &str) -> Self {
        Self { balance: 0 }
    }

    fn evolve(&mut self, event: &AccountEvent) {
        match event {
            AccountEvent::Deposited { amount } => self.balance += amount,
            AccountEvent::Withdrawn { amount } => self.balance -= amount,
        }
    }

    fn snapshots() -> Option<Snapshotting<Self>> {
        Some(Snapshotting::json(1).every(10))
    }
}

struct Deposit(u64);

impl Decide for Deposit {
    type State = Account;
    type Event = AccountEvent;
    type Error = std::convert::Infallible;

    fn decide(&self, _: &Account) -> Result<Vec<AccountEvent>, Self::Error> {
        Ok(vec![AccountEvent::Deposited { amount: self.0 }])
    }
}

struct Withdraw(u64);
#[derive(Debug, PartialEq)]
struct Overdrawn;

impl Decide for Withdraw {
    type State = Account;
    type Event = AccountEvent;
    type Error = Overdrawn;

    fn decide(&self, account: &Account) -> Result<Vec<AccountEvent>, Overdrawn> {
        match account.balance >= self.0 {
            true => Ok(vec![AccountEvent::Withdrawn { amount: self.0 }]),
            false => Err(Overdrawn),
        }
    }
}

/// Moves money between two accounts, whose states are decided from together.
struct Transfer {
    amount: u64,
    to: String,
}

impl Decide for Transfer {
    type State = (Account, Account);
    type Event = AccountEvent;
    type Error = Overdrawn;

    fn decide(&self, (from, _): &(Account, Account)) -> Result<Vec<AccountEvent>, Overdrawn> {
        let amount = self.amount;
        match from.balance >= amount {
            true => Ok(vec![
                AccountEvent::Withdrawn { amount },
                AccountEvent::Deposited { amount },
            ]),
            false => Err(Overdrawn),
        }
    }

    fn stream(&self, event: &AccountEvent) -> Option<String> {
        match event {
            AccountEvent::Deposited { .. } => Some(format!("account-{}", self.to)),
            AccountEvent::Withdrawn { .. } => None,
        }
    }
}

fn balance(store: &Store, id: &str) -> u64 {
    block_on(store.load::<Account>(id)).unwrap().state.balance
}

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

mod snapshots {
    use super::*;

    fn with_memory() -> (Store, Arc<MemorySnapshots>) {
        let snapshots = Arc::new(MemorySnapshots::default());
        (store().with_snapshots(snapshots.clone()), snapshots)
    }

    fn deposit(store: &Store, times: usize) {
        for _ in 0..times {
            block_on(store.execute("7", Deposit(1)).into_future()).unwrap();
        }
    }

    fn saved(store: &MemorySnapshots) -> Option<headwater_events::Snapshot> {
        use headwater_events::Snapshots;
        block_on(store.get("account-7")).unwrap()
    }

    #[test]
    fn a_state_is_saved_and_only_later_events_are_read() {
        let (store, snapshots) = with_memory();
        deposit(&store, 25);
        let snapshot = saved(&snapshots).expect("25 events are enough");
        assert_eq!(snapshot.version, Some(Version(19)));
        assert_eq!(balance(&store, "7"), 25);
        // What it says is believed, so it was used.
        use headwater_events::Snapshots;
        let state = br#"{"balance":1000}"#;
        let wrong = headwater_events::Snapshot {
            state: state[..].into(),
            ..snapshot
        };
        snapshots.put("account-7", wrong);
        assert_eq!(balance(&store, "7"), 1005);
    }

    #[test]
    fn a_snapshot_of_another_schema_or_that_cannot_be_read_is_left_alone() {
        use headwater_events::Snapshots;
        let (store, snapshots) = with_memory();
        deposit(&store, 25);
        let good = saved(&snapshots).unwrap();
        let other = headwater_events::Snapshot {
            schema: 2,
            state: br#"{"balance":9}"#[..].into(),
            ..good.clone()
        };
        let broken = headwater_events::Snapshot {
            state: br#"{"balance":"#[..].into(),
            ..good
        };
        for bad in [other, broken] {
            snapshots.put("account-7", bad);
            assert_eq!(balance(&store, "7"), 25);
        }
    }

    #[test]
    fn states_saved_in_the_log_are_there_after_a_restart() {
        let dir = tempfile::tempdir().unwrap();
        let log = || Log::open_dir(dir.path(), clock(), Default::default()).unwrap();
        let first = log();
        let store = Store::on_log(first.clone(), "events").unwrap();
        deposit(&store, 25);
        drop((store, first));
        let second = log();
        assert!(second.topic("events$snapshots").unwrap().config.internal);
        let store = Store::on_log(second.clone(), "events").unwrap();
        let snapshots = headwater_events::LogSnapshots::new(second, "events$snapshots");
        use headwater_events::Snapshots;
        let saved = block_on(snapshots.get("account-7")).unwrap().unwrap();
        assert_eq!((saved.schema, saved.version), (1, Some(Version(19))));
        assert_eq!(balance(&store, "7"), 25);
    }
}

/// Courses and students that are decided over by tags, without a stream of their own.
mod by_tags {
    use super::*;

    #[derive(Debug, Serialize, Deserialize)]
    enum Enrolment {
        CourseOpened { course: String, seats: u32 },
        Enrolled { course: String, student: String },
    }

    impl Event for Enrolment {
        fn tags(&self) -> Vec<String> {
            match self {
                Self::CourseOpened { course, .. } => vec![format!("course:{course}")],
                Self::Enrolled { course, student } => {
                    vec![format!("course:{course}"), format!("student:{student}")]
                }
            }
        }
    }

    struct Seats {
        free: u32,
    }

    impl State for Seats {
        const NAME: &'static str = "course";
        type Event = Enrolment;
        fn initial(_: &str) -> Self {
            Self { free: 0 }
        }
        fn evolve(&mut self, event: &Enrolment) {
            match event {
                Enrolment::CourseOpened { seats, .. } => self.free += seats,
                Enrolment::Enrolled { .. } => self.free -= 1,
            }
        }
        fn source(course: &str) -> Source {
            Source::tagged::<Enrolment>([format!("course:{course}")])
        }
    }

    struct Timetable {
        courses: Vec<String>,
    }

    impl State for Timetable {
        const NAME: &'static str = "student";
        type Event = Enrolment;
        fn initial(_: &str) -> Self {
            let courses = Vec::new();
            Self { courses }
        }
        fn evolve(&mut self, event: &Enrolment) {
            if let Enrolment::Enrolled { course, .. } = event {
                self.courses.push(course.clone());
            }
        }
        fn source(student: &str) -> Source {
            Source::tagged::<Enrolment>([format!("student:{student}")])
        }
    }

    struct Enrol {
        course: String,
        student: String,
    }

    impl Decide for Enrol {
        type State = (Seats, Timetable);
        type Event = Enrolment;
        type Error = &'static str;
        fn decide(&self, state: &(Seats, Timetable)) -> Result<Vec<Enrolment>, &'static str> {
            let (seats, timetable) = state;
            match (seats.free, timetable.courses.len()) {
                (0, _) => Err("full"),
                (_, 2..) => Err("too many courses"),
                _ => Ok(vec![Enrolment::Enrolled {
                    course: self.course.clone(),
                    student: self.student.clone(),
                }]),
            }
        }
    }

    fn enrol(store: &Store, course: &str, student: &str) -> Result<(), &'static str> {
        let enrol = Enrol {
            course: course.into(),
            student: student.into(),
        };
        let execute = store.execute((course, student), enrol).attempts(100);
        match block_on(execute.into_future()) {
            Ok(_) => Ok(()),
            Err(ExecuteError::Domain(why)) => Err(why),
            Err(error) => panic!("{error:?}"),
        }
    }

    #[test]
    fn neither_courses_nor_timetables_are_ever_overfull() {
        let store = store();
        for (course, seats) in [("a", 3), ("b", 4), ("c", 9)] {
            let course = course.to_owned();
            let opened = Enrolment::CourseOpened { course, seats };
            let new = opened.to_new().unwrap();
            block_on(store.append_to("courses", Expected::Any, [new])).unwrap();
        }
        let refused = std::sync::atomic::AtomicUsize::new(0);
        std::thread::scope(|scope| {
            for student in 0..8 {
                let (store, refused) = (&store, &refused);
                scope.spawn(move || {
                    for course in ["a", "b", "c"] {
                        if enrol(store, course, &format!("s{student}")).is_err() {
                            refused.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
                        }
                    }
                });
            }
        });
        let mut enrolled = 0;
        for (course, seats) in [("a", 3), ("b", 4), ("c", 9)] {
            let free = block_on(store.load::<Seats>(course)).unwrap().state.free;
            assert!(free == 0 || course == "c", "whoever could be enrolled was");
            enrolled += seats - free;
        }
        let student = |n: i32| block_on(store.load::<Timetable>(&format!("s{n}"))).unwrap();
        let timetables: Vec<usize> = (0..8).map(|n| student(n).state.courses.len()).collect();
        assert!(timetables.iter().all(|n| *n <= 2), "{timetables:?}");
        assert_eq!(timetables.iter().sum::<usize>() as u32, enrolled);
        assert_eq!(refused.into_inner() as u32, 24 - enrolled);
    }

    #[test]
    fn what_is_unrelated_does_not_conflict() {
        let store = store();
        let opened = Enrolment::CourseOpened {
            course: "a".into(),
            seats: 2,
        };
        block_on(store.append_to("courses", Expected::Any, [opened.to_new().unwrap()])).unwrap();
        enrol(&store, "a", "s1").unwrap();
        assert_eq!(enrol(&store, "b", "s1"), Err("full"));
        enrol(&store, "a", "s2").unwrap();
        assert_eq!(enrol(&store, "a", "s3"), Err("full"));
    }
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
