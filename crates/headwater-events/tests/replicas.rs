//! Replicas: a local copy that survives restarts, knows how far behind it is, and lets go of what is gone.

use headwater_events::{ErrorKind, Publisher, Replica, TopicFeed, block_on};
use headwater_log::{Log, Options, TopicConfig};
use serde::{Deserialize, Serialize};

use crate::support::{clock, log};

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct User {
    name: String,
    city: String,
}

fn user(name: &str, city: &str) -> User {
    User {
        name: name.into(),
        city: city.into(),
    }
}

fn open(here: &Log, there: &Log) -> Replica<User> {
    let feed = TopicFeed::new(there.clone(), "users");
    Replica::open(here.clone(), "users", feed).unwrap()
}

#[test]
fn a_copy_answers_without_a_call_and_follows() {
    let (here, there) = (log(), log());
    let publisher = Publisher::open(there.clone(), "users").unwrap();
    block_on(publisher.publish("1", &user("Ada", "London"))).unwrap();
    block_on(publisher.publish("2", &user("Bob", "Paris"))).unwrap();
    let replica = open(&here, &there);
    assert_eq!(replica.status().behind, None, "it has not looked yet");
    assert_eq!(block_on(replica.turn()).unwrap(), 0);
    assert_eq!(replica.get("1").unwrap(), Some(user("Ada", "London")));
    block_on(publisher.publish("1", &user("Ada", "Paris"))).unwrap();
    assert_eq!(replica.get("1").unwrap(), Some(user("Ada", "London")));
    block_on(replica.turn()).unwrap();
    let in_paris = replica.find(|_, user| user.city == "Paris").unwrap();
    let names: Vec<_> = in_paris
        .iter()
        .map(|(key, u)| (key.as_str(), u.name.as_str()))
        .collect();
    assert_eq!(names, [("1", "Ada"), ("2", "Bob")]);
    block_on(publisher.retract("2")).unwrap();
    block_on(replica.turn()).unwrap();
    assert_eq!(
        (replica.get("2").unwrap(), replica.status().entries),
        (None, 1)
    );
    assert!(replica.status().newest.is_some());
}

#[test]
fn a_copy_is_there_after_a_restart_although_its_source_is_gone() {
    let dir = tempfile::tempdir().unwrap();
    let local = || Log::open_dir(dir.path(), clock(), Options::default()).unwrap();
    let there = log();
    let publisher = Publisher::open(there.clone(), "users").unwrap();
    for n in 0..10 {
        block_on(publisher.publish(&n.to_string(), &user("U", "X"))).unwrap();
    }
    block_on(publisher.retract("3")).unwrap();
    let here = local();
    let replica = open(&here, &there);
    block_on(replica.turn()).unwrap();
    drop((replica, here));
    let here = local();
    let gone = log();
    let replica = open(&here, &gone);
    assert_eq!(
        (replica.status().entries, replica.status().behind),
        (9, None)
    );
    assert_eq!(replica.get("4").unwrap(), Some(user("U", "X")));
    let error = block_on(replica.turn()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound);
    // With its source it goes on where it was.
    drop(replica);
    block_on(publisher.publish("3", &user("V", "Y"))).unwrap();
    let replica = open(&here, &there);
    block_on(replica.turn()).unwrap();
    assert_eq!(replica.status().entries, 10);
}

#[test]
fn it_knows_how_far_behind_it_is() {
    let (here, there) = (log(), log());
    let publisher = Publisher::open(there.clone(), "users").unwrap();
    let big = user(&"x".repeat(10_000), "Y");
    for n in 0..250 {
        block_on(publisher.publish(&n.to_string(), &big)).unwrap();
    }
    let replica = open(&here, &there);
    let mut behind = Vec::new();
    while behind.last() != Some(&0) {
        behind.push(block_on(replica.turn()).unwrap());
        assert_eq!(replica.status().behind, behind.last().copied());
        let seen = replica.status().entries as u64;
        assert_eq!(seen + behind.last().unwrap(), 250);
    }
    assert!(behind.len() > 1, "more than one turn: {behind:?}");
}

#[test]
fn two_keepers_of_one_copy_lose_nothing() {
    let (here, there) = (log(), log());
    let publisher = Publisher::open(there.clone(), "users").unwrap();
    let (one, other) = (open(&here, &there), open(&here, &there));
    block_on(publisher.publish("1", &user("Ada", "London"))).unwrap();
    block_on(one.turn()).unwrap();
    block_on(publisher.publish("2", &user("Bob", "Paris"))).unwrap();
    let error = block_on(other.turn()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Conflict);
    assert_eq!(other.status().entries, 1, "what the other took in is here");
    block_on(other.turn()).unwrap();
    assert_eq!(other.status().entries, 2);
}

#[test]
fn a_turn_that_is_given_up_half_way_loses_nothing() {
    let (here, there) = (log(), log());
    let publisher = Publisher::open(there.clone(), "users").unwrap();
    let replica = open(&here, &there);
    for n in 0..20 {
        block_on(publisher.publish(&n.to_string(), &user("U", "X"))).unwrap();
        let mut turn = Box::pin(replica.turn());
        let mut context = std::task::Context::from_waker(std::task::Waker::noop());
        let polled = turn.as_mut().poll(&mut context);
        drop((polled, turn));
    }
    while !matches!(block_on(replica.turn()), Ok(0)) {}
    assert_eq!(replica.status().entries, 20);
}

#[test]
fn a_topic_that_forgets_is_no_place_to_publish_state() {
    let log = log();
    log.create_topic("plain", TopicConfig::default()).unwrap();
    let error = Publisher::open(log, "plain").unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Invalid);
}
