//! `stream append|read|list`: the contract that scripts depend on.

use serde_json::{Value, json};

use super::{append, on, rows, with_input};

const THREE: &str = r#"{"type":"opened","data":{"balance":0}}
{"type":"deposited","data":{"amount":1000.50},"id":"d-1","metadata":{"by":"ada"}}

{"type":"withdrawn","data":{"amount":200},"tags":["big"],"correlation":"c","causation":"d-1"}
"#;

#[test]
fn events_are_appended_and_read_as_they_were_given() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    let ended = with_input(dir, &["stream", "append", "account", "7"], THREE);
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    assert_eq!(
        ended.stdout,
        "{\"version\":2,\"position\":2,\"repeated\":false}\n"
    );
    append(dir, "account", "8", r#"{"type":"opened","data":{}}"#);
    let more = append(
        dir,
        "account",
        "7",
        r#"{"type":"closed","data":[1, {"a":"b\n"}]}"#,
    );
    assert_eq!(
        more,
        json!({"version": 3, "position": 4, "repeated": false})
    );

    let read = rows(dir, &["stream", "read", "account", "7"]);
    let of = |name: &str| -> Vec<Value> { read.iter().map(|row| row[name].clone()).collect() };
    assert_eq!(of("position"), [0, 1, 2, 4]);
    assert_eq!(of("version"), [0, 1, 2, 3]);
    assert_eq!(of("type"), ["opened", "deposited", "withdrawn", "closed"]);
    assert_eq!(read[1]["id"], "d-1");
    assert_eq!(read[1]["metadata"], json!({"by": "ada"}));
    assert_eq!(read[2]["tags"], json!(["big"]));
    assert_eq!(
        (&read[2]["correlation"], &read[2]["causation"]),
        (&json!("c"), &json!("d-1"))
    );
    assert_eq!(read[3]["data"], json!([1, {"a": "b\n"}]));
    // Numbers are as they were written.
    let text = on(dir, &["stream", "read", "account", "7", "-o", "jsonl"]).stdout;
    assert!(text.contains(r#""data":{"amount":1000.50}"#), "{text}");
}

#[test]
fn a_version_that_is_not_the_expected_one_is_a_conflict_that_names_the_actual_one() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    let event = r#"{"type":"opened","data":{}}"#;
    let expecting = |expected: &str| {
        let args = ["stream", "append", "account", "7", "--expected", expected];
        with_input(dir, &args, event)
    };
    let early = expecting("0");
    assert_eq!(early.code, Some(4), "{}", early.stderr);
    assert!(early.stderr.contains("has no event"), "{}", early.stderr);
    assert_eq!(expecting("none").code, Some(0));
    assert_eq!(expecting("0").code, Some(0));
    for stale in ["none", "0", "7"] {
        let ended = expecting(stale);
        assert_eq!(
            (ended.code, ended.stdout.as_str()),
            (Some(4), ""),
            "{stale}"
        );
        assert!(
            ended.stderr.contains("has version 1 instead of"),
            "{}",
            ended.stderr
        );
    }
    assert_eq!(expecting("any").code, Some(0));
    assert_eq!(expecting("exists").code, Some(0));
    assert_eq!(expecting("-1").code, Some(2));
    assert_eq!(rows(dir, &["stream", "read", "account", "7"]).len(), 4);
}

#[test]
fn an_event_with_an_id_is_stored_once() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    let event = r#"{"type":"deposited","data":{"amount":5},"id":"one"}"#;
    assert_eq!(append(dir, "account", "7", event)["repeated"], false);
    append(dir, "account", "7", r#"{"type":"other","data":{}}"#);
    let again = append(dir, "account", "7", event);
    assert_eq!(
        again,
        json!({"version": 0, "position": 0, "repeated": true})
    );
    assert_eq!(rows(dir, &["stream", "read", "account", "7"]).len(), 2);
}

#[test]
fn all_lines_are_appended_or_none() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    append(dir, "account", "7", r#"{"type":"opened","data":{}}"#);
    for (lines, says) in [
        ("", "there is no event"),
        (
            "{\"type\":\"a\",\"data\":1}\n{\"type\":\"b\"}",
            "line 2: missing field `data`",
        ),
        ("{\"type\":\"a\",\"data\":1}\nnonsense", "line 2: expected"),
        (
            "{\"type\":\"a\",\"data\":1}\n{\"type\":\"$closed\",\"data\":1}",
            "is reserved",
        ),
        ("{\"type\":\"a\",\"data\":1,\"metadata\":7}", "metadata"),
        (
            "{\"type\":\"a\",\"data\":1,\"extra\":7}",
            "line 1: unknown field `extra`",
        ),
    ] {
        let ended = with_input(dir, &["stream", "append", "account", "7"], lines);
        assert_eq!(
            (ended.code, ended.stdout.as_str()),
            (Some(1), ""),
            "{lines}"
        );
        assert!(ended.stderr.contains(says), "{}", ended.stderr);
    }
    assert_eq!(rows(dir, &["stream", "read", "account", "7"]).len(), 1);
}

#[test]
fn a_stream_is_read_from_until_and_backward() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    let lines: String = (0..2500)
        .map(|n| format!("{{\"type\":\"e\",\"data\":{n}}}\n"))
        .collect();
    append(dir, "counter", "a", &lines);
    let read = |args: &[&str]| -> Vec<u64> {
        let all = [&["stream", "read", "counter", "a"], args].concat();
        let read = rows(dir, &all).into_iter();
        read.map(|row| row["data"].as_u64().unwrap()).collect()
    };
    let range = |range: std::ops::Range<u64>| range.collect::<Vec<_>>();
    assert_eq!(read(&[]), range(0..2500));
    assert_eq!(read(&["--from", "2498"]), [2498, 2499]);
    assert_eq!(read(&["--from", "2", "--until", "4"]), [2, 3, 4]);
    assert_eq!(read(&["--backward", "-n", "2"]), [2499, 2498]);
    assert_eq!(read(&["--backward", "--until", "3"]), [3, 2, 1, 0]);
    assert_eq!(read(&["--backward", "--from", "1"]), [1, 0]);
    let mut backward = read(&["--backward"]);
    backward.reverse();
    assert_eq!(backward, range(0..2500));
    assert_eq!(read(&["--until", "2001-01-01"]), range(0..0));
    assert_eq!(read(&["--until", "2101-01-01", "-n", "1"]), [0]);
    assert_eq!(read(&["--until", "-1h"]), range(0..0));
    let wrong = on(dir, &["stream", "read", "counter", "a", "--until", "noon"]);
    assert_eq!(wrong.code, Some(2), "{}", wrong.stderr);
}

