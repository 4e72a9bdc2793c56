//! The entry point for fuzzing: bytes from outside, as far as they can go without I/O.

use crate::error::Result;
use crate::session::{Planned, Session};
use crate::statement::parse;

/// Parses and plans every statement of a text and tells the session what they define. It may fail, never panic.
///
/// # Errors
/// The first error of a statement.
pub fn fuzz_statements(session: &mut Session, sql: &str) -> Result<()> {
    for statement in parse(sql)? {
        match session.plan(&statement)? {
            Planned::Define(definition) => session.apply(&definition)?,
            Planned::Pipeline(pipeline) => {
                if let Some(definition) = &pipeline.definition {
                    session.apply(definition)?;
                }
            }
            _ => {}
        }
    }
    Ok(())
}
