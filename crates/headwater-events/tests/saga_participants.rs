//! Participants of sagas that are no code: services behind topics, HTTP endpoints, entities of an event store.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use headwater_events::{
    Answer, Answered, Call, Definition, ErrorKind, Expected, Filter, HttpParticipant, Mode,
    NewEvent, Participant, Phase, PhaseStatus, Position, Presence, ReadStream, Replies, SagaRunner,
    SagaState, SagaTurn, Sagas, Store, StreamParticipant, TopicParticipant, block_on,
};
use headwater_log::{Commit, Log, Offset, Record, Timestamp, TopicConfig, TopicPartition};
use serde_json::{Value, json};

use crate::endpoint::{Endpoint, Said};
use crate::sagas::{order, sagas};
use crate::support::{Now, clock};

fn of(topic: &str) -> TopicPartition {
    TopicPartition::new(topic, 0)
}

fn record(value: String) -> Record {
    Record {
        value: Some(value.into()),
        ..Record::default()
    }
}

#[test]
fn a_service_is_called_and_answers_over_topics() {
    let clock = clock();
    let log = Log::memory(clock.clone());
    for topic in ["requests", "replies"] {
        log.create_topic(topic, TopicConfig::default()).unwrap();
    }
    let sagas = Arc::new(sagas(&log, &clock));
    let participant = || TopicParticipant::new(log.clone(), of("requests"));
    sagas.participant("world", participant());
    block_on(sagas.define(order())).unwrap();
    block_on(sagas.start("order", "o1", json!({"item": 1}))).unwrap();
    let mut replies = Replies::new(log.clone(), of("replies"), sagas.clone());
    let mut served = Offset(0);
    for round in 0..3 {
        let SagaTurn::Call(call) = block_on(sagas.turn()).unwrap() else {
            panic!("a call");
        };
        assert_eq!(block_on(sagas.make(&call)).unwrap(), Answered::Ignored);
        let batch = log
            .fetch(&of("requests"), served, 1)
            .unwrap()
            .batches
            .remove(0);
        served = batch.next_offset();
        let request = batch.records().next().unwrap().unwrap().1;
        let asked: Call = serde_json::from_slice(&request.value.unwrap()).unwrap();
        assert_eq!(asked, call);
        let reply = json!({"key": asked.key, "done": {"id": round}}).to_string();
        for value in [reply.clone(), "nonsense".to_owned(), reply] {
            let commit = Commit::new().append(of("replies"), [record(value)]);
            log.commit(commit).unwrap();
        }
        assert_eq!(
            block_on(replies.turn()).unwrap(),
            1,
            "once, though it came twice"
        );
    }
    while block_on(sagas.turn()).unwrap() == SagaTurn::Recorded {}
    assert_eq!(block_on(sagas.show("o1")).unwrap().mode, Mode::Completed);
    // A reader that begins anew goes on where the other was.
    let mut again = Replies::new(log, of("replies"), sagas);
    assert_eq!(block_on(again.turn()).unwrap(), 0);
}

fn call(action: &str) -> Call {
    Call {
        saga: "o1".into(),
        definition: "order".into(),
        step: "pay".into(),
        phase: Phase::Do,
        action: action.into(),
        key: "o1/pay/do".into(),
        input: json!({"amount": 5}),
        attempt: 1,
        deadline: Timestamp(0),
    }
}

