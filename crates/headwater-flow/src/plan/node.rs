//! Our own nodes in DataFusion plans.

use std::fmt;
use std::sync::Arc;

use arrow::datatypes::{DataType, Field, TimeUnit};
use datafusion_common::{Column, DFSchema, DFSchemaRef, DataFusionError, Result};
use datafusion_expr::{Expr, LogicalPlan, UserDefinedLogicalNodeCore};

/// The windows that a window table function assigns; all lengths in microseconds.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum WindowSpec {
    /// `TUMBLE(size[, offset])`.
    Tumble {
        /// Length.
        size: i64,
        /// Shift of the window starts.
        offset: i64,
    },
    /// `HOP(slide, size[, offset])`.
    Hop {
        /// Distance of the window starts.
        slide: i64,
        /// Length.
        size: i64,
        /// Shift of the window starts.
        offset: i64,
    },
    /// `CUMULATE(step, size[, offset])`.
    Cumulate {
        /// Growth of the window ends.
        step: i64,
        /// Length of the longest window.
        size: i64,
        /// Shift of the window starts.
        offset: i64,
    },
    /// `SESSION(gap)` per key.
    Session {
        /// Inactivity that ends a session.
        gap: i64,
        /// `PARTITION BY` columns of the table function; else the keys of the aggregate above.
        partition_by: Vec<Column>,
    },
}

/// A window table function: its input with `window_start`, `window_end` and `window_time` added, one row a window
/// that the row belongs to. Rows without an event time belong to none and are counted.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct WindowNode {
    /// The input.
    pub input: Arc<LogicalPlan>,
    /// The event-time (or processing-time) column.
    pub time_column: Column,
    /// Which windows.
    pub spec: WindowSpec,
    schema: DFSchemaRef,
}

impl WindowNode {
    /// A window table function over `input`; the added columns have the type of the time column, and `qualifier`.
    ///
    /// # Errors
    /// If the time column is not there or not a timestamp.
    pub fn try_new(input: Arc<LogicalPlan>, time_column: Column, spec: WindowSpec) -> Result<Self> {
        let (qualifier, field) = input.schema().qualified_field_from_column(&time_column)?;
        if !matches!(field.data_type(), DataType::Timestamp(_, _)) {
            return Err(DataFusionError::Plan(format!(
                "window time column '{}' has type {}, not TIMESTAMP",
                time_column.name,
                field.data_type()
            )));
        }
        let zone = match field.data_type() {
            DataType::Timestamp(_, zone) => zone.clone(),
            _ => None,
        };
        let added = ["window_start", "window_end", "window_time"].map(|name| {
            let data_type = DataType::Timestamp(TimeUnit::Millisecond, zone.clone());
            (
                qualifier.cloned(),
                Arc::new(Field::new(name, data_type, false)),
            )
        });
        let fields = input
            .schema()
            .iter()
            .map(|(q, f)| (q.cloned(), Arc::clone(f)))
            .chain(added);
        let schema =
            DFSchema::new_with_metadata(fields.collect(), input.schema().metadata().clone())?;
        Ok(Self {
            input,
            time_column,
            spec,
            schema: Arc::new(schema),
        })
    }
}

impl PartialOrd for WindowNode {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        (&self.time_column, &self.spec).partial_cmp(&(&other.time_column, &other.spec))
    }
}

impl UserDefinedLogicalNodeCore for WindowNode {
    fn name(&self) -> &'static str {
        "Window"
    }

    fn inputs(&self) -> Vec<&LogicalPlan> {
        vec![&self.input]
    }

    fn schema(&self) -> &DFSchemaRef {
        &self.schema
    }

    fn expressions(&self) -> Vec<Expr> {
        let mut columns = vec![Expr::Column(self.time_column.clone())];
        if let WindowSpec::Session { partition_by, .. } = &self.spec {
            columns.extend(partition_by.iter().cloned().map(Expr::Column));
        }
        columns
    }

    fn fmt_for_explain(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Window: {:?} on {}", self.spec, self.time_column)
    }

    fn with_exprs_and_inputs(&self, exprs: Vec<Expr>, inputs: Vec<LogicalPlan>) -> Result<Self> {
        let mut columns = exprs.into_iter().map(|e| match e {
            Expr::Column(c) => Ok(c),
            other => Err(DataFusionError::Internal(format!(
                "window over expression {other}"
            ))),
        });
        let (Some(time_column), Some(input)) =
            (columns.next().transpose()?, inputs.into_iter().next())
        else {
            return Err(DataFusionError::Internal(
                "window node lost its input".to_owned(),
            ));
        };
        let spec = match &self.spec {
            WindowSpec::Session { gap, .. } => WindowSpec::Session {
                gap: *gap,
                partition_by: columns.collect::<Result<_>>()?,
            },
            other => other.clone(),
        };
        Self::try_new(Arc::new(input), time_column, spec)
    }

    /// Filters on the added columns must stay above; others may pass only where no session would be changed.
    #[expect(clippy::disallowed_types, reason = "DataFusion asks for it")]
    fn prevent_predicate_push_down_columns(&self) -> std::collections::HashSet<String> {
        self.schema
            .fields()
            .iter()
            .map(|f| f.name().clone())
            .collect()
    }

    fn necessary_children_exprs(&self, output_columns: &[usize]) -> Option<Vec<Vec<usize>>> {
        let width = self.input.schema().fields().len();
        let mut needed: Vec<usize> = output_columns
            .iter()
            .copied()
            .filter(|i| *i < width)
            .collect();
        for expr in self.expressions() {
            if let Expr::Column(column) = expr {
                needed.push(self.input.schema().maybe_index_of_column(&column)?);
            }
        }
        needed.sort_unstable();
        needed.dedup();
        Some(vec![needed])
    }
}
