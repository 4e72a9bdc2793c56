//! `saga run|list|show|retry|skip|compensate` and the tables of sagas in SQL.

use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use super::{append, on, rows, sql, with_input};

/// What is reserved is given back if the parcel is not sent.
const ORDER: &str = r#"
name = "order"
version = 1

[participants]
stock = { stream = "stock", key = "item", entity = "exists" }
parcels = { stream = "parcel", key = "order", entity = "none" }
bank = { url = "http://127.0.0.1:9" }

[[steps]]
name = "reserve"
participant = "stock"
do = "reserved"
undo = "released"
input = { item = "$.input.item", count = "$.input.count" }

[[steps]]
name = "send"
participant = "parcels"
do = "sent"
input = { order = "$.saga", reservation = "$.steps.reserve.position" }
"#;

/// The same, paid at a bank that is not there.
const PAID: &str = r#"
[[steps]]
name = "pay"
participant = "bank"
do = "charge"
undo = "refund"
timeout = "1s"
retry = { attempts = 2, first = "1ms" }
"#;

fn write(dir: &Path, name: &str, text: &str) -> PathBuf {
    let path = dir.join(name);
    std::fs::write(&path, text).unwrap();
    path
}

fn kinds(dir: &Path, stream: &str, key: &str) -> Vec<Value> {
    let read = rows(dir, &["stream", "read", stream, key]).into_iter();
    read.map(|row| row["type"].clone()).collect()
}