#[test]
fn an_endpoint_gets_the_call_and_its_status_says_what_the_answer_is() {
    let endpoint = Endpoint::start();
    let http = HttpParticipant::new(endpoint.url("/bank/"), Duration::from_secs(10)).unwrap();
    let failed = |text: &str| Answer::Failed(text.into());
    let refused = |text: &str| Answer::Refused(text.into());
    for (said, answer) in [
        (
            Said::new(200, r#"{"charge":7}"#),
            Answer::Done(json!({"charge": 7})),
        ),
        (Said::new(204, ""), Answer::Done(Value::Null)),
        (Said::new(200, "plain"), Answer::Done(json!("plain"))),
        (Said::new(202, ""), Answer::Later),
        (Said::new(503, "busy"), failed("status 503: busy")),
        (Said::new(429, "slower"), failed("status 429: slower")),
        (Said::new(409, "too much"), refused("status 409: too much")),
    ] {
        endpoint.say(said);
        assert_eq!(block_on(http.call(&call("charge"))), answer);
        let asked = endpoint.asked();
        assert_eq!(asked.line, "POST /bank/charge HTTP/1.1");
        assert_eq!(asked.header("idempotency-key"), Some("o1/pay/do"));
        assert_eq!(asked.header("content-type"), Some("application/json"));
        let body: Call = serde_json::from_slice(&asked.body).unwrap();
        assert_eq!(body, call("charge"));
    }
}

#[test]
fn an_endpoint_that_is_silent_or_gone_has_failed() {
    let endpoint = Endpoint::start();
    let http = HttpParticipant::new(endpoint.url(""), Duration::from_millis(200)).unwrap();
    endpoint.say(Said::Nothing);
    assert!(matches!(
        block_on(http.call(&call("charge"))),
        Answer::Failed(_)
    ));
    endpoint.say(Said::Closed);
    assert!(matches!(
        block_on(http.call(&call("charge"))),
        Answer::Failed(_)
    ));
    drop(endpoint);
    assert!(matches!(
        block_on(http.call(&call("charge"))),
        Answer::Failed(_)
    ));
    let error = HttpParticipant::new("http://exa mple", Duration::ZERO).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Invalid);
}

/// A shop whose stock is entities, whose bank is an endpoint and whose carrier is a service behind topics.
fn shop(url: &str) -> Definition {
    let text = format!(
        r#"
        name = "order"
        version = 1
        [participants]
        stock = {{ stream = "stock", key = "item", entity = "exists" }}
        bank = {{ url = "{url}" }}
        carrier = {{ topic = "parcels", replies = "parcels.answers" }}
        [[steps]]
        name = "reserve"
        participant = "stock"
        do = "reserved"
        undo = "released"
        input = {{ item = "$.input.item", count = 2 }}
        [[steps]]
        name = "pay"
        participant = "bank"
        do = "charge"
        undo = "refund"
        input = {{ amount = "$.input.amount" }}
        retry = {{ attempts = 3, first = "1ms" }}
        [[steps]]
        name = "ship"
        participant = "carrier"
        do = "ship"
        input = {{ paid = "$.steps.pay.charge" }}
        "#
    );
    Definition::from_toml(&text).unwrap()
}

/// The carrier: answers all calls alike, until it is told to stop.
fn carry(log: &Log, answer: &Value, stop: &AtomicBool) {
    let mut served = Offset(0);
    while !stop.load(Ordering::SeqCst) {
        let seen = log.last_commit();
        for batch in log.fetch(&of("parcels"), served, 1 << 20).unwrap().batches {
            for asked in batch.records() {
                let asked: Call = serde_json::from_slice(&asked.unwrap().1.value.unwrap()).unwrap();
                let mut reply = answer.clone();
                reply["key"] = asked.key.into();
                let reply = record(reply.to_string());
                log.commit(Commit::new().append(of("parcels.answers"), [reply]))
                    .unwrap();
            }
            served = batch.next_offset();
        }
        log.wait_for_commit(seen, Duration::from_millis(100));
    }
}

/// Waits until a saga has ended.
fn end(store: &Store, sagas: &Sagas, id: &str) -> SagaState {
    let ends = Filter::all().types(["$saga.completed", "$saga.compensated", "$saga.parked"]);
    block_on(store.subscribe(Position(0), ends).next()).unwrap();
    block_on(sagas.show(id)).unwrap()
}