#[test]
fn stores_and_entities_are_listed_and_what_is_not_there_is_said() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    let event = r#"{"type":"opened","data":{}}"#;
    for key in ["a-1", "b-1", "a-2"] {
        append(dir, "account", key, event);
    }
    append(dir, "account", "a-1", event);
    append(dir, "order", "1", event);
    let stores = rows(dir, &["stream", "list"]);
    let expected = [
        json!({"stream": "account", "events": 4}),
        json!({"stream": "order", "events": 1}),
    ];
    assert_eq!(stores, expected);
    let keys = rows(dir, &["stream", "list", "account", "--prefix", "a-"]);
    let expected = [
        json!({"key": "a-1", "version": 1, "position": 3, "state": "open"}),
        json!({"key": "a-2", "version": 0, "position": 2, "state": "open"}),
    ];
    assert_eq!(keys, expected);
    assert!(rows(dir, &["stream", "read", "account", "nobody"]).is_empty());
    let missing = on(dir, &["stream", "read", "acount", "a-1"]);
    assert_eq!(missing.code, Some(1));
    assert!(
        missing.stderr.contains("did you mean 'account'?"),
        "{}",
        missing.stderr
    );
    let topic = on(dir, &["topic", "create", "plain"]);
    assert_eq!(topic.code, Some(0), "{}", topic.stderr);
    let plain = with_input(dir, &["stream", "append", "plain", "1"], event);
    assert_eq!(plain.code, Some(78));
    assert!(
        plain.stderr.contains("cannot be an event store"),
        "{}",
        plain.stderr
    );
}
