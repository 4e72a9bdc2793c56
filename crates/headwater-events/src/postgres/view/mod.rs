//! Projections into tables: each event changes them exactly once, for its position is stored in the same transaction.
//!
//! A version of a projection is a schema: `orders@1`. What readers see is the schema `orders`, whose views show the tables of the
//! version that is live. So a rebuilt version is made by the same statements, beside the old one, and takes its place at
//! once.

mod live;
mod postgres_view;
mod tables;
mod unanswered;

pub use live::swap;
pub use postgres_view::PostgresView;
pub(super) use postgres_view::open;
pub use tables::Tables;
