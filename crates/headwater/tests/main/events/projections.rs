//! `projection list|rebuild` and `system.projections`, for projections of the library and views of SQL.

use headwater::Headwater;
use headwater::events::{
    BoxError, Delivery, Filter, HandlerView, ProjectionId, Projector, Rebuilding, Recorded, Turn,
    block_on,
};
use serde_json::json;

use super::{append, on, rows, sql};

#[test]
fn projections_are_listed_with_what_they_parked_and_rebuilt_when_asked() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    append(
        dir,
        "account",
        "7",
        "{\"type\":\"a\",\"data\":1}\n{\"type\":\"poison\",\"data\":2}",
    );
    append(dir, "other", "7", "{\"type\":\"a\",\"data\":1}");
    run_all(dir);
    append(dir, "account", "8", r#"{"type":"a","data":1}"#);
    let listed = rows(dir, &["projection", "list"]);
    let expected = json!({
        "store": "account", "name": "mail", "version": 1, "kind": "projection", "state": "live",
        "position": 2, "parked": 1,
        "error": "event \"poison\" at position 1 was not handled: no",
    });
    let subset = |row: &serde_json::Value| {
        let fields = expected.as_object().unwrap().iter();
        fields.clone().all(|(name, value)| row[name] == *value)
    };
    assert!(listed.len() == 1 && subset(&listed[0]), "{listed:?}");
    let same = sql(
        dir,
        "SELECT name, lag FROM system.projections WHERE parked > 0",
    );
    assert_eq!(same.len(), 1);

    let asked = on(dir, &["projection", "rebuild", "mail"]);
    assert_eq!(asked.code, Some(0), "{}", asked.stderr);
    assert!(asked.stdout.contains("as version 2"), "{}", asked.stdout);
    run_all(dir);
    let states: Vec<_> = rows(dir, &["projection", "list"])
        .into_iter()
        .map(|row| (row["version"].clone(), row["state"].clone()))
        .collect();
    assert_eq!(states[1], (json!(2), json!("live")));
    let unknown = on(dir, &["projection", "rebuild", "nothing"]);
    assert_eq!(unknown.code, Some(1));
    assert!(
        unknown.stderr.contains("there is no projection 'nothing'"),
        "{}",
        unknown.stderr
    );
}

/// A program that runs the projection `mail` until it has caught up.
fn run_all(dir: &std::path::Path) {
    let headwater = Headwater::open(dir).unwrap();
    let store = headwater.event_store("account").unwrap();
    let made = store.clone();
    let make = move |id: &ProjectionId| {
        let handle = |event: &Recorded, _: &Delivery| -> Result<(), BoxError> {
            match event.kind.as_str() {
                "poison" => Err("no".into()),
                _ => Ok(()),
            }
        };
        let view = HandlerView::new(made.clone(), id.clone(), handle);
        Ok(Projector::new(
            made.clone(),
            id.clone(),
            Filter::all(),
            view,
        ))
    };
    let mut projection = block_on(Rebuilding::open(&store, "mail", make)).unwrap();
    while block_on(projection.turn()).unwrap() == Turn::More {}
    headwater.close().unwrap();
}

#[test]
fn a_materialised_view_over_the_events_is_a_projection() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    append(
        dir,
        "sale",
        "1",
        "{\"type\":\"sold\",\"data\":{\"amount\":5}}\n{\"type\":\"sold\",\"data\":{\"amount\":7}}",
    );
    sql(
        dir,
        "CREATE TABLE sales (amount INT) WITH ('topic' = 'sale', 'format' = 'json');
         CREATE MATERIALIZED VIEW revenue AS SELECT COUNT(*) AS n, SUM(amount) AS total FROM sales",
    );
    append(dir, "sale", "2", r#"{"type":"sold","data":{"amount":3}}"#);
    assert_eq!(
        sql(dir, "SELECT * FROM revenue"),
        [json!({"n": 3, "total": 15})]
    );
    let listed = sql(dir, "SELECT name, kind, state FROM system.projections");
    let expected = json!({"name": "revenue", "kind": "job", "state": "running"});
    assert_eq!(listed, [expected]);
    let rebuilt = on(dir, &["projection", "rebuild", "revenue"]);
    assert_eq!(rebuilt.code, Some(0), "{}", rebuilt.stderr);
    assert!(
        rebuilt
            .stdout
            .contains("'revenue' was built anew, and is as it was"),
        "{}",
        rebuilt.stdout
    );
    append(dir, "sale", "2", r#"{"type":"sold","data":{"amount":1}}"#);
    assert_eq!(
        sql(dir, "SELECT * FROM revenue"),
        [json!({"n": 4, "total": 16})]
    );
}
