//! The dialect from end to end: the files of `tests/slt`, each over a Headwater of its own in memory.
//!
//! What DataFusion understands too must be answered alike by it, and so must windows, which are written out for it. Besides SQL
//! they may say `ADVANCE CLOCK <milliseconds>`. `@data` stands for the folder `tests/slt/data`. Before a query is asked, all
//! jobs have taken in what was there; a query with EMIT is read to its end.

use std::fmt;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use arrow::array::RecordBatch;
use arrow::datatypes::DataType;
use arrow::util::display::{ArrayFormatter, FormatOptions};
use headwater::{Answer, Headwater, Options, Phase};
use headwater_log::{Commit, Log, ManualClock, Record, Timestamp, TopicConfig, TopicPartition};
use sqllogictest::{DB, DBOutput, DefaultColumnType, MakeConnection, Runner};

/// Jobs that take so long hang.
const PATIENCE: Duration = Duration::from_secs(60);
/// How long it is waited before jobs are looked at again.
const PAUSE: Duration = Duration::from_millis(2);
/// Commits to it wake whoever waits for the clock.
const TICKS: &str = "ticks";
/// 2024-01-01 00:00:00 UTC.
const START: i64 = 1_704_067_200_000;

const FORMAT: FormatOptions<'static> = FormatOptions::new()
    .with_null("NULL")
    .with_timestamp_format(Some("%Y-%m-%d %H:%M:%S%.f"))
    .with_timestamp_tz_format(Some("%Y-%m-%d %H:%M:%S%.fZ"));

/// How many answers DataFusion confirms at least.
const AGREED_MIN: usize = 60;

/// How many of them are over windows, which it is not asked for as they stand.
const WINDOWED_MIN: usize = 25;

/// What `@data` stands for, in statements and in answers.
const DATA: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/slt/data");

mod nexmark;
mod oracle;
mod windows;

struct Database {
    headwater: Headwater,
    oracle: oracle::Shared,
    clock: Arc<ManualClock>,
}

#[derive(Debug)]
struct Failed(String);

impl fmt::Display for Failed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Failed {}

impl From<headwater::Error> for Failed {
    fn from(error: headwater::Error) -> Self {
        let hint = error.hint().map(|h| format!("\nhint: {h}"));
        Self(format!("{}{}", error.message(), hint.unwrap_or_default()))
    }
}

impl Database {
    fn new(oracle: oracle::Shared) -> Self {
        let clock = Arc::new(ManualClock::new(Timestamp(START)));
        let log = Log::memory(Arc::clone(&clock) as _);
        let options = Options {
            threads: 2,
            print: headwater_connect::PrintTarget::new(std::io::sink()),
            ..Options::default()
        };
        let headwater = Headwater::over(log, Arc::clone(&clock) as _, options).unwrap();
        let ticks = TopicConfig {
            internal: true,
            ..TopicConfig::default()
        };
        headwater.log().create_topic(TICKS, ticks).unwrap();
        Self {
            headwater,
            oracle,
            clock,
        }
    }

    fn advance(&self, milliseconds: i64) {
        self.clock.advance(milliseconds);
        let tick = Commit::new().append(TopicPartition::new(TICKS, 0), [Record::default()]);
        self.headwater.log().commit(tick).unwrap();
    }

    /// Waits until all jobs have taken in what is there now, and what comes of it.
    fn catch_up(&self) -> Result<(), Failed> {
        let (log, since) = (self.headwater.log(), Instant::now());
        let mut goal = log.last_commit().0;
        loop {
            let jobs = self.headwater.jobs();
            let mut statuses = jobs.iter().filter_map(|j| j.status.as_ref());
            let is_there = |s: &headwater::Status| {
                s.caught_up >= goal || matches!(s.phase, Phase::Ended(_) | Phase::Failed(_))
            };
            if statuses.all(is_there) {
                match log.last_commit().0 {
                    now if now == goal => return Ok(()),
                    now => goal = now,
                }
                continue;
            }
            if since.elapsed() > PATIENCE {
                return Err(Failed("jobs do not catch up".to_owned()));
            }
            log.wait_for_commit(log.last_commit(), PAUSE);
        }
    }

    fn answer(&self, sql: &str) -> Result<DBOutput<DefaultColumnType>, Failed> {
        let mut last = DBOutput::StatementComplete(0);
        for answer in self.headwater.script(sql)? {
            last = match answer? {
                Answer::Done(_) | Answer::Started { .. } => DBOutput::StatementComplete(0),
                Answer::Warning(text) => rows(&[], &[vec![format!("warning: {text}")]]),
                Answer::Rows(answer) => {
                    let types: Vec<_> = answer
                        .schema
                        .fields()
                        .iter()
                        .map(|f| f.data_type())
                        .collect();
                    rows(&types, &shown(&answer.batches))
                }
                Answer::Changes(changes) => {
                    let schema = changes.schema();
                    let batches = changes.collect::<Result<Vec<_>, _>>()?;
                    let types: Vec<_> = schema.fields().iter().map(|f| f.data_type()).collect();
                    rows(&types, &shown(&batches))
                }
            };
        }
        Ok(last)
    }
}

