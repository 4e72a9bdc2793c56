//! Our own nodes in DataFusion plans.

use std::fmt;
use std::sync::Arc;

use arrow::datatypes::{DataType, Field, TimeUnit};
use datafusion_common::{Column, DFSchema, DFSchemaRef, DataFusionError, Result};
use datafusion_expr::{Expr, LogicalPlan, UserDefinedLogicalNodeCore};

use super::type_name;

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

impl fmt::Display for WindowSpec {
    /// As in SQL: `HOP(SLIDE 1 min, SIZE 1 h)`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (name, lengths, offset) = match self {
            Self::Tumble { size, offset } => ("TUMBLE", vec![("SIZE", *size)], *offset),
            Self::Hop {
                slide,
                size,
                offset,
            } => ("HOP", vec![("SLIDE", *slide), ("SIZE", *size)], *offset),
            Self::Cumulate { step, size, offset } => {
                ("CUMULATE", vec![("STEP", *step), ("SIZE", *size)], *offset)
            }
            Self::Session { gap, .. } => ("SESSION", vec![("GAP", *gap)], 0),
        };
        let offset = (offset != 0).then_some(("OFFSET", offset));
        let lengths = lengths.into_iter().chain(offset);
        let lengths: Vec<String> = lengths
            .map(|(name, micros)| format!("{name} {}", duration(micros)))
            .collect();
        write!(f, "{name}({})", lengths.join(", "))
    }
}

/// A length of time, in the units that it is made of.
pub(super) fn duration(micros: i64) -> String {
    const UNITS: [(&str, u64); 5] = [
        ("d", 86_400_000_000),
        ("h", 3_600_000_000),
        ("min", 60_000_000),
        ("s", 1_000_000),
        ("ms", 1_000),
    ];
    let mut rest = micros.unsigned_abs();
    let mut parts = Vec::new();
    for (unit, length) in UNITS {
        if rest >= length {
            parts.push(format!("{} {unit}", rest / length));
            rest %= length;
        }
    }
    if rest > 0 || parts.is_empty() {
        parts.push(format!("{rest} µs"));
    }
    let sign = if micros < 0 { "-" } else { "" };
    format!("{sign}{}", parts.join(" "))
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
                type_name(field.data_type())
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
        write!(f, "Window: {} on {}", self.spec, self.time_column)?;
        match &self.spec {
            WindowSpec::Session { partition_by, .. } if !partition_by.is_empty() => {
                let keys: Vec<String> = partition_by.iter().map(Column::flat_name).collect();
                write!(f, " by {}", keys.join(", "))
            }
            _ => Ok(()),
        }
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
