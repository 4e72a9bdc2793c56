//! DataFusion as the oracle of `.slt` files: a query that it understands as it stands is asked of it too, over the rows of the
//! same tables; a materialised view is there the query that it keeps. Windows are written out for it: see [`super::windows`].

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};

use arrow::array::RecordBatch;
use arrow::compute::concat_batches;
use datafusion::datasource::MemTable;
use datafusion::prelude::{SessionConfig, SessionContext};
use headwater::{Answer, Headwater};

use super::windows;

/// What DataFusion does not know as Flink does, or what is another thing every time.
const APART: [&str; 16] = [
    "OPTIONS(",
    "SYSTEM_TIME",
    "PROCTIME",
    "NOW(",
    "CURRENT_",
    "LOCALTIME",
    "UNIX_TIMESTAMP",
    "SYSTEM.",
    "DATE_FORMAT",
    "TO_TIMESTAMP",
    "ENCODE(",
    "DECODE(",
    "REGEXP(",
    "REGEXP_REPLACE(",
    "ARRAY_REMOVE(",
    "CAST(NULL",
];

/// What was compared.
#[derive(Debug, Default)]
pub(super) struct Oracle {
    /// How many answers were the same.
    pub(super) agreed: usize,
    /// How many of them were over windows.
    pub(super) windowed: usize,
    /// Those that were not.
    pub(super) disputed: Vec<String>,
}

impl Oracle {
    /// Asks DataFusion what `sql` was answered with `found`, if it is a query that it understands.
    pub(super) fn ask(&mut self, headwater: &Headwater, sql: &str, found: &[Vec<String>]) {
        let upper = sql.trim().to_uppercase();
        let is_query = upper.starts_with("SELECT") || upper.starts_with("WITH");
        if !is_query || APART.iter().any(|word| upper.contains(word)) {
            return;
        }
        let is_windowed = windows::has_windows(sql);
        let is_stream = upper.contains("EMIT ");
        if is_stream && !is_windowed {
            return;
        }
        // A test may be in a runtime already, inside of which there can be no other.
        let expected = std::thread::scope(|s| {
            let asked = s.spawn(|| match is_windowed {
                true => over_windows(headwater, sql, is_stream),
                false => answer(headwater, sql),
            });
            asked.join().unwrap()
        });
        let Some(mut expected) = expected else { return };
        let mut found = match is_stream {
            true => net(found),
            false => found.to_vec(),
        };
        expected.sort();
        found.sort();
        match expected == found {
            true => {
                self.agreed += 1;
                self.windowed += usize::from(is_windowed);
            }
            false => self.disputed.push(format!(
                "{sql}\nDataFusion: {expected:?}\nanswered: {found:?}"
            )),
        }
    }
}

/// What is left of changes, whose first column says what happened to the row.
pub(crate) fn net(changes: &[Vec<String>]) -> Vec<Vec<String>> {
    let mut rows: BTreeMap<&[String], i64> = BTreeMap::new();
    for change in changes {
        let (op, row) = change.split_first().unwrap();
        let weight = if op.starts_with('+') { 1 } else { -1 };
        *rows.entry(row).or_default() += weight;
    }
    assert!(
        rows.values().all(|n| *n >= 0),
        "a row is taken back that never was"
    );
    let present = rows
        .into_iter()
        .flat_map(|(row, n)| (0..n).map(|_| row.to_vec()));
    present.collect()
}

/// Shared by the connections of a run.
pub(super) type Shared = Arc<Mutex<Oracle>>;

fn answer(headwater: &Headwater, sql: &str) -> Option<Vec<Vec<String>>> {
    let context = context();
    block_on(async {
        let mut known = BTreeSet::new();
        register(&context, headwater, sql, &mut known).await;
        ask(&context, sql).await
    })
}

