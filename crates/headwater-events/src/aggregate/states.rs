//! A state, or several that are decided from together.

use headwater_log::Query;

use super::load::{Loaded, load};
use super::state::{State, stream_of};
use crate::error::Result;
use crate::event::Position;
use crate::store::{Append, Condition, Expected, Store, Write};

/// What a state was made of: nothing of this may have come or changed when a decision from it is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Boundary {
    /// The stream, at this version.
    Stream {
        /// Its name.
        stream: String,
        /// What it must have.
        expected: Expected,
    },
    /// All events that match, before this place.
    Query {
        /// Which events.
        query: Query,
        /// The place up to which it has seen everything.
        from: Position,
    },
}

impl Boundary {
    /// Makes an append depend on it.
    pub(crate) fn guard(self, append: &mut Append) {
        match self {
            Self::Query { query, from } => {
                append.conditions.push(Condition::NoneSince { query, from });
            }
            Self::Stream { stream, expected } => {
                match append.writes.iter_mut().find(|w| w.stream == stream) {
                    Some(write) => write.expected = expected,
                    None => append.writes.push(Write {
                        stream,
                        expected,
                        ..Write::default()
                    }),
                }
            }
        }
    }
}

/// One [`State`] or a tuple of up to four.
pub trait States: Sized + Send + Sync {
    /// Their ids: a text, or as many texts.
    type Ids<'a>: Copy + Send + Sync;

    /// Reads them as they are at one moment.
    fn load<'a>(
        store: &'a Store,
        ids: Self::Ids<'a>,
    ) -> impl Future<Output = Result<(Self, Vec<Boundary>)>> + Send + 'a;

    /// The stream of the first of them.
    fn home(ids: Self::Ids<'_>) -> String;
}

impl<S: State> States for S {
    type Ids<'a> = &'a str;

    async fn load<'a>(store: &'a Store, id: &'a str) -> Result<(Self, Vec<Boundary>)> {
        let Loaded {
            state, boundary, ..
        } = load(store, id, None).await?;
        Ok((state, vec![boundary]))
    }

    fn home(id: &str) -> String {
        stream_of::<S>(id)
    }
}

macro_rules! tuple {
    ($($state:ident $id:ident $at:tt $text:ty),+) => {
        impl<$($state: State),+> States for ($($state,)+) {
            type Ids<'a> = ($(&'a $text,)+);

            async fn load<'a>(store: &'a Store, ids: Self::Ids<'a>) -> Result<(Self, Vec<Boundary>)> {
                // What has come after this moment is left out everywhere, so that no decision is made from half a change.
                let cut = store.end().await?;
                $(let $id = load::<$state>(store, ids.$at, Some(cut)).await?;)+
                Ok((($($id.state,)+), vec![$($id.boundary),+]))
            }

            fn home(ids: Self::Ids<'_>) -> String {
                stream_of::<A>(ids.0)
            }
        }
    };
}

tuple!(A a 0 str);
tuple!(A a 0 str, B b 1 str);
tuple!(A a 0 str, B b 1 str, C c 2 str);
tuple!(A a 0 str, B b 1 str, C c 2 str, D d 3 str);
