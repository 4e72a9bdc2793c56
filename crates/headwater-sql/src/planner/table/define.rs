//! The definition of a declared table.

use std::sync::Arc;

use arrow::datatypes::Schema;
use headwater_flow::plan::{ColumnKind, TableDef};

use super::builder::Builder;
use crate::error::{Result, SqlError, suggestion};
use crate::planner::context::{Names, Relation, find};
use crate::statement::{CreateTable, Name};

/// The definition of a declared table. `derived` are the columns of `AS query`, for tables that declare none.
pub(crate) fn define_table(
    create: &CreateTable,
    names: &dyn Names,
    derived: Option<&Schema>,
) -> Result<TableDef> {
    let base = match &create.like {
        Some(like) => Some(like_table(&like.table, names)?),
        None => None,
    };
    let rules = create.like.as_ref().map_or(&[][..], |l| &l.rules);
    let excludes = |part: &str| {
        rules
            .iter()
            .any(|(what, p)| what == "EXCLUDING" && (p == part || p == "ALL"))
    };
    let mut builder = Builder::new(create.name.value.clone());
    if let Some(base) = &base {
        builder.columns = base.columns.clone();
        builder.columns.retain(|c| match c.kind {
            ColumnKind::Computed(_) => !excludes("GENERATED"),
            ColumnKind::Metadata { .. } => !excludes("METADATA"),
            ColumnKind::Physical => true,
            ColumnKind::Count => false,
        });
        builder.watermark = base.watermark.clone().filter(|_| !excludes("WATERMARKS"));
        if !excludes("CONSTRAINTS") {
            builder.primary_key = base.primary_key.clone();
        }
    }
    builder.declare(create, names)?;
    if create.columns.is_empty() && base.is_none() {
        builder.derive(derived);
    }
    if builder.columns.is_empty() {
        return Err(
            SqlError::invalid(format!("table '{}' has no columns", create.name.value))
                .at(create.name.span)
                .with_hint("declare them in parentheses, or add LIKE other or AS query"),
        );
    }
    builder.set_watermark(create, names)?;
    builder.set_primary_key(&create.primary_key)?;
    let inherited = base.filter(|_| !excludes("OPTIONS"));
    builder.finish(create, inherited.as_deref())
}

fn like_table(name: &Name, names: &dyn Names) -> Result<Arc<TableDef>> {
    match find(names, &name.value) {
        Some((_, Relation::Table(def))) => Ok(def),
        Some(_) => Err(SqlError::invalid(format!("'{}' is a view", name.value))
            .at(name.span)
            .with_hint("LIKE copies the definition of a table")),
        None => {
            let known = names.relation_names();
            Err(
                SqlError::not_found(format!("table '{}' not found", name.value))
                    .at(name.span)
                    .with_hint_opt(suggestion(&name.value, known.iter().map(String::as_str))),
            )
        }
    }
}
