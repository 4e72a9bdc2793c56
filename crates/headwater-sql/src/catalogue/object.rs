//! Objects of the catalogue and how they are told to it.

use std::sync::Arc;

use headwater_flow::plan::TableDef;

use crate::planner::Relation;
use crate::statement::{ObjectKind, Query};

/// A declared object.
#[derive(Debug, Clone)]
pub struct Object {
    /// Its name, with its case.
    pub name: String,
    /// What it is.
    pub kind: ObjectKind,
    /// The statement that created it.
    pub sql: String,
    /// The table; of a materialised view, the topic that its changelog is in; `None` for a plain view.
    pub table: Option<Arc<TableDef>>,
    /// The query of a view.
    pub query: Option<Arc<Query>>,
    /// Names that a view gives to the columns of its query.
    pub columns: Vec<String>,
    /// A materialised view that waits to be resumed.
    pub is_suspended: bool,
    /// The commit that created it; 0 for a temporary object or a catalogue in memory.
    pub commit: u64,
}

impl Object {
    pub(crate) fn relation(&self) -> Option<Relation> {
        match (&self.table, &self.query) {
            (Some(table), _) => Some(Relation::Table(Arc::clone(table))),
            (None, Some(query)) => Some(Relation::View {
                query: Arc::clone(query),
                columns: self.columns.clone(),
            }),
            (None, None) => None,
        }
    }
}

/// A change of the catalogue, checked and ready to be applied.
#[derive(Debug, Clone)]
pub struct Definition {
    /// The object; after a DROP, the one that is removed.
    pub object: Object,
    /// Removes instead of creating.
    pub drop: bool,
    /// `OR REPLACE`.
    pub replace: bool,
    /// Known in the session only.
    pub temporary: bool,
    /// The statement changes nothing: `IF NOT EXISTS` of what exists, `IF EXISTS` of what does not.
    pub no_op: bool,
}