fn run(answer: &Value, says: &[Said]) -> (Vec<String>, SagaState) {
    let endpoint = Endpoint::start();
    let log = Log::memory(Arc::new(Now));
    let stock = Store::on_log(log.clone(), "stock").unwrap();
    let delivered = NewEvent::new("delivered", r#"{"count":9}"#);
    block_on(stock.append_to("lamp", Expected::Any, [delivered])).unwrap();
    let store = Store::on_log(log.clone(), "sagas").unwrap();
    let sagas = Arc::new(Sagas::new(store.clone(), Arc::new(Now)));
    let definition = shop(&endpoint.url(""));
    let open = |stream: &str| Store::on_log(log.clone(), stream);
    let replies = sagas.connect(&log, open, &definition).unwrap();
    block_on(sagas.define(definition)).unwrap();
    let runner = SagaRunner::spawn(sagas.clone(), 2).unwrap();
    let runner = runner.with_replies(replies).unwrap();
    says.iter().for_each(|said| endpoint.say(said.clone()));
    let input = json!({"item": "lamp", "amount": 5});
    block_on(sagas.start("order", "o1", input)).unwrap();
    let stop = AtomicBool::new(false);
    let saga = std::thread::scope(|scope| {
        scope.spawn(|| carry(&log, answer, &stop));
        let saga = end(&store, &sagas, "o1");
        stop.store(true, Ordering::SeqCst);
        saga
    });
    drop(runner);
    let events = block_on(stock.read(ReadStream::of("lamp"))).unwrap();
    (events.into_iter().map(|e| e.kind).collect(), saga)
}

#[test]
fn a_definition_connects_entities_endpoints_and_services() {
    let says = [Said::new(503, ""), Said::new(200, r#"{"charge":7}"#)];
    let (stock, saga) = run(&json!({"done": {"parcel": 1}}), &says);
    assert_eq!(saga.mode, Mode::Completed);
    assert_eq!(stock, ["delivered", "reserved"]);
    let pay = &saga.step("pay").unwrap().forward;
    assert_eq!(pay.attempts.len(), 2);
    let ship = &saga.step("ship").unwrap().forward;
    assert_eq!(ship.input, json!({"paid": 7}));
    assert_eq!(ship.status, PhaseStatus::Done(json!({"parcel": 1})));
}

#[test]
fn and_takes_back_through_them() {
    let says = [Said::new(200, r#"{"charge":7}"#), Said::new(200, "")];
    let (stock, saga) = run(&json!({"refused": "too heavy"}), &says);
    assert_eq!(saga.mode, Mode::Compensated);
    assert_eq!(stock, ["delivered", "reserved", "released"]);
}

#[test]
fn an_entity_is_what_it_must_be_and_a_step_that_was_taken_back_never_happens() {
    let log = Log::memory(clock());
    let store = Store::on_log(log, "stock").unwrap();
    let stock = StreamParticipant::new(store.clone(), "item");
    let stock = stock.presence(Presence::Exists);
    let kinds = |entity| -> Vec<String> {
        let events = block_on(store.read(ReadStream::of(entity))).unwrap();
        events.into_iter().map(|e| e.kind).collect()
    };
    let call = |phase, action: &str, input| Call {
        phase,
        input,
        ..self::call(action)
    };
    let item = json!({"item": "lamp"});
    let reserve = call(Phase::Do, "reserved", item.clone());
    assert!(
        matches!(block_on(stock.call(&reserve)), Answer::Refused(_)),
        "there is no lamp"
    );
    let nothing = call(Phase::Do, "reserved", json!({"item": 7}));
    assert!(
        matches!(block_on(stock.call(&nothing)), Answer::Refused(_)),
        "no name"
    );

    let delivered = NewEvent::new("delivered", "{}");
    block_on(store.append_to("lamp", Expected::Any, [delivered])).unwrap();
    let first = block_on(stock.call(&reserve));
    assert_eq!(first, Answer::Done(json!({"position": 1, "version": 1})));
    assert_eq!(block_on(stock.call(&reserve)), first, "once a key");
    let release = call(
        Phase::Undo,
        "released",
        json!({"input": item, "output": null}),
    );
    block_on(stock.call(&release));
    block_on(stock.call(&release));
    assert_eq!(kinds("lamp"), ["delivered", "reserved", "released"]);

    // Taken back before it came.
    let mut late = reserve;
    late.saga = "o2".into();
    let mut early = release;
    early.saga = "o2".into();
    block_on(stock.call(&early));
    block_on(stock.call(&late));
    let all = [
        "delivered",
        "reserved",
        "released",
        "$saga.void",
        "released",
    ];
    assert_eq!(kinds("lamp"), all);
}

#[test]
fn an_address_that_is_none_is_refused() {
    for url in ["bank.example", "ftp://bank.example", ""] {
        let text = format!(
            "name='o'\nversion=1\n[participants]\nbank = {{ url = {url:?} }}\n\
             [[steps]]\nname='s'\nparticipant='bank'\ndo='x'"
        );
        let error = Definition::from_toml(&text).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Invalid, "{url}");
    }
}
