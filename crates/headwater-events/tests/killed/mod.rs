//! Real processes that are killed at random: what they were told stays, and what they left is whole.

mod oracle;
#[expect(
    dead_code,
    reason = "shared with the tests of captures, which use the rest"
)]
mod process;
mod projections;
