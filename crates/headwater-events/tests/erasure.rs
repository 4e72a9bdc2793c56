//! Erasure: what is personal is sealed wherever it is stored, and gone everywhere once its subject is forgotten.

use std::sync::Arc;

use headwater_events::kit::World;
use headwater_events::{
    Decide, ErrorKind, Event, Expected, FileKeys, Filter, Keys, MemoryKeys, Personal, Position,
    Publisher, ReadStream, Replica, Snapshotting, State, Store, TopicFeed, Vault, block_on,
};
use headwater_log::{Log, Offset, Timestamp, TopicPartition};
use serde::{Deserialize, Serialize};

use crate::support::{clock, log};

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
enum CustomerEvent {
    Registered {
        plan: String,
        email: Personal<String>,
    },
    Visited,
}
impl Event for CustomerEvent {}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Customer {
    plan: String,
    email: Option<Personal<String>>,
    visits: u32,
}

impl State for Customer {
    const NAME: &'static str = "customer";
    type Event = CustomerEvent;

    fn initial(_: &str) -> Self {
        Self {
            plan: String::new(),
            email: None,
            visits: 0,
        }
    }

    fn evolve(&mut self, event: &CustomerEvent) {
        match event {
            CustomerEvent::Registered { plan, email } => {
                self.plan.clone_from(plan);
                self.email = Some(email.clone());
            }
            CustomerEvent::Visited => self.visits += 1,
        }
    }

    fn snapshots() -> Option<Snapshotting<Self>> {
        Some(Snapshotting::json(1).every(3))
    }
}

struct Visit;

impl Decide for Visit {
    type State = Customer;
    type Event = CustomerEvent;
    type Error = std::convert::Infallible;

    fn decide(&self, _: &Customer) -> Result<Vec<CustomerEvent>, Self::Error> {
        Ok(vec![CustomerEvent::Visited])
    }
}

const EMAIL: &str = "ada@example.com";

fn register(store: &Store, subject: &str) {
    let event = CustomerEvent::Registered {
        plan: "gold".into(),
        email: Personal::new(subject, EMAIL.to_owned()),
    };
    let stream = format!("customer-{subject}");
    let new = event.to_new().unwrap();
    block_on(store.append_to(stream, Expected::NoStream, [new])).unwrap();
}

fn email(store: &Store, subject: &str) -> Option<String> {
    let customer = block_on(store.load::<Customer>(subject)).unwrap().state;
    assert_eq!(customer.plan, "gold", "what is not personal stays");
    customer.email.unwrap().get().cloned()
}

/// Whether a text is anywhere in a topic's bytes.
fn is_in(log: &Log, topic: &str, text: &str) -> bool {
    let of = TopicPartition::new(topic, 0);
    let fetched = log.fetch(&of, Offset(0), usize::MAX).unwrap();
    let mut batches = fetched.batches.iter();
    batches.any(|b| b.bytes().windows(text.len()).any(|w| w == text.as_bytes()))
}

