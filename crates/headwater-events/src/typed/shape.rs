//! Upcasting: how data that were stored in an older shape become the newest one, as a chain of typed steps.

use serde::Serialize;
use serde::de::DeserializeOwned;

/// One shape that the data of an event type have had. Each knows the one before it and how to be made from it; that no
/// step is missing is checked when the program is compiled.
///
/// ```
/// use headwater_events::{Event, Shape, Shaped};
/// use serde::{Deserialize, Serialize};
///
/// #[derive(Serialize, Deserialize)]
/// struct PlacedV1 { total: u64 }
/// #[derive(Serialize, Deserialize)]
/// struct Placed { total: u64, currency: String }
///
/// impl From<PlacedV1> for Placed {
///     fn from(old: PlacedV1) -> Self {
///         Self { total: old.total, currency: "EUR".into() }
///     }
/// }
/// impl Shape for PlacedV1 { const VERSION: u32 = 1; type Previous = Self; }
/// impl Shape for Placed { const VERSION: u32 = 2; type Previous = PlacedV1; }
///
/// #[derive(Serialize, Deserialize)]
/// enum Order { #[serde(rename = "order.placed")] Placed(Placed) }
/// impl From<Placed> for Order {
///     fn from(placed: Placed) -> Self { Self::Placed(placed) }
/// }
/// impl Event for Order {
///     const SHAPES: &'static [Shaped<Self>] = &[Shaped::of::<Placed>("order.placed")];
/// }
/// ```
///
/// A hole in the chain does not compile:
///
/// ```compile_fail
/// use headwater_events::{Event, Shape, Shaped};
/// use serde::{Deserialize, Serialize};
///
/// #[derive(Serialize, Deserialize)]
/// struct PlacedV1 { total: u64 }
/// #[derive(Serialize, Deserialize)]
/// struct Placed { total: u64 }
/// impl From<PlacedV1> for Placed {
///     fn from(old: PlacedV1) -> Self { Self { total: old.total } }
/// }
/// impl Shape for PlacedV1 { const VERSION: u32 = 1; type Previous = Self; }
/// impl Shape for Placed { const VERSION: u32 = 3; type Previous = PlacedV1; }
///
/// #[derive(Serialize, Deserialize)]
/// enum Order { Placed(Placed) }
/// impl From<Placed> for Order {
///     fn from(placed: Placed) -> Self { Self::Placed(placed) }
/// }
/// impl Event for Order {
///     const SHAPES: &'static [Shaped<Self>] = &[Shaped::of::<Placed>("Placed")];
/// }
/// assert_eq!(Order::SHAPES.len(), 1);
/// ```
pub trait Shape: Serialize + DeserializeOwned + 'static {
    /// Its number: 1 for the first, one more than the previous one's for the others.
    const VERSION: u32;
    /// The shape before it; the first names itself.
    type Previous: Shape + Into<Self>;
}

/// An event type whose data have had more than one shape.
#[derive(Debug)]
pub struct Shaped<E> {
    pub(super) kind: &'static str,
    pub(super) version: u32,
    pub(super) decode: fn(u32, &[u8]) -> serde_json::Result<E>,
}

impl<E> Shaped<E> {
    /// The event type `kind`, whose data now have the shape `S`.
    pub const fn of<S: Shape>(kind: &'static str) -> Self
    where
        E: From<S>,
    {
        const { check::<S>() };
        Self {
            kind,
            version: S::VERSION,
            decode: |version, data| newest::<S>(version, data).map(E::from),
        }
    }
}

const fn check<S: Shape>() {
    let previous = <S::Previous as Shape>::VERSION;
    let is_first = S::VERSION == 1 && previous == 1;
    assert!(
        is_first || S::VERSION == previous + 1,
        "a shape's version is one more than that of the shape before it"
    );
}

/// Reads data of some version and makes the shape `S` of them.
fn newest<S: Shape>(version: u32, data: &[u8]) -> serde_json::Result<S> {
    const { check::<S>() };
    if version >= S::VERSION || S::VERSION == 1 {
        return serde_json::from_slice(data);
    }
    newest::<S::Previous>(version, data).map(Into::into)
}
