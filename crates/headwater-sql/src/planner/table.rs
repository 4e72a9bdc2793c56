//! From `CREATE TABLE` to a `TableDef`: types, computed columns, watermark, LIKE.

use std::sync::Arc;
use std::time::Duration;

use arrow::datatypes::{DataType, Field, Fields, Schema};
use datafusion_common::tree_node::{Transformed, TreeNode};
use datafusion_common::{Column, DFSchema, DataFusionError};
use datafusion_expr::logical_plan::builder::LogicalTableSource;
use datafusion_expr::{Expr, ExprSchemable, LogicalPlan, LogicalPlanBuilder, cast};
use datafusion_sql::planner::{PlannerContext, SqlToRel};
use headwater_flow::connector::Options;
use headwater_flow::plan::{Changes, ColumnDef, ColumnKind, TableDef, WatermarkDef};
use sqlparser::ast::Spanned;
use sqlparser::tokenizer::Span;

use super::context::{Names, PlanContext, Relation, find};
use super::query::parser_options;
use super::{Planner, casing, from_datafusion};
use crate::error::{Result, SqlError, suggestion};
use crate::statement::{ColumnSource, CreateTable, Name, type_name};

/// Connector of tables that name none: a topic of the embedded log.
pub(crate) const DEFAULT_CONNECTOR: &str = "topic";

/// Options that the engine reads whatever the connector is.
pub(crate) const IDLE_TIMEOUT: &str = "scan.watermark.idle-timeout";
pub(crate) const ALLOWED_LATENESS: &str = "allowed-lateness";

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

struct Builder {
    name: String,
    columns: Vec<ColumnDef>,
    watermark: Option<WatermarkDef>,
    primary_key: Vec<String>,
}

impl Builder {
    fn new(name: String) -> Self {
        Self {
            name,
            columns: Vec::new(),
            watermark: None,
            primary_key: Vec::new(),
        }
    }

    /// Adds the declared columns: first those with types, then the computed ones, each where it was written.
    fn declare(&mut self, create: &CreateTable, names: &dyn Names) -> Result<()> {
        let typed: Vec<ColumnDef> = create.columns.iter().filter_map(typed_column).collect();
        let known: Vec<ColumnDef> = self.columns.iter().cloned().chain(typed).collect();
        let mut declared: Vec<ColumnDef> = Vec::new();
        for column in &create.columns {
            if self.columns.iter().any(|c| c.name == column.name.value) {
                let message = format!(
                    "column '{}' is inherited by LIKE already",
                    column.name.value
                );
                return Err(SqlError::invalid(message).at(column.name.span));
            }
            let def = match (&column.source, typed_column(column)) {
                (ColumnSource::Computed { expr, .. }, _) => {
                    let computed = declared
                        .iter()
                        .filter(|c| matches!(c.kind, ColumnKind::Computed(_)));
                    let visible: Vec<ColumnDef> = known.iter().chain(computed).cloned().collect();
                    let planned = expression(expr, &visible, names)?;
                    ColumnDef {
                        name: column.name.value.clone(),
                        data_type: planned.data_type,
                        nullable: planned.nullable,
                        kind: ColumnKind::Computed(inline(planned.expr, &visible)?),
                    }
                }
                (_, Some(def)) => def,
                (_, None) => continue,
            };
            declared.push(def);
        }
        self.columns.extend(declared);
        Ok(())
    }

    fn derive(&mut self, schema: Option<&Schema>) {
        let fields = schema.map(|s| s.fields().clone()).unwrap_or_default();
        self.columns.extend(fields.iter().map(|f| ColumnDef {
            name: f.name().clone(),
            data_type: plain(f.data_type()),
            nullable: f.is_nullable(),
            kind: ColumnKind::Physical,
        }));
    }

