//! [`Event`].

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::shape::Shaped;
use super::{parse, split, variants};
use crate::error::{Error, Result};
use crate::event::{NewEvent, Recorded};

/// The events of a part of the domain: an enum that serde derives, whose variants are the event types.
///
/// A variant's name, or what `#[serde(rename)]` makes of it, is the type of the event; `#[serde(alias)]` reads older names.
/// Its fields are the data. Nothing else has to be said, unless an event has tags or its data once had another shape.
///
/// ```
/// use headwater_events::Event;
/// use serde::{Deserialize, Serialize};
///
/// #[derive(Serialize, Deserialize)]
/// enum Account {
///     #[serde(rename = "account.opened")]
///     Opened { owner: String },
///     #[serde(rename = "account.closed")]
///     Closed,
/// }
/// impl Event for Account {}
///
/// assert_eq!(Account::types(), ["account.opened", "account.closed"]);
/// let new = Account::Opened { owner: "Ada".into() }.to_new()?;
/// assert_eq!((new.kind.as_str(), &new.data[..]), ("account.opened", &br#"{"owner":"Ada"}"#[..]));
/// # Ok::<(), headwater_events::Error>(())
/// ```
pub trait Event: Serialize + DeserializeOwned + Send + Sync + 'static {
    /// The event types whose data have had more than one shape.
    const SHAPES: &'static [Shaped<Self>] = &[];

    /// What the event can be found by besides its type.
    fn tags(&self) -> Vec<String> {
        Vec::new()
    }

    /// The event types, older names included.
    fn types() -> &'static [&'static str] {
        variants::of::<Self>()
    }

    /// The event as it is to be stored.
    ///
    /// # Errors
    /// `Invalid` if it is no enum or cannot be written as JSON.
    fn to_new(&self) -> Result<NewEvent> {
        let (kind, data) = split::split(self).map_err(|e| {
            let name = std::any::type_name::<Self>();
            Error::invalid(format!("event of {name:?} cannot be written")).with_source(e)
        })?;
        let mut new = NewEvent::new(kind, data);
        new.schema = Self::SHAPES
            .iter()
            .find(|s| s.kind == kind)
            .map_or(1, |s| s.version);
        new.tags = self.tags();
        Ok(new)
    }

    /// The event in what was stored.
    ///
    /// # Errors
    /// `Corrupt`, naming stream, place and type, if the type is unknown or the data have no shape that is known.
    fn decode(event: &Recorded) -> Result<Self> {
        // Serde knows the types too; they are asked for only to say what is wrong.
        let is_known = || Self::types().contains(&event.kind.as_str());
        let unknown = || event.undecodable("is of an unknown type");
        let shaped = Self::SHAPES.iter().find(|s| s.kind == event.kind);
        let newest = shaped.map_or(1, |s| s.version);
        if event.schema == 0 || event.schema > newest {
            let why = format!("has schema {}; {newest} is the newest known", event.schema);
            return Err(match is_known() {
                true => event.undecodable(&why),
                false => unknown(),
            });
        }
        let decoded = match shaped {
            Some(shaped) => (shaped.decode)(event.schema, &event.data),
            None => parse::parse(&event.kind, &event.data),
        };
        decoded.map_err(|e| match is_known() {
            true => event.undecodable("cannot be read").with_source(e),
            false => unknown(),
        })
    }
}