/// A query with windows, in the canonical form that EXPLAIN shows.
fn over_windows(headwater: &Headwater, sql: &str, is_stream: bool) -> Option<Vec<Vec<String>>> {
    let explained = match (is_stream, sql.to_uppercase().rfind("ORDER BY")) {
        (true, _) => format!("EXPLAIN {sql}"),
        (false, Some(order)) => format!("EXPLAIN {} EMIT CHANGES", &sql[..order]),
        (false, None) => format!("EXPLAIN {sql} EMIT CHANGES"),
    };
    let shown = super::shown(&rows(headwater, &explained)?);
    let lines = shown.into_iter().map(|line| line.concat());
    let lines = lines.take_while(|line| line != "(empty)" && !line.starts_with("EMIT "));
    let canonical = lines.collect::<Vec<_>>().join("\n");
    let context = context();
    block_on(async {
        for (name, _) in headwater.names() {
            if !reads(&canonical, &name) {
                continue;
            }
            let batches = rows(headwater, &format!("SELECT * FROM {name}"))?;
            let mut table = concat_batches(&batches.first()?.schema(), &batches).ok()?;
            if is_stream {
                let ddl = super::shown(&rows(headwater, &format!("SHOW CREATE TABLE {name}"))?);
                let ddl = ddl.first()?.last()?.clone();
                // Rows of others have no end, or come in an order that is not known here.
                if !ddl.contains("'filesystem'") {
                    return None;
                }
                table = windows::with_bounds(&table, &ddl)?;
            }
            context.register_batch(&name, table).ok()?;
        }
        let sql = windows::write_out(&context, &canonical).await?;
        ask(&context, &sql).await
    })
}

async fn ask(context: &SessionContext, sql: &str) -> Option<Vec<Vec<String>>> {
    let batches = context.sql(sql).await.ok()?.collect().await.ok()?;
    Some(super::shown(&batches))
}

pub(crate) fn context() -> SessionContext {
    let mut config = SessionConfig::new().with_target_partitions(1);
    config.options_mut().sql_parser.parse_float_as_decimal = true;
    config.options_mut().sql_parser.map_string_types_to_utf8view = false;
    config.options_mut().sql_parser.dialect = datafusion::common::config::Dialect::PostgreSQL;
    SessionContext::new_with_config(config)
}

fn block_on<T>(work: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread();
    { runtime }.build().unwrap().block_on(work)
}

/// Whether a name is among the words of a query.
fn reads(sql: &str, name: &str) -> bool {
    let mut words = sql.split(|c: char| !c.is_alphanumeric() && c != '_');
    words.any(|word| word == name)
}

/// Makes the tables known that `sql` may read.
async fn register(
    context: &SessionContext,
    headwater: &Headwater,
    sql: &str,
    known: &mut BTreeSet<String>,
) {
    for (name, _) in headwater.names() {
        if !reads(sql, &name) || !known.insert(name.clone()) {
            continue;
        }
        if let Some(query) = kept_query(headwater, &name) {
            Box::pin(register(context, headwater, &query, known)).await;
            if let Ok(frame) = context.sql(&query).await {
                context.register_table(&name, frame.into_view()).unwrap();
                continue;
            }
        }
        if let Some(batches) = rows(headwater, &format!("SELECT * FROM {name}"))
            && let Some(first) = batches.first()
        {
            let table = MemTable::try_new(first.schema(), vec![batches]).unwrap();
            context.register_table(&name, Arc::new(table)).unwrap();
        }
    }
}

/// The query of a materialised view, unless it renames its columns or is suspended.
fn kept_query(headwater: &Headwater, name: &str) -> Option<String> {
    let jobs = headwater.jobs();
    if jobs.iter().any(|job| job.name == name && job.is_suspended) {
        return None;
    }
    // One that has left rows out is not what its query says.
    let left_out = rows(headwater, &format!("SELECT COUNT(*) FROM {name}$errors"))?;
    if super::shown(&left_out) != [["0"]] {
        return None;
    }
    let shown = rows(headwater, &format!("SHOW CREATE TABLE {name}"))?;
    let text = super::shown(&shown).first()?.last()?.clone();
    let rest = text.strip_prefix("CREATE MATERIALIZED VIEW ")?;
    let query = rest.strip_prefix(name)?.trim_start().strip_prefix("AS")?;
    let upper = query.to_uppercase();
    let is_apart = APART.iter().any(|word| upper.contains(word)) || windows::has_windows(query);
    (!is_apart).then(|| query.trim().to_owned())
}

pub(crate) fn rows(headwater: &Headwater, sql: &str) -> Option<Vec<RecordBatch>> {
    let mut answers = headwater.script(sql).ok()?;
    match answers.next()?.ok()? {
        Answer::Rows(rows) => Some(rows.batches),
        _ => None,
    }
}