    fn column(&self, name: &Name) -> Result<&ColumnDef> {
        let exact = self.columns.iter().find(|c| c.name == name.value);
        let mut near = self
            .columns
            .iter()
            .filter(|c| !name.quoted && c.name.eq_ignore_ascii_case(&name.value));
        let found = exact.or_else(|| near.next().filter(|_| near.next().is_none()));
        found.ok_or_else(|| {
            SqlError::not_found(format!("column '{}' not found", name.value))
                .at(name.span)
                .with_hint_opt(suggestion(
                    &name.value,
                    self.columns.iter().map(|c| c.name.as_str()),
                ))
        })
    }

    fn set_watermark(&mut self, create: &CreateTable, names: &dyn Names) -> Result<()> {
        let Some(clause) = &create.watermark else {
            return Ok(());
        };
        let column = self.column(&clause.column)?.clone();
        if !matches!(column.data_type, DataType::Timestamp(_, _)) {
            return Err(not_a_timestamp(&column, clause.column.span));
        }
        let planned = expression(&clause.expr, &self.columns, names)?;
        if !matches!(planned.data_type, DataType::Timestamp(_, _)) {
            let message = format!(
                "the watermark is of type {}, not TIMESTAMP",
                type_name(&planned.data_type)
            );
            return Err(SqlError::invalid(message)
                .at(clause.expr.span())
                .with_hint(format!(
                    "write WATERMARK FOR {0} AS {0} - INTERVAL '5' SECOND",
                    column.name
                )));
        }
        self.watermark = Some(WatermarkDef {
            column: column.name,
            expr: planned.expr,
            idle_timeout: None,
            allowed_lateness: Duration::ZERO,
        });
        Ok(())
    }

    fn set_primary_key(&mut self, names: &[Name]) -> Result<()> {
        if names.is_empty() {
            return Ok(());
        }
        let mut key = Vec::new();
        for name in names {
            let column = self.column(name)?;
            if matches!(column.kind, ColumnKind::Computed(_)) {
                let message = format!("computed column '{}' cannot be a primary key", column.name);
                return Err(SqlError::invalid(message).at(name.span));
            }
            key.push(column.name.clone());
        }
        for column in &mut self.columns {
            column.nullable &= !key.contains(&column.name);
        }
        self.primary_key = key;
        Ok(())
    }

    fn finish(mut self, create: &CreateTable, inherited: Option<&TableDef>) -> Result<TableDef> {
        let mut options = inherited.map_or_else(Options::default, |b| b.options.clone());
        let mut connector = inherited.map(|b| b.connector.clone());
        for option in &create.options {
            if option.key == "connector" {
                connector = Some(option.value.clone());
            } else {
                options.set(option.key.clone(), option.value.clone());
            }
        }
        let connector = connector.unwrap_or_else(|| DEFAULT_CONNECTOR.to_owned());
        if let Some(watermark) = &mut self.watermark {
            let duration = |key: &str| {
                let given = create.options.iter().find(|o| o.key == key);
                let place = given.map_or(create.name.span, |o| o.span);
                let read = options.duration(key).map_err(SqlError::from);
                read.map_err(|e| e.at(place))
            };
            watermark.idle_timeout = duration(IDLE_TIMEOUT)?;
            watermark.allowed_lateness = duration(ALLOWED_LATENESS)?.unwrap_or_default();
        }
        let changes = changes(&connector, &options, !self.primary_key.is_empty());
        Ok(TableDef {
            name: self.name,
            columns: self.columns,
            watermark: self.watermark,
            primary_key: self.primary_key,
            changes,
            connector,
            options,
        })
    }
}

fn not_a_timestamp(column: &ColumnDef, span: Span) -> SqlError {
    let message = format!(
        "the event-time column '{}' has type {}, not TIMESTAMP",
        column.name,
        type_name(&column.data_type)
    );
    let hint = match column.data_type {
        DataType::Int64 => format!("add a column AS TO_TIMESTAMP_LTZ({}, 3)", column.name),
        DataType::Utf8 => format!("add a column AS TO_TIMESTAMP({})", column.name),
        _ => "add a computed column that is a TIMESTAMP".to_owned(),
    };
    SqlError::invalid(message).at(span).with_hint(hint)
}

