//! A random pipeline in SQL: tables, a query over them, and where its results go.

use std::collections::BTreeMap;
use std::time::Duration;

use arrow::datatypes::SchemaRef;
use headwater::testkit::{TestDriver, TestOptions};
use rand::Rng;
use rand::rngs::StdRng;
use rand::seq::IndexedRandom;

use super::oracle::{Oracle, batch, missing, with_added};
use super::query::Query;
use super::table::Table;
use super::value::Type;

/// The table or view that results go into.
pub(crate) const RESULT: &str = "result";

/// What pipelines a law is about.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Class {
    /// Every table has one partition, and there is one table.
    pub(crate) one_partition: bool,
    /// Nobody waits for ever: partitions become idle.
    pub(crate) idle: bool,
}

impl Class {
    pub(crate) const ALL: Self = Self {
        one_partition: false,
        idle: true,
    };
}

/// The statements of a pipeline.
#[derive(Debug, Clone)]
pub(crate) struct Pipeline {
    pub(crate) tables: Vec<Table>,
    pub(crate) query: Query,
    pub(crate) target: Target,
    pub(crate) statements: String,
    /// The columns of the result, as the oracle has them.
    pub(crate) result: SchemaRef,
}

impl Pipeline {
    pub(crate) fn random(rng: &mut StdRng, oracle: &Oracle, class: Class) -> Self {
        let keyed = rng.random_bool(0.25);
        let mut tables = vec![Table::random(rng, "t", keyed)];
        if !class.one_partition && rng.random_bool(0.2) {
            let other = Table::random(rng, "other", keyed);
            tables.push(Table {
                columns: tables[0].columns.clone(),
                ..other
            });
        }
        for table in &mut tables {
            if class.one_partition {
                table.partitions = 1;
            }
            if !class.idle {
                table.idle_ms = Some(0);
            }
            oracle.table(&table.name, batch(&with_added(&table.schema()), &[]));
        }
        oracle.table("missing", missing(&BTreeMap::new()));
        let query = Query::random(rng, &tables);
        let target = Target::random(rng, &query);
        let (result, _) = oracle.run(&query.oracle(&tables, None));
        let ddl: String = tables.iter().map(Table::ddl).collect();
        let select = query.stream(&tables);
        let into = target.sql(&query, &select, &result);
        let statements = format!("{ddl} {} {into}", query.views(&tables));
        Self {
            tables,
            query,
            target,
            statements,
            result,
        }
    }

    pub(crate) fn start(&self, options: &TestOptions) -> TestDriver {
        let driver = TestDriver::with_options(&self.statements, options);
        driver.unwrap_or_else(|e| panic!("{e}\n{}", self.statements))
    }
}

/// Options for a start or restart.
pub(crate) fn options(rng: &mut StdRng) -> TestOptions {
    TestOptions {
        threads: *[1, 1, 2].choose(rng).unwrap(),
        shards: Some(*[1, 2, 4].choose(rng).unwrap()),
        snapshot_interval: Duration::from_secs(*[0, 4, 1_000].choose(rng).unwrap()),
        seed: rng.random(),
        ..TestOptions::default()
    }
}

/// Where a query's results go, and when.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Target {
    /// Into a table that only takes new rows: when windows close.
    Append { declared: bool, says: bool },
    /// Into a table with a primary key, every change.
    Upsert,
    /// A view.
    View { on_close: bool },
}

impl Target {
    fn random(rng: &mut StdRng, query: &Query) -> Self {
        let can_be_keyed = query.keys.iter().all(|k| !k.nullable);
        match rng.random_range(0..6) {
            0 | 1 => Self::Append {
                declared: rng.random_bool(0.7),
                says: rng.random_bool(0.3),
            },
            2 | 3 if can_be_keyed => Self::Upsert,
            2..=4 => Self::View { on_close: false },
            _ => Self::View { on_close: true },
        }
    }

    /// Whether windows are emitted when they close, and only then.
    pub(crate) fn on_close(self) -> bool {
        matches!(self, Self::Append { .. } | Self::View { on_close: true })
    }

    fn sql(self, query: &Query, select: &str, result: &SchemaRef) -> String {
        let columns = result.fields().iter();
        let columns = columns.map(|f| format!("`{}` {}", f.name(), Type::of(f.data_type()).sql()));
        let columns = columns.collect::<Vec<_>>().join(", ");
        let emit = |says: bool| if says { " EMIT ON WINDOW CLOSE" } else { "" };
        match self {
            Self::Append {
                declared: true,
                says,
            } => format!(
                "CREATE TABLE result ({columns}); INSERT INTO result {select}{};",
                emit(says)
            ),
            Self::Append {
                declared: false,
                says,
            } => {
                format!("CREATE TABLE result AS {select}{};", emit(says))
            }
            Self::Upsert => {
                let keys = query.result_keys();
                let keys = keys
                    .iter()
                    .map(|k| format!("`{k}`"))
                    .collect::<Vec<_>>()
                    .join(", ");
                format!(
                    "CREATE TABLE result ({columns}, PRIMARY KEY ({keys}) NOT ENFORCED) WITH ('partitions' = '2'); \
                     INSERT INTO result {select} EMIT CHANGES;"
                )
            }
            Self::View { on_close } => {
                format!(
                    "CREATE MATERIALIZED VIEW result AS {select}{};",
                    emit(on_close)
                )
            }
        }
    }
}
