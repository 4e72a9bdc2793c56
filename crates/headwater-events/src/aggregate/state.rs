//! [`State`].

use headwater_log::{Query, QueryItem};

use super::snapshots::Snapshotting;
use crate::typed::Event;

/// Which events a state is made of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// Those of one stream.
    Stream(String),
    /// Those that match a query, of whatever streams.
    Query(Query),
}

impl Source {
    /// The events of type `E` that have all of some tags.
    pub fn tagged<E: Event>(tags: impl IntoIterator<Item = impl Into<String>>) -> Self {
        let types = E::types().iter().map(|t| (*t).to_owned());
        let item = QueryItem {
            types: types.collect(),
            tags: tags.into_iter().map(Into::into).collect(),
        };
        Self::Query(Query { items: vec![item] })
    }
}

/// What has become of something by its events: an aggregate, or any other thing that decisions are made from. Pure.
///
/// ```
/// use headwater_events::{Event, State};
/// use serde::{Deserialize, Serialize};
///
/// #[derive(Serialize, Deserialize)]
/// enum AccountEvent { Deposited { amount: u64 }, Withdrawn { amount: u64 } }
/// impl Event for AccountEvent {}
///
/// #[derive(Debug, PartialEq)]
/// struct Account { balance: u64 }
/// impl State for Account {
///     const NAME: &'static str = "account";
///     type Event = AccountEvent;
///     fn initial(_: &str) -> Self { Self { balance: 0 } }
///     fn evolve(&mut self, event: &AccountEvent) {
///         match event {
///             AccountEvent::Deposited { amount } => self.balance += amount,
///             AccountEvent::Withdrawn { amount } => self.balance -= amount,
///         }
///     }
/// }
///
/// let mut account = Account::initial("7");
/// account.evolve(&AccountEvent::Deposited { amount: 5 });
/// assert_eq!(account, Account { balance: 5 });
/// ```
pub trait State: Sized + Send + Sync + 'static {
    /// What it is a state of, such as `account`: its stream is `account-<id>`.
    const NAME: &'static str;
    /// The events that it is made of.
    type Event: Event;

    /// How it is before its first event.
    fn initial(id: &str) -> Self;

    /// What an event makes of it. An event is a fact: it cannot be refused here.
    fn evolve(&mut self, event: &Self::Event);

    /// Which events it is made of: those of its stream, or those that have certain tags.
    fn source(id: &str) -> Source {
        Source::Stream(stream_of::<Self>(id))
    }

    /// How it is saved, so that not all events are read each time; by default it is not.
    fn snapshots() -> Option<Snapshotting<Self>> {
        None
    }
}

/// The stream of a state.
pub(crate) fn stream_of<S: State>(id: &str) -> String {
    format!("{}-{id}", S::NAME)
}