/// How records change the table: by the format, or by key.
fn changes(connector: &str, options: &Options, has_key: bool) -> Changes {
    let format = options
        .get("value.format")
        .or_else(|| options.get("format"))
        .unwrap_or_default();
    if ["debezium-", "maxwell-", "canal-"]
        .iter()
        .any(|p| format.starts_with(p))
        || connector.ends_with("-cdc")
    {
        Changes::Weighted
    } else if connector.starts_with("upsert-") || (connector == DEFAULT_CONNECTOR && has_key) {
        Changes::Upsert
    } else {
        Changes::Append
    }
}

fn typed_column(column: &crate::statement::TableColumn) -> Option<ColumnDef> {
    let (data_type, nullable, kind) = match &column.source {
        ColumnSource::Physical {
            data_type,
            nullable,
        } => (data_type, *nullable, ColumnKind::Physical),
        ColumnSource::Metadata {
            data_type,
            key,
            is_virtual,
        } => {
            let kind = ColumnKind::Metadata {
                key: key.clone().unwrap_or_else(|| column.name.value.clone()),
                is_virtual: *is_virtual,
            };
            (data_type, true, kind)
        }
        ColumnSource::Computed { .. } => return None,
    };
    Some(ColumnDef {
        name: column.name.value.clone(),
        data_type: data_type.clone(),
        nullable,
        kind,
    })
}

struct Planned {
    expr: Expr,
    data_type: DataType,
    nullable: bool,
}

/// An expression over columns, types coerced, names unqualified.
fn expression(
    ast: &sqlparser::ast::Expr,
    columns: &[ColumnDef],
    names: &dyn Names,
) -> Result<Planned> {
    let span = ast.span();
    plan_expression(ast, columns, names).map_err(|e| from_datafusion(e, span))
}

fn plan_expression(
    ast: &sqlparser::ast::Expr,
    columns: &[ColumnDef],
    names: &dyn Names,
) -> Result<Planned, DataFusionError> {
    let fields = columns
        .iter()
        .map(|c| Field::new(&c.name, c.data_type.clone(), c.nullable));
    let schema = Schema::new(fields.collect::<Fields>());
    let mut ast = ast.clone();
    super::sugar::rewrite(&mut ast);
    casing::resolve_over(&mut ast, schema.fields());
    let context = PlanContext::new(Planner::new(names));
    let df_schema = DFSchema::try_from(schema.clone())?;
    let expr = SqlToRel::new_with_options(&context, parser_options()).sql_to_expr(
        ast,
        &df_schema,
        &mut PlannerContext::new(),
    )?;
    let source = Arc::new(LogicalTableSource::new(Arc::new(schema)));
    let plan = LogicalPlanBuilder::scan("t", source, None)?
        .project([expr.alias("value")])?
        .build()?;
    let LogicalPlan::Projection(projection) = super::optimize::analyze(plan)? else {
        return Err(DataFusionError::Internal(
            "a projection was optimised away".to_owned(),
        ));
    };
    let nullable = projection.schema.field(0).is_nullable();
    let expr = projection.expr[0].clone().unalias();
    let data_type = expr.get_type(projection.input.schema())?;
    let expr = expr.transform(|e| {
        Ok(match e {
            Expr::Column(c) => Transformed::yes(Expr::Column(Column::new_unqualified(c.name))),
            other => Transformed::no(other),
        })
    })?;
    Ok(Planned {
        expr: expr.data,
        data_type,
        nullable,
    })
}

