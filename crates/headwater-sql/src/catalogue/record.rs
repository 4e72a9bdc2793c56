//! The catalogue's topic: one record a change, keyed by the object's or job's name; a tombstone drops it. The value is
//! JSON with the statement, which is parsed and planned anew when the topic is read.

use bytes::Bytes;
use headwater_flow::plan::Changes;
use headwater_log::{
    Cleanup, Commit, Condition, ErrorKind, Log, Record, TopicConfig, TopicPartition,
};

use super::job::Job;
use super::object::Object;
use crate::error::{Result, SqlError, SqlErrorKind};
use crate::statement::ObjectKind;

/// Name of the topic, and owner of the position that orders its writers.
pub const CATALOGUE_TOPIC: &str = "__catalog";

/// Before the key of a job's record; no name of an object has such a character.
const JOB_KEY: char = '\0';

/// Owner of the position that says that something was dropped whose state may still be there.
pub(super) const DROPPED: &str = "dropped/";

/// A change of the catalogue.
pub(super) enum Change<'a> {
    /// An object is there, or is another.
    Object(&'a Object),
    /// An object is dropped.
    DropObject(&'a Object),
    /// A job is there, or is suspended or resumed.
    Job(&'a Job),
    /// A job is stopped for good.
    DropJob(&'a str),
}

impl Change<'_> {
    fn key(&self) -> String {
        match self {
            Self::Object(object) | Self::DropObject(object) => object.name.clone(),
            Self::Job(Job { name, .. }) => format!("{JOB_KEY}{name}"),
            Self::DropJob(name) => format!("{JOB_KEY}{name}"),
        }
    }

    /// What is stored of it; `None`: it is dropped.
    fn stored(&self, version: u64) -> Option<Stored> {
        match self {
            Self::Object(object) => Some(Stored {
                name: object.name.clone(),
                kind: object.kind.into(),
                sql: object.sql.clone(),
                version,
                key: view_key(object),
                suspended: object.is_suspended,
            }),
            Self::Job(job) => Some(Stored {
                name: job.name.clone(),
                kind: Kind::Job,
                sql: job.sql.clone(),
                version,
                key: None,
                suspended: job.is_suspended,
            }),
            Self::DropObject(_) | Self::DropJob(_) => None,
        }
    }

    /// The pipeline that is dropped, and whether it kept a view.
    fn dropped_pipeline(&self) -> Option<(&str, bool)> {
        match self {
            Self::DropObject(object) if object.kind == ObjectKind::MaterializedView => {
                Some((&object.name, true))
            }
            Self::DropJob(name) => Some((name, false)),
            _ => None,
        }
    }
}

/// What a record is about.
#[derive(Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Kind {
    Table,
    View,
    MaterializedView,
    Job,
}

impl From<ObjectKind> for Kind {
    fn from(kind: ObjectKind) -> Self {
        match kind {
            ObjectKind::Table => Self::Table,
            ObjectKind::View => Self::View,
            ObjectKind::MaterializedView => Self::MaterializedView,
        }
    }
}

/// What is stored of an object or job.
#[derive(serde::Serialize, serde::Deserialize)]
pub(super) struct Stored {
    pub(super) name: String,
    pub(super) kind: Kind,
    pub(super) sql: String,
    /// Orders the objects; those that others depend on usually come first.
    pub(super) version: u64,
    /// Of a materialised view: the columns that identify its rows, as planning found them; none of them if rows are
    /// counted.
    #[serde(default)]
    pub(super) key: Option<Vec<String>>,
    /// Of a job or materialised view: it waits to be resumed.
    #[serde(default)]
    pub(super) suspended: bool,
}

pub(super) fn partition() -> TopicPartition {
    TopicPartition::new(CATALOGUE_TOPIC, 0)
}

/// Writes a change that follows `version` earlier ones; returns the number of its commit.
pub(super) fn write(log: &Log, change: &Change<'_>, version: u64) -> Result<u64> {
    ensure_topic(log)?;
    let encode = |stored| {
        serde_json::to_vec(&stored)
            .map_err(|e| SqlError::new(SqlErrorKind::Bug, format!("a statement has no JSON: {e}")))
    };
    let value = change.stored(version + 1).map(encode).transpose()?;
    let record = Record {
        key: Some(Bytes::from(change.key())),
        value: value.map(Bytes::from),
        ..Record::default()
    };
    let expected = (version > 0).then(|| Bytes::from(version.to_string()));
    let mut commit = Commit::new()
        .append(partition(), [record])
        .when(Condition::Position {
            owner: CATALOGUE_TOPIC.to_owned(),
            expected,
        })
        .position(CATALOGUE_TOPIC, (version + 1).to_string());
    if let Some((name, is_view)) = change.dropped_pipeline() {
        commit = commit.position(
            format!("{DROPPED}{name}"),
            if is_view { "view" } else { "job" },
        );
    }
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
