//! Real processes that are killed at random: what they were told stays, and what they left is whole.

mod oracle;
mod process;
mod projections;