/// Replaces computed columns by what they are computed from.
fn inline(expr: Expr, columns: &[ColumnDef]) -> Result<Expr> {
    let inlined = expr.transform(|e| {
        let Expr::Column(column) = &e else {
            return Ok(Transformed::no(e));
        };
        let found = columns.iter().find(|c| c.name == column.name);
        Ok(match found.map(|c| &c.kind) {
            Some(ColumnKind::Computed(inner)) => Transformed::yes(inner.clone()),
            _ => Transformed::no(e),
        })
    });
    match inlined {
        Ok(done) => Ok(done.data),
        Err(e) => Err(SqlError::invalid(e.strip_backtrace())),
    }
}

/// The rows of a plan in the types that they are stored in.
pub(crate) fn as_stored(plan: LogicalPlan) -> Result<LogicalPlan, SqlError> {
    let stored = |f: &Arc<Field>| plain(f.data_type());
    let fields = plan.schema().fields();
    if fields.iter().all(|f| stored(f) == *f.data_type()) {
        return Ok(plan);
    }
    let columns = plan.schema().columns().into_iter().zip(fields);
    let exprs = columns.map(|(column, field)| {
        let name = column.name.clone();
        match stored(field) {
            same if same == *field.data_type() => Expr::Column(column),
            other => cast(Expr::Column(column), other).alias(name),
        }
    });
    let exprs: Vec<Expr> = exprs.collect();
    LogicalPlanBuilder::from(plan)
        .project(exprs)
        .and_then(LogicalPlanBuilder::build)
        .map_err(|e| SqlError::invalid(e.strip_backtrace()))
}

/// Column types as they are stored: no views, no dictionaries, no unsigned numbers.
pub(crate) fn plain(data_type: &DataType) -> DataType {
    match data_type {
        DataType::Utf8View | DataType::LargeUtf8 => DataType::Utf8,
        DataType::BinaryView | DataType::LargeBinary => DataType::Binary,
        DataType::Dictionary(_, value) => plain(value),
        DataType::UInt8 => DataType::Int16,
        DataType::UInt16 => DataType::Int32,
        // Counts are UInt64 in DataFusion and never that large.
        DataType::UInt32 | DataType::UInt64 => DataType::Int64,
        DataType::Null => DataType::Utf8,
        other => other.clone(),
    }
}

/// Gives the columns of a plan other names.
pub(super) fn rename(plan: LogicalPlan, columns: &[String]) -> Result<LogicalPlan, SqlError> {
    if columns.is_empty() {
        return Ok(plan);
    }
    let found = plan.schema().columns();
    if found.len() != columns.len() {
        return Err(SqlError::invalid(format!(
            "the view names {} columns, its query has {}",
            columns.len(),
            found.len()
        )));
    }
    let exprs = found
        .into_iter()
        .zip(columns)
        .map(|(column, name)| Expr::Column(column).alias(name));
    LogicalPlanBuilder::from(plan)
        .project(exprs)
        .and_then(LogicalPlanBuilder::build)
        .map_err(|e| SqlError::invalid(e.strip_backtrace()))
}

/// For each column its name, type, whether it may be null, and what else was said of it.
pub(crate) fn describe(def: &TableDef) -> Vec<[String; 4]> {
    let watermark = def.watermark.as_ref();
    let seen = def.columns.iter();
    seen.filter(|c| !matches!(c.kind, ColumnKind::Count))
        .map(|c| {
            let mut extra = Vec::new();
            if def.primary_key.contains(&c.name) && !def.is_counted() {
                extra.push("PRIMARY KEY".to_owned());
            }
            match &c.kind {
                ColumnKind::Physical | ColumnKind::Count => {}
                ColumnKind::Metadata { key, .. } => extra.push(format!("METADATA FROM '{key}'")),
                ColumnKind::Computed(expr) => extra.push(format!("AS {expr}")),
            }
            if let Some(w) = watermark.filter(|w| w.column == c.name) {
                extra.push(format!("WATERMARK AS {}", w.expr));
            }
            [
                c.name.clone(),
                type_name(&c.data_type),
                if c.nullable { "YES" } else { "NO" }.to_owned(),
                extra.join(", "),
            ]
        })
        .collect()
}
