//! The examples of the guide to embedding, as doctests.

#[doc = include_str!("../../../docs/embedding.md")]
struct Guide;
