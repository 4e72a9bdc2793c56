//! The catalogue's topic: one record a change, keyed by the object's name; a tombstone drops it. The value is JSON with
//! the statement, which is parsed and planned anew when the topic is read.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use headwater_flow::connector::Registry;
use headwater_flow::plan::Changes;
use headwater_log::{
    Cleanup, Commit, Condition, ErrorKind, Log, Offset, Record, TopicConfig, TopicPartition,
};

use super::object::{Definition, Object};
use super::state::{Catalogue, Objects};
use crate::error::{Result, SqlError, SqlErrorKind};
use crate::session::{Planned, Session};
use crate::statement::{ObjectKind, parse};

/// Name of the topic, and owner of the position that orders its writers.
pub const CATALOGUE_TOPIC: &str = "__catalog";

const FETCH_BYTES: usize = 1 << 20;

/// What is stored of an object.
#[derive(serde::Serialize, serde::Deserialize)]
struct Stored {
    name: String,
    kind: ObjectKind,
    sql: String,
    /// Orders the objects; those that others depend on usually come first.
    version: u64,
    /// Of a materialised view: the columns that identify its rows, as planning found them; none of them if rows are
    /// counted.
    #[serde(default)]
    key: Option<Vec<String>>,
}

fn partition() -> TopicPartition {
    TopicPartition::new(CATALOGUE_TOPIC, 0)
}

/// Writes a change that follows `version` earlier ones; returns the number of its commit.
pub(super) fn write(log: &Log, definition: &Definition, version: u64) -> Result<u64> {
    ensure_topic(log)?;
    let object = &definition.object;
    let stored = Stored {
        name: object.name.clone(),
        kind: object.kind,
        sql: object.sql.clone(),
        version: version + 1,
        key: view_key(object),
    };
    let value = serde_json::to_vec(&stored)
        .map_err(|e| SqlError::new(SqlErrorKind::Bug, format!("a statement has no JSON: {e}")))?;
    let record = Record {
        key: Some(Bytes::from(object.name.clone())),
        value: (!definition.drop).then(|| Bytes::from(value)),
        ..Record::default()
    };
    let expected = (version > 0).then(|| Bytes::from(version.to_string()));
    let commit = Commit::new()
        .append(partition(), [record])
        .when(Condition::Position {
            owner: CATALOGUE_TOPIC.to_owned(),
            expected,
        })
        .position(CATALOGUE_TOPIC, (version + 1).to_string());
    match log.commit(commit) {
        Ok(receipt) => Ok(receipt.number.0),
        Err(e) if e.kind() == ErrorKind::Conflict => Err(SqlError::new(
            SqlErrorKind::Conflict,
            "the catalogue was changed by another writer",
        )
        .with_hint("run the statement again")),
        Err(e) => Err(e.into()),
    }
}

/// The key of a materialised view; `None` if it only grows.
fn view_key(object: &Object) -> Option<Vec<String>> {
    let table = object.table.as_ref()?;
    let is_keyed = object.kind == ObjectKind::MaterializedView && table.changes == Changes::Upsert;
    is_keyed.then(|| match table.is_counted() {
        true => Vec::new(),
        false => table.primary_key.clone(),
    })
}

fn ensure_topic(log: &Log) -> Result<()> {
    if log.topic(CATALOGUE_TOPIC).is_some() {
        return Ok(());
    }
    let config = TopicConfig {
        cleanup: Cleanup {
            compact: true,
            ..Cleanup::default()
        },
        internal: true,
        ..TopicConfig::default()
    };
    log.create_topic(CATALOGUE_TOPIC, config)?;
    Ok(())
}

/// The objects that the topic holds, and how many changes there have been.
pub(super) fn load(log: &Log) -> Result<(Objects, u64)> {
    let version = match log.position(CATALOGUE_TOPIC) {
        Some(bytes) => std::str::from_utf8(&bytes)
            .ok()
            .and_then(|text| text.parse().ok())
            .ok_or_else(|| damaged("its version is not a number"))?,
        None => 0,
    };
    let mut stored: Vec<(Stored, u64)> = read(log)?.into_values().collect();
    stored.sort_by_key(|(s, _)| s.version);
    Ok((define_all(stored)?, version))
}