#[test]
fn a_forgotten_subject_is_redacted_everywhere_and_the_rest_still_works() {
    let log = log();
    let vault = Vault::new(Arc::new(MemoryKeys::default()));
    let plain = Store::on_log(log.clone(), "events").unwrap();
    let store = plain.clone().with_vault(vault.clone());
    register(&store, "ada");
    register(&store, "bob");
    for _ in 0..5 {
        block_on(store.execute("ada", Visit).into_future()).unwrap();
    }
    assert_eq!(email(&store, "ada").as_deref(), Some(EMAIL));
    assert!(!is_in(&log, "events", EMAIL), "events are sealed");
    assert!(log.topic("events$snapshots").is_some(), "a state was saved");
    assert!(
        !is_in(&log, "events$snapshots", EMAIL),
        "saved states are sealed"
    );
    assert_eq!(email(&plain, "ada"), None, "without a vault it is redacted");

    block_on(store.forget(&vault, "ada")).unwrap();
    assert_eq!(email(&store, "ada"), None);
    assert_eq!(email(&store, "bob").as_deref(), Some(EMAIL));
    block_on(store.execute("ada", Visit).into_future()).unwrap();
    let visits = block_on(store.load::<Customer>("ada"))
        .unwrap()
        .state
        .visits;
    assert_eq!(visits, 6, "everything else still works");
    // Readers of all events see it redacted too, and are told.
    let filter = Filter::all().types(["Registered", "$forgotten"]);
    let page = block_on(store.read_all(Position(0), filter, 10)).unwrap();
    let data: Vec<&str> = page
        .events
        .iter()
        .map(|e| std::str::from_utf8(&e.data).unwrap())
        .collect();
    assert_eq!(
        data[0],
        r#"{"plan":"gold","email":{"$personal":{"subject":"ada"}}}"#
    );
    assert!(data[1].contains(EMAIL));
    assert_eq!(data[2], r#"{"subject":"ada"}"#);
}

#[test]
fn who_comes_back_has_a_new_key_and_the_past_stays_gone() {
    let store = crate::support::store();
    let vault = Vault::new(Arc::new(MemoryKeys::default()));
    let store = store.with_vault(vault.clone());
    register(&store, "ada");
    block_on(store.forget(&vault, "ada")).unwrap();
    let again = CustomerEvent::Registered {
        plan: "gold".into(),
        email: Personal::new("ada", "new@example.com".to_owned()),
    };
    block_on(store.append_to("other", Expected::Any, [again.to_new().unwrap()])).unwrap();
    assert_eq!(email(&store, "ada"), None);
    let other = block_on(store.read(ReadStream::of("other"))).unwrap();
    let CustomerEvent::Registered { email, .. } = CustomerEvent::decode(&other[0]).unwrap() else {
        panic!("registered");
    };
    assert_eq!(email.get().map(String::as_str), Some("new@example.com"));
}

#[test]
fn what_is_sealed_cannot_be_changed_or_shown_as_anothers() {
    let vault = Vault::new(Arc::new(MemoryKeys::default()));
    let json = |subject: &str| {
        let personal = Personal::new(subject, "secret".to_owned());
        serde_json::to_vec(&personal).unwrap().into()
    };
    let sealed = vault.seal(&json("ada")).unwrap();
    assert_eq!(vault.open(&sealed).unwrap(), json("ada"));
    assert_eq!(vault.seal(&sealed).unwrap(), sealed, "sealed once");
    vault.seal(&json("bob")).unwrap();
    let text = std::str::from_utf8(&sealed).unwrap();
    let at = text.len() - 10;
    let other = if &text[at..=at] == "A" { "B" } else { "A" };
    let damaged = format!("{}{other}{}", &text[..at], &text[at + 1..]);
    let error = vault.open(&damaged.into()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Corrupt);
    assert!(!error.to_string().contains("secret"));
    let swapped = text.replace("\"ada\"", "\"bob\"");
    // Bob's key has another id, so this is no more than unreadable.
    let opened = vault.open(&swapped.into()).unwrap();
    assert_eq!(&opened[..], br#"{"$personal":{"subject":"bob"}}"#);
}

mod keys {
    use super::*;

    #[test]
    fn keys_in_a_file_are_there_after_a_restart_and_destroyed_when_forgotten() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("keys");
        let keys = FileKeys::open(&path).unwrap();
        let ada = keys.get_or_make("ada").unwrap();
        let bob = keys.get_or_make("bob").unwrap();
        assert_eq!(keys.get_or_make("ada").unwrap(), ada);
        let busy = FileKeys::open(&path).unwrap_err();
        assert_eq!(busy.kind(), ErrorKind::Conflict);
        drop(keys);
        let keys = FileKeys::open(&path).unwrap();
        assert_eq!(keys.get("ada").unwrap(), Some(ada));
        assert!(keys.forget("ada").unwrap());
        assert!(!keys.forget("ada").unwrap());
        assert_eq!(
            (keys.get("ada").unwrap(), keys.get("bob").unwrap()),
            (None, Some(bob))
        );
        drop(keys);
        let bytes = std::fs::read(&path).unwrap();
        assert!(
            !bytes.windows(32).any(|w| w == ada.bytes),
            "the key is overwritten"
        );
        let keys = FileKeys::open(&path).unwrap();
        assert_eq!(
            (keys.get("ada").unwrap(), keys.get("bob").unwrap()),
            (None, Some(bob))
        );
        assert_ne!(keys.get_or_make("ada").unwrap().id, ada.id);
    }

    #[test]
    fn a_torn_end_is_cut_and_damage_before_it_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("keys");
        let keys = FileKeys::open(&path).unwrap();
        let made: Vec<_> = (0..40)
            .map(|n| keys.get_or_make(&format!("s{n}")).unwrap())
            .collect();
        drop(keys);
        let whole = std::fs::read(&path).unwrap();
        std::fs::write(&path, &whole[..whole.len() - 3]).unwrap();
        let keys = FileKeys::open(&path).unwrap();
        assert_eq!(keys.get("s38").unwrap(), Some(made[38]));
        assert_eq!(keys.get("s39").unwrap(), None);
        keys.get_or_make("s40").unwrap();
        drop(keys);
        FileKeys::open(&path).unwrap();
        let mut damaged = whole;
        // In the subject of the first entry.
        damaged[8 + 43] ^= 1;
        std::fs::write(&path, &damaged).unwrap();
        let error = FileKeys::open(&path).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Corrupt);
        std::fs::write(&path, b"something else").unwrap();
        assert_eq!(
            FileKeys::open(&path).unwrap_err().kind(),
            ErrorKind::Corrupt
        );
    }
}

#[test]
fn a_replica_forgets_at_once() {
    let log = Log::memory(clock());
    let vault = Vault::new(Arc::new(MemoryKeys::default()));
    #[derive(Debug, Serialize, Deserialize)]
    struct User {
        name: Personal<String>,
    }
    let publisher = Publisher::open(log.clone(), "users").unwrap();
    let user = User {
        name: Personal::new("7", "Ada".to_owned()),
    };
    // What is published is sealed by whoever has the vault.
    let sealed = vault
        .seal(&serde_json::to_vec(&user).unwrap().into())
        .unwrap();
    let sealed: serde_json::Value = serde_json::from_slice(&sealed).unwrap();
    block_on(publisher.publish("7", &sealed)).unwrap();
    let feed = TopicFeed::new(log.clone(), "users");
    let replica = Replica::<User>::open_with_vault(log.clone(), "users", feed, vault.clone());
    let replica = replica.unwrap();
    block_on(replica.turn()).unwrap();
    let name = || replica.get("7").unwrap().unwrap().name.get().cloned();
    assert_eq!(name().as_deref(), Some("Ada"));
    assert!(!is_in(&log, "replica-users", "Ada"));
    vault.forget("7").unwrap();
    assert_eq!(name(), None);
}

#[test]
fn a_world_without_a_vault_works_too() {
    let world = World::at(Timestamp(0));
    let event = CustomerEvent::Registered {
        plan: "gold".into(),
        email: Personal::new("7", EMAIL.to_owned()),
    };
    world.given::<Customer>("7", [event]);
    world.when("7", Visit).unwrap();
    let customer: Customer = world.state("7");
    assert_eq!(
        customer.email.unwrap().get().map(String::as_str),
        Some(EMAIL)
    );
}
