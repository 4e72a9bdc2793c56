//! The command line: what a person types, sees and scripts. Data goes to standard output, everything else to
//! standard error. Only this part of the crate reads arguments, the environment and the machine's clock.

mod args;
mod exit;
mod offsets;
mod output;
mod start;
mod style;
mod topic;

pub(crate) use start::main;