/// The newest record of each name, with the number of its commit.
fn read(log: &Log) -> Result<BTreeMap<String, (Stored, u64)>> {
    let mut found = BTreeMap::new();
    if log.topic(CATALOGUE_TOPIC).is_none() {
        return Ok(found);
    }
    let bounds = log.bounds(&partition())?;
    let mut next = bounds.start;
    while next < bounds.end {
        let fetched = log.fetch(&partition(), next, FETCH_BYTES)?;
        let Some(last) = fetched.batches.last() else {
            break;
        };
        next = Offset(last.next_offset().0.max(next.0 + 1));
        for (batch, commit) in fetched.batches.iter().zip(&fetched.commits) {
            batch.try_for_each::<SqlError>(|record| {
                let record = record.to_record();
                let key = record.key.as_deref().unwrap_or_default();
                let name = String::from_utf8_lossy(key).into_owned();
                match record.value {
                    Some(value) => {
                        let stored = serde_json::from_slice::<Stored>(&value)
                            .map_err(|e| damaged(&e.to_string()))?;
                        found.insert(name, (stored, commit.0));
                    }
                    None => drop(found.remove(&name)),
                }
                Ok(())
            })?;
        }
    }
    Ok(found)
}

fn damaged(why: &str) -> SqlError {
    SqlError::new(
        SqlErrorKind::Unavailable,
        format!("the catalogue's topic is damaged: {why}"),
    )
}

/// Plans the stored statements. One that needs an object which was replaced after it waits until that is there.
fn define_all(mut pending: Vec<(Stored, u64)>) -> Result<Objects> {
    let mut session = Session::new(Catalogue::in_memory(), Registry::default());
    let mut objects = Objects::new();
    while !pending.is_empty() {
        let before = pending.len();
        let mut failed = Vec::new();
        let mut why = None;
        for (stored, commit) in pending {
            match define(&mut session, &stored, commit) {
                Ok(object) => {
                    objects.insert(object.name.clone(), Arc::new(object));
                }
                Err(e) => {
                    why = Some(e);
                    failed.push((stored, commit));
                }
            }
        }
        pending = failed;
        if pending.len() == before {
            // What it needs was dropped: it is kept, so that it can be shown and dropped, but means nothing.
            for (stored, commit) in std::mem::take(&mut pending) {
                tracing::warn!(object = stored.name, error = ?why, "object of the catalogue is broken");
                objects.insert(stored.name.clone(), Arc::new(broken(stored, commit)));
            }
        }
    }
    Ok(objects)
}

fn define(session: &mut Session, stored: &Stored, commit: u64) -> Result<Object> {
    let statements = parse(&stored.sql)?;
    let [statement] = statements.as_slice() else {
        return Err(damaged("an object is not one statement"));
    };
    let definition = match session.plan(statement)? {
        Planned::Define(definition) => Some(definition),
        Planned::Pipeline(pipeline) => pipeline.definition,
        _ => None,
    };
    let Some(mut definition) = definition else {
        return Err(damaged("an object is not a CREATE statement"));
    };
    definition.object.commit = commit;
    if stored.kind == ObjectKind::MaterializedView
        && let Some(table) = &mut definition.object.table
    {
        let table = Arc::make_mut(table);
        match &stored.key {
            Some(key) if key.is_empty() => crate::planner::count_rows(table),
            Some(key) => table.primary_key.clone_from(key),
            None => table.changes = Changes::Append,
        }
    }
    session.apply(&definition)?;
    Ok(definition.object)
}

fn broken(stored: Stored, commit: u64) -> Object {
    Object {
        name: stored.name,
        kind: stored.kind,
        sql: stored.sql,
        table: None,
        query: None,
        columns: Vec::new(),
        commit,
    }
}
