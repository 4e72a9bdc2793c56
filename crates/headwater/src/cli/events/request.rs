//! What is asked about event stores.

use headwater_log::{Timestamp, Version};
use serde::{Deserialize, Serialize};

/// A question or an order about event stores.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "about", rename_all = "kebab-case")]
pub(crate) enum EventsRequest {
    /// Append events; a row of `version`, `position` and `repeated`.
    Append {
        /// The store.
        stream: String,
        /// The entity.
        key: String,
        /// The version that it must have.
        expected: Expected,
        /// The events.
        events: Vec<EventLine>,
    },
    /// The events of an entity, as rows.
    Read {
        /// The store.
        stream: String,
        /// The entity.
        key: String,
        /// The version to begin with.
        from: Option<u64>,
        /// Where to end.
        until: Option<Until>,
        /// Whether the newest comes first.
        backward: bool,
        /// At most so many.
        num: Option<usize>,
    },
    /// The stores, as rows.
    Stores,
    /// The entities of a store, as rows.
    Keys {
        /// The store.
        stream: String,
        /// What their keys begin with.
        prefix: String,
    },
    /// What the events of an entity add up to, as a row; or what each has changed, as rows.
    Entity {
        /// The store.
        stream: String,
        /// The entity.
        key: String,
        /// As of when.
        at: At,
        /// Whether the changes are wanted.
        diff: bool,
    },
    /// The projections, as rows.
    Projections,
    /// Have a projection built anew.
    Rebuild {
        /// Its name.
        name: String,
    },
    /// Run sagas.
    SagaRun {
        /// The store that they are in.
        store: String,
        /// The definition.
        definition: String,
        /// Sagas to start.
        starts: Vec<SagaStart>,
        /// Whether it goes on when all have ended.
        stay: bool,
    },
    /// The sagas, as rows.
    Sagas {
        /// The store that they are in.
        store: String,
        /// Only those that have not ended.
        open: bool,
    },
    /// The steps of a saga, as rows.
    SagaSteps {
        /// The store that it is in.
        store: String,
        /// The saga.
        id: String,
    },
    /// Do with a saga what somebody wishes.
    SagaOperate {
        /// The store that it is in.
        store: String,
        /// The saga.
        id: String,
        /// What.
        wish: SagaWish,
    },
}

impl EventsRequest {
    /// Whether the answer comes to an orderly end when whoever asked wants it to.
    pub(crate) fn can_be_stopped(&self) -> bool {
        matches!(self, Self::SagaRun { .. })
    }
}

/// The version that an entity must have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Expected {
    /// Any.
    Any,
    /// It has no events.
    None,
    /// It has events.
    Exists,
    /// This one.
    Version(u64),
}

impl std::str::FromStr for Expected {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "any" => Ok(Self::Any),
            "none" => Ok(Self::None),
            "exists" => Ok(Self::Exists),
            number => match number.parse() {
                Ok(version) => Ok(Self::Version(version)),
                Err(_) => Err("not any, none, exists or a version".to_owned()),
            },
        }
    }
}

impl From<Expected> for headwater_events::Expected {
    fn from(expected: Expected) -> Self {
        match expected {
            Expected::Any => Self::Any,
            Expected::None => Self::NoStream,
            Expected::Exists => Self::Exists,
            Expected::Version(version) => Self::Exact(Version(version)),
        }
    }
}

/// Where the reading of an entity ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Until {
    /// With this version.
    Version(u64),
    /// Before what was stored later than this.
    Time(Timestamp),
}

/// As of when something is shown; `None`: now.
pub(crate) type At = Option<Until>;

impl From<Until> for headwater_events::Until {
    fn from(until: Until) -> Self {
        match until {
            Until::Version(version) => Self::Version(Version(version)),
            Until::Time(time) => Self::Time(time),
        }
    }
}

/// An event to be appended. `data` and `metadata` are JSON texts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct EventLine {
    pub(crate) kind: String,
    pub(crate) data: String,
    pub(crate) id: Option<String>,
    pub(crate) metadata: Option<String>,
    pub(crate) tags: Vec<String>,
    pub(crate) correlation: Option<String>,
    pub(crate) causation: Option<String>,
    pub(crate) schema: u32,
}

/// A saga to be started.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct SagaStart {
    /// Its id.
    pub(crate) id: String,
    /// What it is given.
    #[serde(default)]
    pub(crate) input: serde_json::Value,
}

/// What a person wishes of a saga.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum SagaWish {
    /// The step that it is at is tried anew.
    Retry,
    /// The step that it is at is taken for done.
    Skip,
    /// What was done is taken back, for this reason.
    Compensate(String),
}
