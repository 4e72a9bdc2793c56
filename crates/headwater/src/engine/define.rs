//! Objects that are no pipelines: what the catalogue is told, and what comes and goes with them.

use headwater_connect::ensure_topic;
use headwater_sql::catalogue::Definition;
use headwater_sql::statement::ObjectKind;

use super::Headwater;
use super::answer::Answer;
use super::fresh::TOPIC;
use crate::error::{Error, Result};

impl Headwater {
    /// Tells the catalogue of an object that is no pipeline, or drops one.
    pub(super) fn define(&self, definition: &Definition, text: &str) -> Result<Answer> {
        let (name, kind) = (&definition.object.name, definition.object.kind);
        if definition.drop && kind == ObjectKind::MaterializedView {
            let _turn = self.0.jobs.turn();
            self.drop_pipeline(definition)?;
        } else {
            if !definition.drop && !definition.temporary {
                self.declare_inferred(&definition.object.sql, text)?;
            }
            let applied = self.session().apply(definition);
            applied.map_err(|e| Error::sql(&e, text))?;
            if definition.drop {
                return Ok(self.forgotten(definition));
            }
            if !definition.temporary {
                self.make_topic(definition)?;
            }
        }
        let verb = if definition.drop {
            "dropped"
        } else {
            "created"
        };
        Ok(Answer::Done(format!("{verb} {name}")))
    }

    /// A table over a topic has it from the beginning, so that records can be put into it.
    fn make_topic(&self, definition: &Definition) -> Result<()> {
        let table = definition.object.table.as_ref();
        match table.filter(|t| t.connector == TOPIC && !definition.no_op) {
            Some(table) => Ok(ensure_topic(
                &self.0.log,
                &table.name,
                &table.options,
                &table.primary_key,
            )?),
            None => Ok(()),
        }
    }

    /// An object is dropped; so is what its connector keeps for it elsewhere, as a database's slot.
    fn forgotten(&self, definition: &Definition) -> Answer {
        let dropped = format!("dropped {}", definition.object.name);
        let Some(table) = &definition.object.table else {
            return Answer::Done(dropped);
        };
        let all = self.session().all_objects();
        let others = all.iter().filter_map(|object| object.table.as_ref());
        let others = others.filter(|other| other.connector == table.connector);
        let others: Vec<_> = others.map(|other| other.options.clone()).collect();
        let connector = self.1.connector(&table.connector);
        let forgotten = connector.and_then(|c| c.forget(&self.0.log, &table.options, &others));
        match forgotten {
            Ok(()) => Answer::Done(dropped),
            Err(error) => Answer::Warning(format!(
                "{dropped}, but not what is kept elsewhere for it: {error}"
            )),
        }
    }
}
