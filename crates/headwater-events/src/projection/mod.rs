//! Projections: views that follow the events, each at its own pace.
//!
//! A [`View`] holds what was made of the events and the position up to which it was; a [`Projector`] reads events, applies
//! them, parks those that cannot be applied, and says how far it is. A rebuilt view runs beside the old one and then
//! [takes its place](swap).

mod handler;
mod info;
mod log_view;
mod parked;
mod progress;
mod projector;
mod rebuilding;
mod running;
mod swap;
mod view;

pub use handler::{Delivery, Handler, HandlerView};
pub use info::{ProjectionInfo, projections};
pub use log_view::LogView;
pub use parked::Parked;
pub use progress::{Progress, Status};
pub use projector::{Projector, Turn};
pub use rebuilding::{Rebuilding, ask_for_rebuild};
pub use running::Running;
pub use swap::swap;
pub use view::{Batch, ProjectionId, View};
#[cfg(feature = "postgres")]
pub(crate) use view::{decode, encode};

/// Errors of code that is not ours.
pub type BoxError = Box<dyn std::error::Error + Send + Sync>;
