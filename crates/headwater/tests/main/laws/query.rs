//! Random windowed queries, each twice: in Headwater's SQL and, with the windows written out, in DataFusion's.

mod calls;
mod oracle;
mod stream;

use rand::Rng;
use rand::rngs::StdRng;
use rand::seq::{IndexedRandom, SliceRandom};

use self::calls::{Call, random_call, uid_sum};
use super::model::Windows;
use super::table::{Column, PK, Table, UID};

/// A table that a query reads, and which of its rows.
#[derive(Debug, Clone)]
pub(crate) struct Branch {
    /// Index among the tables.
    pub(crate) table: usize,
    filter: Option<Filter>,
}

#[derive(Debug, Clone)]
struct Filter {
    stream: String,
    oracle: String,
}

/// What becomes of the windows' results.
#[derive(Debug, Clone, PartialEq)]
enum Above {
    Nothing,
    Having,
    /// Another aggregate over the same windows.
    SameWindows,
    /// Larger tumbling windows over `window_time`, milliseconds.
    Larger(i64),
}

/// A query over windows.
#[derive(Debug, Clone)]
pub(crate) struct Query {
    pub(crate) branches: Vec<Branch>,
    pub(crate) windows: Windows,
    /// Columns of the source that are grouped by, with the windows.
    pub(crate) keys: Vec<Column>,
    /// `SESSION … PARTITION BY`, where that is less than `keys`.
    session_keys: Option<Vec<Column>>,
    time: Column,
    calls: Vec<Call>,
    above: Above,
    spelling: u32,
}

/// The oracle's name of a column.
fn ident(name: &str) -> String {
    format!("\"{name}\"")
}

impl Query {
    /// A query over `tables`, which have the same columns.
    pub(crate) fn random(rng: &mut StdRng, tables: &[Table]) -> Self {
        let table = &tables[0];
        let branches = match (tables.len(), rng.random_range(0..5)) {
            (2, _) => vec![branch(rng, table, 0), branch(rng, &tables[1], 1)],
            (_, 0) if !table.keyed => vec![branch(rng, table, 0), branch(rng, table, 0)],
            _ => vec![branch(rng, table, 0)],
        };
        let mut keys: Vec<Column> = table.columns[PK..]
            .iter()
            .filter(|c| c.ty.is_key())
            .cloned()
            .collect();
        keys.shuffle(rng);
        keys.truncate(rng.random_range(0..3));
        let windows = random_windows(rng);
        let is_session = matches!(windows, Windows::Session { .. });
        let fewer = is_session && !keys.is_empty() && rng.random_bool(0.2);
        let session_keys = fewer.then(|| keys[..rng.random_range(1..=keys.len())].to_vec());
        let ordered = branches.len() == 1 && !table.keyed && session_keys.is_none();
        let mut calls = vec![uid_sum()];
        for _ in 0..rng.random_range(1..5) {
            calls.push(random_call(rng, table, ordered));
        }
        let above = match rng.random_range(0..8) {
            0 => Above::Having,
            1 => Above::SameWindows,
            2 if !is_session => Above::Larger(*[20_000, 60_000].choose(rng).unwrap()),
            _ => Above::Nothing,
        };
        Self {
            branches,
            windows,
            keys,
            session_keys,
            time: table.time().clone(),
            calls,
            above,
            spelling: rng.random_range(0..1_000),
        }
    }

    /// Whether the windows are over a table as it is.
    fn is_plain(&self) -> bool {
        self.branches.len() == 1 && self.branches[0].filter.is_none()
    }

    /// Columns of the result that identify a row of it.
    pub(crate) fn result_keys(&self) -> Vec<String> {
        let keys: Vec<String> = match self.above {
            Above::Nothing | Above::Having => self.keys.iter().map(|c| c.name.clone()).collect(),
            _ => Vec::new(),
        };
        keys.into_iter()
            .chain(["window_start", "window_end"].map(str::to_owned))
            .collect()
    }

    /// The columns of the result whose items come in an order that is not the same for all cuts: those of rows of
    /// several branches.
    pub(crate) fn unordered(&self) -> Vec<String> {
        let lists = self.lists().into_iter();
        let first = self.keys.len() + 2;
        let names = lists.map(|i| self.calls[i - first].name());
        names.filter(|_| self.branches.len() > 1).collect()
    }

    /// The columns of the result whose items have no order.
    pub(crate) fn lists(&self) -> Vec<usize> {
        if !matches!(self.above, Above::Nothing | Above::Having) {
            return Vec::new();
        }
        let first = self.keys.len() + 2;
        let calls = self.calls.iter().enumerate();
        calls
            .filter(|(_, c)| c.is_list)
            .map(|(i, _)| first + i)
            .collect()
    }
}

fn list(items: impl Iterator<Item = String>) -> String {
    items.collect::<Vec<_>>().join(", ")
}

fn branch(rng: &mut StdRng, table: &Table, index: usize) -> Branch {
    Branch {
        table: index,
        filter: rng.random_bool(0.3).then(|| filter(rng, table)),
    }
}

/// A condition on rows.
fn filter(rng: &mut StdRng, table: &Table) -> Filter {
    let column = table.columns[PK..].choose(rng).unwrap();
    let uid = &table.columns[UID];
    let condition = |column: &str, uid: &str, rng: &mut StdRng| match rng.random_range(0..3) {
        0 => format!("{uid} % 3 <> 0"),
        1 => format!("{column} IS NOT NULL"),
        _ => format!("{column} IS NULL OR {uid} % 2 = 0"),
    };
    let mut same = rng.clone();
    Filter {
        stream: condition(&column.quoted(), &uid.quoted(), rng),
        oracle: condition(&ident(&column.name), &ident(&uid.name), &mut same),
    }
}

fn random_windows(rng: &mut StdRng) -> Windows {
    let step = *[2_000, 5_000, 10_000].choose(rng).unwrap();
    let offset = *[0, 0, 0, 1_000, -3_000].choose(rng).unwrap();
    match rng.random_range(0..5) {
        0 => Windows::Tumble { size: step, offset },
        1 => Windows::Hop {
            slide: step,
            size: step * rng.random_range(1..5),
            offset,
        },
        2 => Windows::Cumulate {
            step,
            size: step * rng.random_range(1..5),
            offset,
        },
        _ => Windows::Session { gap: step },
    }
}
