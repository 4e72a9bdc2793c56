//! Which columns, and which fields of struct columns, expressions read.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::datatypes::{DataType, Field};
use datafusion_common::tree_node::{TreeNode, TreeNodeRecursion};
use datafusion_common::{Column, Result, ScalarValue};
use datafusion_expr::Expr;

/// What is read of a value.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) enum Usage {
    /// Nothing.
    #[default]
    None,
    /// These fields of a struct.
    Fields(BTreeMap<String, Usage>),
    /// All of it.
    Whole,
}

impl Usage {
    /// Adds the use of a field path; empty: the whole value.
    fn add(&mut self, path: &[String]) {
        let Some((first, rest)) = path.split_first() else {
            *self = Self::Whole;
            return;
        };
        if *self == Self::None {
            *self = Self::Fields(BTreeMap::new());
        }
        if let Self::Fields(fields) = self {
            fields.entry(first.clone()).or_default().add(rest);
        }
    }

    /// The type with just the fields that are used.
    pub(super) fn prune(&self, data_type: &DataType) -> DataType {
        match (self, data_type) {
            (Self::Fields(used), DataType::Struct(fields)) => {
                let kept = fields.iter().filter_map(|f| {
                    let usage = used.get(f.name())?;
                    let pruned = usage.prune(f.data_type());
                    Some(Field::new(f.name(), pruned, f.is_nullable()))
                });
                DataType::Struct(kept.map(Arc::new).collect())
            }
            _ => data_type.clone(),
        }
    }
}

/// The uses of numbered columns.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Uses(pub(super) Vec<Usage>);

impl Uses {
    /// Nothing of `width` columns is used.
    pub(super) fn none(width: usize) -> Self {
        Self(vec![Usage::None; width])
    }

    /// Adds what `expr` reads; `index` says which column is meant.
    pub(super) fn add(
        &mut self,
        expr: &Expr,
        index: &dyn Fn(&Column) -> Option<usize>,
    ) -> Result<()> {
        expr.apply(|e| {
            if let Some((column, path)) = field_path(e)
                && let Some(i) = index(column)
            {
                self.0[i].add(&path);
                return Ok(TreeNodeRecursion::Jump);
            }
            Ok(TreeNodeRecursion::Continue)
        })
        .map(drop)
    }
}

/// The column and the field path that `get_field(get_field(column, 'a'), 'b')` reads; also of a bare column.
pub(in crate::plan) fn field_path(expr: &Expr) -> Option<(&Column, Vec<String>)> {
    match expr {
        Expr::Column(column) => Some((column, Vec::new())),
        Expr::ScalarFunction(f) if f.name() == "get_field" => {
            let (base, names) = f.args.split_first()?;
            let (column, mut path) = field_path(base)?;
            for name in names {
                match name {
                    Expr::Literal(ScalarValue::Utf8(Some(name)), _) => path.push(name.clone()),
                    _ => return None,
                }
            }
            Some((column, path))
        }
        _ => None,
    }
}
