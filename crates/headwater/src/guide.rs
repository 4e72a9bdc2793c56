//! The examples of the guides to embedding and testing, as doctests.

#[doc = include_str!("../../../docs/embedding.md")]
struct Guide;

#[doc = include_str!("../../../docs/testing.md")]
struct Testing;