fn rows(types: &[&DataType], rows: &[Vec<String>]) -> DBOutput<DefaultColumnType> {
    let letter = |t: &&DataType| match t {
        t if t.is_integer() => DefaultColumnType::Integer,
        t if t.is_floating() || t.is_decimal() => DefaultColumnType::FloatingPoint,
        _ => DefaultColumnType::Text,
    };
    let types = match types.is_empty() {
        true => vec![DefaultColumnType::Text; rows.first().map_or(1, Vec::len)],
        false => types.iter().map(letter).collect(),
    };
    DBOutput::Rows {
        types,
        rows: rows.to_vec(),
    }
}

fn shown(batches: &[RecordBatch]) -> Vec<Vec<String>> {
    let row = |batch: &RecordBatch, i: usize| {
        let cells = batch.columns().iter().map(|c| {
            let cell = ArrayFormatter::try_new(c.as_ref(), &FORMAT).unwrap();
            let text = cell.value(i).to_string().replace(DATA, "@data");
            if text.is_empty() {
                "(empty)".to_owned()
            } else {
                text
            }
        });
        cells.collect()
    };
    let rows = batches
        .iter()
        .flat_map(|b| (0..b.num_rows()).map(move |i| row(b, i)));
    rows.collect()
}

impl DB for Database {
    type Error = Failed;
    type ColumnType = DefaultColumnType;

    fn run(&mut self, sql: &str) -> Result<DBOutput<DefaultColumnType>, Failed> {
        if let Some(milliseconds) = sql.trim().strip_prefix("ADVANCE CLOCK") {
            self.catch_up()?;
            self.advance(milliseconds.trim().parse().unwrap());
            self.catch_up()?;
            return Ok(DBOutput::StatementComplete(0));
        }
        let sql = sql.replace("@data", DATA);
        self.catch_up()?;
        let answer = self.answer(&sql)?;
        if let DBOutput::Rows { rows, .. } = &answer {
            self.oracle.lock().unwrap().ask(&self.headwater, &sql, rows);
        }
        Ok(answer)
    }

    fn engine_name(&self) -> &str {
        "headwater"
    }
}

#[test]
fn the_dialect_answers_as_its_files_say() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/slt");
    let wanted = std::env::var("HEADWATER_SLT").unwrap_or_default();
    let files = std::fs::read_dir(&folder).unwrap();
    let mut files: Vec<_> = files.map(|f| f.unwrap().path()).collect();
    files.retain(|f| f.extension().is_some_and(|e| e == "slt"));
    files.sort();
    assert!(
        files.len() >= 10,
        "{} files in {}",
        files.len(),
        folder.display()
    );
    let mut failures = Vec::new();
    let oracle = oracle::Shared::default();
    for file in files {
        let name = file.file_stem().unwrap().to_string_lossy().into_owned();
        if !name.contains(&wanted) {
            continue;
        }
        let mut runner = Runner::new(|| async { Ok(Database::new(Arc::clone(&oracle))) });
        if let Some(error) = run(&mut runner, &file) {
            failures.push(format!("{name}: {error}"));
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n\n"));
    let oracle = oracle.lock().unwrap();
    let disputed = &oracle.disputed;
    assert!(disputed.is_empty(), "{}", disputed.join("\n\n"));
    let enough = oracle.agreed >= AGREED_MIN && oracle.windowed >= WINDOWED_MIN;
    assert!(
        enough || !wanted.is_empty(),
        "DataFusion was asked {} times, {} of them for windows",
        oracle.agreed,
        oracle.windowed
    );
}

/// Runs a file; with `HEADWATER_BLESS` in the environment its answers are written into it instead.
fn run(
    runner: &mut Runner<Database, impl MakeConnection<Conn = Database>>,
    file: &Path,
) -> Option<String> {
    if std::env::var_os("HEADWATER_BLESS").is_none() {
        let outcome = runner.run_file(file);
        return outcome.err().map(|e| e.display(false).to_string());
    }
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap();
    let updated = runtime.block_on(runner.update_test_file(
        file,
        "\t",
        sqllogictest::default_validator,
        sqllogictest::default_normalizer,
        sqllogictest::default_column_validator,
    ));
    updated.err().map(|e| e.to_string())
}
