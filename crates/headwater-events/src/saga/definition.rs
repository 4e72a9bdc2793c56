//! What a saga does: steps in order, each with its compensation. Plain data, written in Rust or read from a file; it is
//! recorded before the first saga runs by it.

use std::collections::{BTreeMap, HashSet};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::stream::Presence;
use super::{duration, template};
use crate::error::{Error, Result};

/// What a saga does. Another version is another definition: sagas that run go on by the one that they began with.
///
/// ```
/// use headwater_events::{Definition, Step};
/// use serde_json::json;
/// let order = Definition::new("order", 1)
///     .step(Step::new("reserve", "stock", "reserve").undo("release").input(json!({"item": "$.input.item"})))
///     .step(Step::new("pay", "bank", "charge").input(json!({"reservation": "$.steps.reserve.id"})));
/// order.check()?;
///
/// let same = Definition::from_toml(r#"
///     name = "order"
///     version = 1
///     [[steps]]
///     name = "reserve"
///     participant = "stock"
///     do = "reserve"
///     undo = "release"
///     input = { item = "$.input.item" }
///     [[steps]]
///     name = "pay"
///     participant = "bank"
///     do = "charge"
///     input = { reservation = "$.steps.reserve.id" }
/// "#)?;
/// assert_eq!(order, same);
/// # Ok::<(), headwater_events::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Definition {
    /// Its name.
    pub name: String,
    /// Its version, from 1.
    pub version: u32,
    /// The steps, in order.
    pub steps: Vec<Step>,
    /// Where participants are that are no code.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub participants: BTreeMap<String, ParticipantAddress>,
}

/// Where a participant is that is no code.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged, deny_unknown_fields)]
pub enum ParticipantAddress {
    /// An HTTP endpoint: a call is a `POST` to `<url>/<action>`.
    Http {
        /// Its address.
        url: String,
    },
    /// A service that reads calls from one topic and answers on another.
    Topic {
        /// Where calls go.
        topic: String,
        /// Where answers come from.
        replies: String,
    },
    /// The entities of an event store in the same log: a call is an event.
    Stream {
        /// The store.
        stream: String,
        /// The field of the input that names the entity.
        key: String,
        /// What the entity must be for a step to be done.
        #[serde(default)]
        entity: Presence,
    },
}

/// A step of a saga. In its inputs, a text that begins with `$.` stands for a value: `$.saga` is the saga's id, `$.input.x`
/// a part of its input, `$.steps.s.x` a part of what step `s` gave.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Step {
    /// Its name.
    pub name: String,
    /// Who does it.
    pub participant: String,
    /// What is asked of the participant.
    #[serde(rename = "do")]
    pub action: String,
    /// What takes it back; `None`: nothing has to be.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub undo: Option<String>,
    /// What the participant is given.
    #[serde(default)]
    pub input: Value,
    /// What it is given to take it back; `None`: `{"input": …, "output": …}` of the step.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub undo_input: Option<Value>,
    /// How long an answer is waited for.
    #[serde(default = "default_timeout", with = "duration")]
    pub timeout: Duration,
    /// How often and when it is tried again.
    #[serde(default)]
    pub retry: Retry,
}

/// How often and when a step is tried again.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Retry {
    /// How often it is tried in all.
    pub attempts: u32,
    /// How long until the second attempt.
    #[serde(with = "duration")]
    pub first: Duration,
    /// How much longer it is each time.
    pub factor: f64,
    /// How long it is at most.
    #[serde(with = "duration")]
    pub max: Duration,
}

impl Default for Retry {
    /// Five attempts within about three seconds.
    fn default() -> Self {
        Self {
            attempts: 5,
            first: Duration::from_millis(200),
            factor: 2.0,
            max: Duration::from_secs(30),
        }
    }
}

fn default_timeout() -> Duration {
    Duration::from_secs(30)
}