#[test]
fn sagas_of_a_file_run_to_their_ends_and_once() {
    let dir = tempfile::tempdir().unwrap();
    let (file, dir) = (
        write(dir.path(), "order.toml", ORDER),
        dir.path().join("data"),
    );
    let file = file.to_str().unwrap();
    append(
        &dir,
        "stock",
        "lamp",
        r#"{"type":"delivered","data":{"count":9}}"#,
    );
    let lines = "{\"id\":\"o1\",\"input\":{\"item\":\"lamp\",\"count\":2}}
        {\"id\":\"o2\",\"input\":{\"item\":\"anvil\",\"count\":1}}";
    let run = || {
        with_input(
            &dir,
            &["saga", "run", file, "--input", "-", "-o", "jsonl"],
            lines,
        )
    };
    for _ in 0..2 {
        let ended = run();
        assert_eq!(ended.code, Some(0), "{}", ended.stderr);
        let ends: Vec<Value> = ended
            .stdout
            .lines()
            .map(|l| serde_json::from_str(l).unwrap())
            .collect();
        let states: Vec<_> = ends
            .iter()
            .map(|row| (&row["saga"], &row["state"]))
            .collect();
        assert_eq!(states.len(), 2, "{}", ended.stdout);
        assert!(states.contains(&(&json!("o1"), &json!("completed"))));
        assert!(states.contains(&(&json!("o2"), &json!("compensated"))));
    }
    assert_eq!(kinds(&dir, "stock", "lamp"), ["delivered", "reserved"]);
    assert_eq!(kinds(&dir, "parcel", "o1"), ["sent"]);

    let steps = rows(&dir, &["saga", "show", "o1"]);
    assert_eq!(steps.len(), 2);
    assert_eq!(
        (&steps[0]["step"], &steps[0]["state"], &steps[0]["attempts"]),
        (&json!("reserve"), &json!("done"), &json!(1))
    );
    assert_eq!(steps[0]["input"], json!({"item": "lamp", "count": 2}));
    assert_eq!(steps[0]["output"], json!({"position": 1, "version": 1}));
    assert_eq!(steps[1]["input"], json!({"order": "o1", "reservation": 1}));
    let refused = rows(&dir, &["saga", "show", "o2"]);
    assert_eq!(refused[0]["state"], "refused");
    let error = refused[0]["error"].as_str().unwrap();
    assert!(error.contains("has no event"), "{error}");
    assert!(rows(&dir, &["saga", "list", "--open"]).is_empty());
    let counts = sql(
        &dir,
        "SELECT state, COUNT(*) AS n FROM system.sagas GROUP BY state ORDER BY state",
    );
    assert_eq!(
        counts,
        [
            json!({"state": "compensated", "n": 1}),
            json!({"state": "completed", "n": 1})
        ]
    );
    assert!(sql(&dir, "SELECT * FROM system.timers").is_empty());
}

#[test]
fn a_saga_that_is_stuck_waits_for_a_person() {
    let dir = tempfile::tempdir().unwrap();
    let (file, dir) = (
        write(dir.path(), "order.toml", &format!("{ORDER}{PAID}")),
        dir.path().join("data"),
    );
    let file = file.to_str().unwrap();
    append(
        &dir,
        "stock",
        "lamp",
        r#"{"type":"delivered","data":{"count":9}}"#,
    );
    let input = r#"{"item":"lamp","count":2}"#;
    let run = on(&dir, &["saga", "run", file, "--id", "o1", "--input", input]);
    assert_eq!(run.code, Some(0), "{}", run.stderr);
    let says = "saga 'o1' is parked: `headwater saga retry o1`";
    assert!(run.stderr.contains(says), "{}", run.stderr);
    // Whether the bank was paid nobody knows, so it is asked to refund, which it does not answer either.
    let list = rows(&dir, &["saga", "list", "--open"]);
    assert_eq!(list.len(), 1);
    assert_eq!(
        (&list[0]["saga"], &list[0]["state"], &list[0]["step"]),
        (&json!("o1"), &json!("parked"), &json!("pay"))
    );
    let tries = sql(
        &dir,
        "SELECT phase, attempts, state FROM system.saga_steps WHERE step = 'pay' ORDER BY phase",
    );
    let failed = |phase| json!({"phase": phase, "attempts": 2, "state": "failed"});
    assert_eq!(tries, [failed("do"), failed("undo")]);

    let wrong = on(&dir, &["saga", "compensate", "o1"]);
    assert_eq!(wrong.code, Some(1), "{}", wrong.stdout);
    assert_eq!(on(&dir, &["saga", "retry", "o1"]).code, Some(0));
    assert_eq!(on(&dir, &["saga", "run", file]).code, Some(0));
    assert_eq!(rows(&dir, &["saga", "list"])[0]["state"], "parked");
    assert_eq!(on(&dir, &["saga", "skip", "o1"]).code, Some(0));
    assert_eq!(on(&dir, &["saga", "run", file]).code, Some(0));
    let ended = &rows(&dir, &["saga", "list"])[0];
    assert_eq!(
        (&ended["state"], &ended["step"]),
        (&json!("compensated"), &Value::Null)
    );
    // Not why it was parked: that was mended.
    let reason = ended["reason"].as_str().unwrap();
    assert!(reason.starts_with("step \"pay\": "), "{reason}");
    let again = on(&dir, &["saga", "run", file, "--id", "o1", "--input", input]);
    let says = "saga 'o1' was started before: it has ended";
    assert!(again.stderr.contains(says), "{}", again.stderr);
    assert_eq!(
        kinds(&dir, "stock", "lamp"),
        ["delivered", "reserved", "released"]
    );
    let unknown = on(&dir, &["saga", "retry", "o9"]);
    assert_eq!(unknown.code, Some(1));
    assert!(
        unknown.stderr.contains("there is no saga \"o9\""),
        "{}",
        unknown.stderr
    );
}

#[test]
fn a_definition_that_is_wrong_starts_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let (file, data) = (dir.path().join("order.toml"), dir.path().join("data"));
    for (text, says) in [
        ("name = 'order'", "missing field"),
        (
            &ORDER.replace("\nstock = {", "\nstick = {"),
            "did you mean 'stick'?",
        ),
        (
            &ORDER.replace("$.input.item", "$.imput.item"),
            "$.imput.item",
        ),
        (
            &ORDER.replace("entity = \"none\"", "entity = \"no\""),
            "saga",
        ),
    ] {
        std::fs::write(&file, text).unwrap();
        let run = on(
            &data,
            &[
                "saga",
                "run",
                file.to_str().unwrap(),
                "--id",
                "o1",
                "--input",
                "{}",
            ],
        );
        assert_eq!(run.code, Some(78), "{}", run.stderr);
        assert!(run.stderr.contains(says), "{}", run.stderr);
    }
    std::fs::write(&file, ORDER).unwrap();
    let run = on(
        &data,
        &[
            "saga",
            "run",
            file.to_str().unwrap(),
            "--id",
            "o1",
            "--input",
            "{",
        ],
    );
    assert_eq!(run.code, Some(2), "{}", run.stderr);
}
