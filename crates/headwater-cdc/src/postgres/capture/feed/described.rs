//! Tables as the stream describes them: whether they are those that were captured so far, and how their rows are written.

use headwater_log::{Error, ErrorKind, Result};

use super::SlotFeed;
use crate::capture::{Form, Intake, TableIndex};
use crate::postgres::capture::PostgreSql;
use crate::postgres::capture::form::form;
use crate::postgres::shape::Shape;
use crate::postgres::{Relation, Table, TableName};

/// How the stream describes a table that is captured.
pub(super) struct Streamed {
    pub(super) table: TableIndex,
    pub(super) shape: Shape,
    pub(super) form: Form,
}

impl SlotFeed {
    /// What a table looks like from now on.
    pub(super) fn relation(
        &mut self,
        relation: &Relation,
        into: &mut Intake<'_, PostgreSql>,
    ) -> Result<()> {
        let name = TableName::new(&relation.schema, &relation.name);
        let found = self.tables.iter().position(|t| t.name == name);
        let known = match found {
            Some(at) if self.is_described(at, relation)? => {
                Some(self.streamed(at, relation, into)?)
            }
            Some(at) => {
                self.replaced(at, into)?;
                None
            }
            None => None,
        };
        self.relations.insert(relation.id, known);
        Ok(())
    }

    /// Whether a table is the one that was described when the stream began, with rows that are identified as then.
    fn is_described(&mut self, at: TableIndex, relation: &Relation) -> Result<bool> {
        let described = &self.tables[at];
        if !described.is_of(relation) || relation.identity != b'f' {
            return Ok(described.is_of(relation));
        }
        // Whole rows do not say what identifies them: the catalogue does. If that changes later, the relation comes again.
        let now = Table::keyed(&mut self.control, &described.name, &self.settings.filters)?;
        Ok(now.identity() == described.identity())
    }

    /// A table is another one, or its rows are identified otherwise.
    fn replaced(&mut self, at: TableIndex, into: &mut Intake<'_, PostgreSql>) -> Result<()> {
        if self.is_past(at, into) || into.assembly.is_passing() {
            return Ok(());
        }
        // Also in a transaction that was taken over before: the next one comes without another description.
        if !self.settings.backfills {
            let text = format!(
                "table '{}' was made anew, or its rows are identified otherwise than before",
                self.tables[at].name
            );
            return Err(Error::new(ErrorKind::Unsupported, text)
                .with_hint("capture it anew, with what is in it"));
        }
        into.replaced(at);
        Ok(())
    }

    /// Whether the transaction was committed before a table was described that will be read whole: what will be read has it. It must
    /// not be in the topic before, since the stream may tell later ones by another key.
    pub(super) fn is_past(&self, at: TableIndex, into: &Intake<'_, PostgreSql>) -> bool {
        into.is_fresh(at) && self.commit < self.described
    }

    fn streamed(
        &mut self,
        at: TableIndex,
        relation: &Relation,
        into: &mut Intake<'_, PostgreSql>,
    ) -> Result<Streamed> {
        let described = &self.tables[at];
        let (filters, kinds) = (&self.settings.filters, &mut self.kinds);
        let shape = Shape::of_relation(relation, described, filters, kinds, &mut self.control)?;
        // A column of another type was added since the stream began, or is gone since.
        self.wants_text |= self.binary && !shape.is_binary();
        let columns = relation.columns.iter().map(|c| (c.name.clone(), c.type_id));
        if !into.assembly.is_known() && !into.assembly.is_passing() {
            into.columns(at, columns.collect());
        }
        let form = form(&shape, &described.name, &self.settings);
        Ok(Streamed {
            table: at,
            shape,
            form,
        })
    }
}