impl Retry {
    /// How long until the attempt after the one numbered `attempt`, from 1.
    pub(super) fn pause(&self, attempt: u32) -> Duration {
        let exponent = i32::try_from(attempt.saturating_sub(1)).unwrap_or(i32::MAX);
        let seconds = self.first.as_secs_f64() * self.factor.powi(exponent);
        Duration::from_secs_f64(seconds.clamp(0.0, self.max.as_secs_f64()))
    }
}

impl Step {
    /// A step that has `participant` do `action`.
    pub fn new(
        name: impl Into<String>,
        participant: impl Into<String>,
        action: impl Into<String>,
    ) -> Self {
        Self {
            name: name.into(),
            participant: participant.into(),
            action: action.into(),
            undo: None,
            input: Value::Null,
            undo_input: None,
            timeout: default_timeout(),
            retry: Retry::default(),
        }
    }

    /// What takes it back.
    #[must_use]
    pub fn undo(mut self, action: impl Into<String>) -> Self {
        self.undo = Some(action.into());
        self
    }

    /// What the participant is given.
    #[must_use]
    pub fn input(mut self, template: Value) -> Self {
        self.input = template;
        self
    }

    /// How long an answer is waited for.
    #[must_use]
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// How often and when it is tried again.
    #[must_use]
    pub fn retry(mut self, retry: Retry) -> Self {
        self.retry = retry;
        self
    }
}

impl Definition {
    /// A definition without steps.
    pub fn new(name: impl Into<String>, version: u32) -> Self {
        Self {
            name: name.into(),
            version,
            steps: Vec::new(),
            participants: BTreeMap::new(),
        }
    }

    /// Adds a step.
    #[must_use]
    pub fn step(mut self, step: Step) -> Self {
        self.steps.push(step);
        self
    }

    /// Reads a definition from a file's text.
    ///
    /// # Errors
    /// `Invalid`, with line and column.
    pub fn from_toml(text: &str) -> Result<Self> {
        let definition: Self = toml::from_str(text)
            .map_err(|e| Error::invalid("definition of a saga cannot be read").with_source(e))?;
        definition.check()?;
        Ok(definition)
    }

    /// # Errors
    /// `Invalid` if no saga can run by it.
    pub fn check(&self) -> Result<()> {
        let wrong = |what: String| Err(Error::invalid(format!("saga {:?}: {what}", self.name)));
        if !is_name(&self.name) {
            return wrong("its name has letters, digits, - _ and . only".to_owned());
        }
        if self.steps.is_empty() {
            return wrong("it has no steps".to_owned());
        }
        if self.version == 0 {
            return wrong("versions begin with 1".to_owned());
        }
        for (name, address) in &self.participants {
            if let ParticipantAddress::Http { url } = address
                && !url.starts_with("http://")
                && !url.starts_with("https://")
            {
                return wrong(format!(
                    "participant {name:?}: {url:?} is no address of HTTP"
                ));
            }
        }
        let mut earlier = HashSet::new();
        for step in &self.steps {
            let name = step.name.as_str();
            if !is_name(name) {
                return wrong(format!("{name:?} cannot be the name of a step"));
            }
            if step.retry.attempts == 0 || !step.retry.factor.is_finite() {
                return wrong(format!("step {name:?} is tried at least once"));
            }
            if let Err(path) = template::check(&step.input, &earlier) {
                return wrong(format!("step {name:?} has no value for {path:?}"));
            }
            if !earlier.insert(name) {
                return wrong(format!("two steps are named {name:?}"));
            }
        }
        Ok(())
    }

    /// A step by its name.
    pub(super) fn step_named(&self, name: &str) -> Option<&Step> {
        self.steps.iter().find(|step| step.name == name)
    }

    /// `name@version`.
    pub(super) fn id(&self) -> String {
        format!("{}@{}", self.name, self.version)
    }
}

/// Whether it can be part of a key.
pub(super) fn is_name(name: &str) -> bool {
    !name.is_empty()
        && name
            .chars()
            .all(|c| c.is_alphanumeric() || "-_.:".contains(c))
}
