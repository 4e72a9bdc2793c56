//! `entity show`: the state of an entity, now, then, and event by event.

use serde_json::json;

use super::{append, on, rows};

const STORY: &str = r#"{"type":"registered","data":{"name":"ada","address":{"city":"Paris","zip":"75001"}}}
{"type":"moved","data":{"address":{"city":"London","zip":null}}}
{"type":"renamed","data":{"name":"countess"}}
"#;

#[test]
fn an_entity_is_what_its_events_add_up_to() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    append(dir, "user", "7", STORY);
    let show = |args: &[&str]| rows(dir, &[&["entity", "show", "user", "7"], args].concat());
    let now = &show(&[])[0];
    assert_eq!(
        (&now["type"], &now["id"], &now["version"]),
        (&json!("user"), &json!("7"), &json!(2))
    );
    assert_eq!(now["last_event"], "renamed");
    assert_eq!(
        now["state"],
        json!({"name": "countess", "address": {"city": "London"}})
    );
    let then = &show(&["--at", "0"])[0];
    assert_eq!(
        then["state"],
        json!({"name": "ada", "address": {"city": "Paris", "zip": "75001"}})
    );
    let updated = then["updated_at"].as_str().unwrap();
    assert_eq!(show(&["--at", "2101-01-01"])[0], *now);
    assert!(updated.ends_with('Z'), "{updated}");

    let changes = show(&["--diff", "--at", "1"]);
    assert_eq!(changes.len(), 2);
    assert_eq!(changes[0]["changes"]["name"], json!([null, "ada"]));
    let moved = json!({"address": [{"city": "Paris", "zip": "75001"}, {"city": "London"}]});
    assert_eq!(
        (&changes[1]["event"], &changes[1]["changes"]),
        (&json!("moved"), &moved)
    );
}

#[test]
fn who_is_not_there_is_said() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    append(dir, "user", "7", STORY);
    let nobody = on(dir, &["entity", "show", "user", "8"]);
    assert_eq!(nobody.code, Some(1));
    assert!(
        nobody.stderr.contains("'user' has no entity '8'"),
        "{}",
        nobody.stderr
    );
    let early = on(dir, &["entity", "show", "user", "7", "--at", "2001-01-01"]);
    assert_eq!(early.code, Some(1));
    assert!(
        early.stderr.contains("there was no '7'"),
        "{}",
        early.stderr
    );
}
