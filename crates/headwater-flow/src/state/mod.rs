//! Keyed, paged, columnar state.
