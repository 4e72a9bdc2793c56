//! From the catalogue's topic to what it adds up to.

use std::collections::BTreeMap;
use std::sync::Arc;

use headwater_flow::connector::Registry;
use headwater_flow::plan::Changes;
use headwater_log::{Log, Offset};

use super::job::Job;
use super::object::Object;
use super::record::{CATALOGUE_TOPIC, Kind, Stored, partition};
use super::state::{Catalogue, Fold, Objects};
use crate::error::{Result, SqlError, SqlErrorKind};
use crate::session::{Planned, Session};
use crate::statement::{ObjectKind, parse};

const FETCH_BYTES: usize = 1 << 20;

/// The objects and jobs that the topic holds, and how many changes there have been.
pub(super) fn load(log: &Log) -> Result<(Fold, u64)> {
    let version = match log.position(CATALOGUE_TOPIC) {
        Some(bytes) => std::str::from_utf8(&bytes)
            .ok()
            .and_then(|text| text.parse().ok())
            .ok_or_else(|| damaged("its version is not a number"))?,
        None => 0,
    };
    let mut stored: Vec<(Stored, u64)> = read(log)?.into_values().collect();
    stored.sort_by_key(|(s, _)| s.version);
    let (jobs, objects): (Vec<_>, Vec<_>) =
        stored.into_iter().partition(|(s, _)| s.kind == Kind::Job);
    let job = |stored: Stored| {
        let job = Job {
            name: stored.name,
            sql: stored.sql,
            is_suspended: stored.suspended,
            is_temporary: false,
        };
        (job.name.clone(), Arc::new(job))
    };
    let fold = Fold {
        objects: Arc::new(define_all(objects)?),
        jobs: jobs.into_iter().map(|(s, _)| job(s)).collect(),
    };
    Ok((fold, version))
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
    definition.object.is_suspended = stored.suspended;
    if stored.kind == Kind::MaterializedView
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
        kind: match stored.kind {
            Kind::Table | Kind::Job => ObjectKind::Table,
            Kind::View => ObjectKind::View,
            Kind::MaterializedView => ObjectKind::MaterializedView,
        },
        sql: stored.sql,
        table: None,
        query: None,
        columns: Vec::new(),
        is_suspended: stored.suspended,
        commit,
    }
}
