//! DataFusion as the oracle of `.slt` files: a query that it understands as it stands is asked of it too, over the rows of the
//! same tables; a materialised view is there the query that it keeps.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};

use arrow::array::RecordBatch;
use datafusion::datasource::MemTable;
use datafusion::prelude::{SessionConfig, SessionContext};
use headwater::{Answer, Headwater};

/// What DataFusion does not know as Flink does, or what is another thing every time.
const APART: [&str; 18] = [
    "EMIT ",
    "OPTIONS(",
    "SYSTEM_TIME",
    "PROCTIME",
    "NOW(",
    "CURRENT_",
    "LOCALTIME",
    "UNIX_TIMESTAMP",
    "TUMBLE",
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
        // A test may be in a runtime already, inside of which there can be no other.
        let expected = std::thread::scope(|s| s.spawn(|| answer(headwater, sql)).join().unwrap());
        let Some(mut expected) = expected else { return };
        let mut found = found.to_vec();
        expected.sort();
        found.sort();
        match expected == found {
            true => self.agreed += 1,
            false => self.disputed.push(format!(
                "{sql}\nDataFusion: {expected:?}\nanswered: {found:?}"
            )),
        }
    }
}

/// Shared by the connections of a run.
pub(super) type Shared = Arc<Mutex<Oracle>>;

fn answer(headwater: &Headwater, sql: &str) -> Option<Vec<Vec<String>>> {
    let mut config = SessionConfig::new().with_target_partitions(1);
    config.options_mut().sql_parser.parse_float_as_decimal = true;
    config.options_mut().sql_parser.map_string_types_to_utf8view = false;
    config.options_mut().sql_parser.dialect = datafusion::common::config::Dialect::PostgreSQL;
    let context = SessionContext::new_with_config(config);
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap();
    runtime.block_on(async {
        let mut known = BTreeSet::new();
        register(&context, headwater, sql, &mut known).await;
        let frame = context.sql(sql).await.ok()?;
        let batches = frame.collect().await.ok()?;
        Some(super::shown(&batches))
    })
}

/// Makes the tables known that `sql` may read.
async fn register(
    context: &SessionContext,
    headwater: &Headwater,
    sql: &str,
    known: &mut BTreeSet<String>,
) {
    for (name, _) in headwater.names() {
        let is_read = sql
            .split(|c: char| !c.is_alphanumeric() && c != '_')
            .any(|w| w == name);
        if !is_read || !known.insert(name.clone()) {
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
    let shown = rows(headwater, &format!("SHOW CREATE TABLE {name}"))?;
    let text = super::shown(&shown).first()?.last()?.clone();
    let rest = text.strip_prefix("CREATE MATERIALIZED VIEW ")?;
    let query = rest.strip_prefix(name)?.trim_start().strip_prefix("AS")?;
    let upper = query.to_uppercase();
    (!APART.iter().any(|word| upper.contains(word))).then(|| query.trim().to_owned())
}

fn rows(headwater: &Headwater, sql: &str) -> Option<Vec<RecordBatch>> {
    let mut answers = headwater.script(sql).ok()?;
    match answers.next()?.ok()? {
        Answer::Rows(rows) => Some(rows.batches),
        _ => None,
    }
}
