//! Random windowed queries, each twice: in Headwater's SQL and, with the windows written out, in DataFusion's.

use rand::Rng;
use rand::rngs::StdRng;
use rand::seq::{IndexedRandom, SliceRandom};

use super::model::Windows;
use super::table::{Column, PK, TIME, Table, UID};
use super::value::Type;

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

/// A result column: as Headwater computes it, and as the oracle does.
#[derive(Debug, Clone)]
struct Call {
    stream: String,
    oracle: String,
    /// Its items have no order.
    is_list: bool,
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

    /// Statements that the query needs.
    pub(crate) fn views(&self, tables: &[Table]) -> String {
        let source = match self.is_plain() {
            true => String::new(),
            false => format!("CREATE VIEW source AS {};", self.source(tables)),
        };
        match self.above {
            Above::Larger(_) => format!(
                "{source} CREATE VIEW inner_windows AS {};",
                self.inner(tables)
            ),
            _ => source,
        }
    }

    /// Whether the windows are over a table as it is.
    fn is_plain(&self) -> bool {
        self.branches.len() == 1 && self.branches[0].filter.is_none()
    }

    fn source(&self, tables: &[Table]) -> String {
        let branch = |b: &Branch| {
            let filter = b.filter.as_ref().map(|f| format!(" WHERE {}", f.stream));
            let name = &tables[b.table].name;
            format!("SELECT * FROM {name}{}", filter.unwrap_or_default())
        };
        let branches: Vec<String> = self.branches.iter().map(branch).collect();
        branches.join(" UNION ALL ")
    }

    /// What the windows are over, as an argument of a window function.
    fn data(&self, tables: &[Table]) -> String {
        match self.is_plain() {
            true => tables[self.branches[0].table].name.clone(),
            false => "source".to_owned(),
        }
    }

    /// The query in Headwater's SQL.
    pub(crate) fn stream(&self, tables: &[Table]) -> String {
        let inner = || self.inner(tables);
        match self.above {
            Above::Nothing => inner(),
            Above::Having => format!("{} HAVING count(*) > 1", inner()),
            Above::SameWindows => format!(
                "SELECT window_start, window_end, sum(u) AS u, count(*) AS n FROM ({}) \
                 GROUP BY window_start, window_end",
                inner()
            ),
            Above::Larger(size) => format!(
                "SELECT window_start, window_end, sum(u) AS u, count(*) AS n \
                 FROM TABLE(TUMBLE(TABLE inner_windows, DESCRIPTOR(rowtime), INTERVAL '{}' SECOND)) \
                 GROUP BY window_start, window_end",
                size / 1_000
            ),
        }
    }

    /// The aggregate over the windows.
    fn inner(&self, tables: &[Table]) -> String {
        let calls = self.calls.iter().map(|c| c.stream.as_str());
        if self.is_legacy() {
            let (call, name) = self.legacy();
            let keys: Vec<String> = self.keys.iter().map(Column::quoted).collect();
            let columns: Vec<String> = keys
                .iter()
                .cloned()
                .chain([
                    format!("{name}_START({call}) AS window_start"),
                    format!("{name}_END({call}) AS window_end"),
                ])
                .chain(calls.map(str::to_owned))
                .collect();
            let groups: Vec<String> = keys
                .into_iter()
                .chain([format!("{name}({call})")])
                .collect();
            return format!(
                "SELECT {} FROM {} GROUP BY {}",
                columns.join(", "),
                self.data(tables),
                groups.join(", ")
            );
        }
        let keys: Vec<String> = self.keys.iter().map(Column::quoted).collect();
        let (bounds, named) = match self.above {
            Above::Larger(_) => (
                "window_start, window_end, window_time",
                "window_start AS s, window_end AS e, window_time AS rowtime",
            ),
            _ => ("window_start, window_end", "window_start, window_end"),
        };
        let columns = keys.iter().map(String::as_str).chain([named]).chain(calls);
        let groups = keys.iter().map(String::as_str).chain([bounds]);
        format!(
            "SELECT {} FROM {} GROUP BY {}",
            columns.collect::<Vec<_>>().join(", "),
            self.function(tables),
            groups.collect::<Vec<_>>().join(", ")
        )
    }

    /// Whether the windows stand in GROUP BY.
    fn is_legacy(&self) -> bool {
        self.spelling % 4 == 3 && self.above == Above::Nothing && self.session_keys.is_none()
    }

    /// The arguments and the name of the window in GROUP BY.
    fn legacy(&self) -> (String, &'static str) {
        let (name, lengths) = self.lengths();
        let lengths: Vec<String> = lengths.iter().map(|(_, length)| seconds(*length)).collect();
        (
            format!("{}, {}", self.time.quoted(), lengths.join(", ")),
            name,
        )
    }

    /// The function's name and its lengths in milliseconds, by their names.
    fn lengths(&self) -> (&'static str, Vec<(&'static str, i64)>) {
        let with_offset = |mut lengths: Vec<(&'static str, i64)>, offset| {
            if offset != 0 {
                lengths.push(("OFFSET", offset));
            }
            lengths
        };
        match self.windows {
            Windows::Tumble { size, offset } => {
                ("TUMBLE", with_offset(vec![("SIZE", size)], offset))
            }
            Windows::Hop {
                slide,
                size,
                offset,
            } => (
                "HOP",
                with_offset(vec![("SLIDE", slide), ("SIZE", size)], offset),
            ),
            Windows::Cumulate { step, size, offset } => (
                "CUMULATE",
                with_offset(vec![("STEP", step), ("SIZE", size)], offset),
            ),
            Windows::Session { gap } => ("SESSION", vec![("GAP", gap)]),
        }
    }

    /// The window table function in one of its spellings.
    fn function(&self, tables: &[Table]) -> String {
        let (name, lengths) = self.lengths();
        let (data, time) = (self.data(tables), self.time.quoted());
        let by_session = self.session_keys.as_ref().unwrap_or(&self.keys);
        let is_session = matches!(self.windows, Windows::Session { .. });
        let says_keys = self.session_keys.is_some() || self.spelling % 7 < 4;
        let partition = match is_session && says_keys && !by_session.is_empty() {
            true => format!(
                " PARTITION BY {}",
                list(by_session.iter().map(Column::quoted))
            ),
            false => String::new(),
        };
        let values = list(lengths.iter().map(|(_, length)| seconds(*length)));
        match self.spelling % 4 {
            0 => format!("TABLE({name}(TABLE {data}{partition}, DESCRIPTOR({time}), {values}))"),
            1 if partition.is_empty() => format!("{name}({data}, {time}, {values})"),
            2 => {
                let named = list(
                    lengths
                        .iter()
                        .map(|(n, length)| format!("{n} => {}", seconds(*length))),
                );
                format!(
                    "TABLE({name}(DATA => TABLE {data}{partition}, TIMECOL => DESCRIPTOR({time}), {named}))"
                )
            }
            _ => format!("{name}(TABLE {data}{partition}, DESCRIPTOR({time}), {values})"),
        }
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

    /// In the oracle's SQL, the rows that come to the windows: `rid` (the row's id times two, plus the branch), `t`
    /// (microseconds) and what sessions are by. Tables have the columns `__id` and `__at` (the place of its arrival) besides
    /// their own.
    pub(crate) fn oracle_source(&self, tables: &[Table]) -> String {
        let by_session = self.session_keys.as_ref().unwrap_or(&self.keys);
        let keys: String = by_session
            .iter()
            .map(|c| format!(", {}", ident(&c.name)))
            .collect();
        let time = ident(&self.time.name);
        format!(
            "WITH {} SELECT __rid, {} AS t{keys} FROM source",
            self.oracle_branches(tables),
            micros(&time)
        )
    }

    fn oracle_branches(&self, tables: &[Table]) -> String {
        let branches = self.branches.iter().enumerate().map(|(i, b)| {
            let filter = b.filter.as_ref().map(|f| format!(" WHERE {}", f.oracle));
            let name = &tables[b.table].name;
            format!(
                "SELECT *, __id * 2 + {i} AS __rid FROM {name}{}",
                filter.unwrap_or_default()
            )
        });
        format!(
            "source AS ({})",
            branches.collect::<Vec<_>>().join(" UNION ALL ")
        )
    }

    /// The oracle's query over windows that end at or before `through` (microseconds), `None`: over all. The table
    /// `missing` has what does not count: `rid`, and the end (`until`, microseconds) of the window, or of all of them.
    pub(crate) fn oracle(&self, tables: &[Table], through: Option<i64>) -> String {
        let time = ident(&self.time.name);
        let windows = format!(
            "{}, timed AS (SELECT *, arrow_cast({time}, 'Timestamp(Microsecond, None)') AS __t FROM source WHERE {time} IS NOT NULL), {}",
            self.oracle_branches(tables),
            self.oracle_windows()
        );
        let zone = match self.time.ty {
            Type::Timestamp { zoned: true, .. } => "Some(\"UTC\")",
            _ => "None",
        };
        let bound = |name: &str| format!("arrow_cast({name}, 'Timestamp(Millisecond, {zone})')");
        let closed = |end: &str| match through {
            Some(through) => format!(" WHERE {} <= {through}", micros(end)),
            None => String::new(),
        };
        let keys: String = self
            .keys
            .iter()
            .map(|c| format!("{}, ", ident(&c.name)))
            .collect();
        let calls = list(self.calls.iter().map(|c| c.oracle.clone()));
        let having = if self.above == Above::Having {
            " HAVING count(*) > 1"
        } else {
            ""
        };
        let inner = format!(
            "SELECT {keys}{} AS window_start, {} AS window_end, __e, {calls} FROM windowed{} \
             GROUP BY {keys}__s, __e{having}",
            bound("__s"),
            bound("__e"),
            closed("__e"),
        );
        let names: Vec<String> = self.result_keys().iter().map(|k| ident(k)).collect();
        match self.above {
            Above::Nothing | Above::Having => {
                let calls = (0..self.calls.len()).map(|i| self.calls[i].name());
                let columns = list(names.into_iter().chain(calls));
                format!("WITH {windows}, inside AS ({inner}) SELECT {columns} FROM inside")
            }
            Above::SameWindows => format!(
                "WITH {windows}, inside AS ({inner}) SELECT window_start, window_end, sum(u) AS u, count(*) AS n \
                 FROM inside GROUP BY window_start, window_end"
            ),
            Above::Larger(size) => {
                let bin = format!(
                    "date_bin({}, __e - INTERVAL '1 millisecond', TIMESTAMP '1970-01-01T00:00:00')",
                    spelt(size)
                );
                format!(
                    "WITH {windows}, inside AS ({inner}), outside AS (SELECT *, {bin} AS __os, {bin} + {} AS __oe FROM inside) \
                     SELECT {} AS window_start, {} AS window_end, sum(u) AS u, count(*) AS n FROM outside{} GROUP BY __os, __oe",
                    spelt(size),
                    bound("__os"),
                    bound("__oe"),
                    closed("__oe"),
                )
            }
        }
    }

    /// `windowed`: the rows that count, each once a window, with the bounds `__s` and `__e`.
    fn oracle_windows(&self) -> String {
        let kept = format!(
            "FROM spread s LEFT ANTI JOIN missing m ON s.__rid = m.rid AND {} = m.until",
            micros("s.__e")
        );
        let origin = |offset: i64| {
            let (seconds, ms) = (offset.div_euclid(1_000), offset.rem_euclid(1_000));
            format!("to_timestamp_millis({})", seconds * 1_000 + ms)
        };
        let bin =
            |size: i64, offset: i64| format!("date_bin({}, __t, {})", spelt(size), origin(offset));
        let steps = |first: i64, last: i64, unit: i64| {
            list((first..=last).map(|n| format!("({})", spelt(n * unit))))
        };
        match self.windows {
            Windows::Tumble { size, offset } => format!(
                "spread AS (SELECT *, {0} AS __s, {0} + {1} AS __e FROM timed), windowed AS (SELECT s.* {kept})",
                bin(size, offset),
                spelt(size)
            ),
            Windows::Hop {
                slide,
                size,
                offset,
            } => format!(
                "steps(back) AS (VALUES {}), \
                 starts AS (SELECT *, {} - back AS __s FROM timed CROSS JOIN steps), \
                 spread AS (SELECT *, __s + {} AS __e FROM starts), windowed AS (SELECT s.* {kept})",
                steps(0, size / slide - 1, slide),
                bin(slide, offset),
                spelt(size)
            ),
            Windows::Cumulate { step, size, offset } => format!(
                "steps(length) AS (VALUES {}), \
                 starts AS (SELECT *, {} AS __s FROM timed), \
                 spread AS (SELECT *, __s + length AS __e FROM starts CROSS JOIN steps WHERE __t < __s + length), \
                 windowed AS (SELECT s.* {kept})",
                steps(1, size / step, step),
                bin(size, offset)
            ),
            Windows::Session { gap } => {
                let by_session = self.session_keys.as_ref().unwrap_or(&self.keys);
                let keys = list(by_session.iter().map(|c| ident(&c.name)));
                let by = if keys.is_empty() {
                    String::new()
                } else {
                    format!("PARTITION BY {keys} ")
                };
                let and = if keys.is_empty() {
                    String::new()
                } else {
                    format!("{keys}, ")
                };
                format!(
                    "counted AS (SELECT s.* FROM timed s LEFT ANTI JOIN missing m ON s.__rid = m.rid), \
                     followed AS (SELECT *, lag(__t) OVER ({by}ORDER BY __t) AS __p FROM counted), \
                     numbered AS (SELECT *, sum(CASE WHEN __p IS NULL OR __t > __p + {gap} THEN 1 ELSE 0 END) \
                       OVER ({by}ORDER BY __t ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW) AS __n FROM followed), \
                     windowed AS (SELECT *, min(__t) OVER (PARTITION BY {and}__n) AS __s, \
                       max(__t) OVER (PARTITION BY {and}__n) + {gap} AS __e FROM numbered)",
                    gap = spelt(gap)
                )
            }
        }
    }
}

impl Call {
    /// The name of the result column.
    fn name(&self) -> String {
        self.oracle
            .rsplit(' ')
            .next()
            .unwrap_or_default()
            .to_owned()
    }
}

fn list(items: impl Iterator<Item = String>) -> String {
    items.collect::<Vec<_>>().join(", ")
}

/// An interval in Headwater's SQL.
fn seconds(ms: i64) -> String {
    match ms % 60_000 {
        0 if ms != 0 => format!("INTERVAL '{}' MINUTE", ms / 60_000),
        _ => format!("INTERVAL '{}' SECOND", ms / 1_000),
    }
}

/// A timestamp as a number of microseconds, in DataFusion's SQL.
fn micros(time: &str) -> String {
    format!("arrow_cast(arrow_cast({time}, 'Timestamp(Microsecond, None)'), 'Int64')")
}

/// An interval in DataFusion's SQL.
fn spelt(ms: i64) -> String {
    format!("INTERVAL '{ms} milliseconds'")
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

/// Which rows a result is made of: no two sets of rows have the same sum, nearly.
fn uid_sum() -> Call {
    Call {
        stream: "sum(uid) AS u".to_owned(),
        oracle: "sum(\"uid\") AS u".to_owned(),
        is_list: false,
    }
}

const FUNCTIONS: [&str; 18] = [
    "count",
    "count(*)",
    "sum",
    "avg",
    "min",
    "max",
    "stddev",
    "stddev_pop",
    "var_samp",
    "var_pop",
    "bool_and",
    "bool_or",
    "array_agg",
    "string_agg",
    "first_value",
    "last_value",
    "approx_distinct",
    "count",
];

/// An aggregate over some column that it can take; `ordered`: rows come to it in the order of their offsets.
fn random_call(rng: &mut StdRng, table: &Table, ordered: bool) -> Call {
    loop {
        let function = *FUNCTIONS.choose(rng).unwrap();
        let column = table.columns[TIME..].choose(rng).unwrap();
        if takes(function, &column.ty) {
            return call(rng, function, column, ordered);
        }
    }
}

fn takes(function: &str, ty: &Type) -> bool {
    match function {
        "sum" | "avg" => ty.is_number(),
        "stddev" | "stddev_pop" | "var_samp" | "var_pop" => ty.is_integer() || *ty == Type::Double,
        "min" | "max" => !ty.is_nested(),
        "bool_and" | "bool_or" => *ty == Type::Bool,
        "string_agg" => *ty == Type::Text,
        "approx_distinct" => ty.is_integer() || *ty == Type::Text,
        _ => true,
    }
}

fn call(rng: &mut StdRng, function: &str, column: &Column, ordered: bool) -> Call {
    let name = format!("r{}", rng.random_range(0..1_000_000));
    let filter = match rng.random_range(0..5) {
        0 => " FILTER (WHERE uid % 2 = 0)",
        _ => "",
    };
    let oracle_filter = filter.replace("uid", "\"uid\"");
    let (stream, oracle) = (column.quoted(), ident(&column.name));
    if function == "count(*)" {
        return Call {
            stream: format!("count(*){filter} AS {name}"),
            oracle: format!("count(*){oracle_filter} AS {name}"),
            is_list: false,
        };
    }
    let by_place = matches!(function, "first_value" | "last_value");
    let is_list = matches!(function, "array_agg" | "string_agg");
    let sorts =
        (is_list && rng.random_bool(0.4)) || (by_place && (!ordered || rng.random_bool(0.5)));
    let direction = if rng.random_bool(0.5) { " DESC" } else { "" };
    let order = match sorts {
        true => format!(" ORDER BY uid{direction}"),
        false => String::new(),
    };
    let can_be_distinct =
        !sorts && !column.ty.is_nested() && matches!(function, "count" | "sum" | "array_agg");
    let distinct = if can_be_distinct && rng.random_bool(0.4) {
        "DISTINCT "
    } else {
        ""
    };
    let extra = if function == "string_agg" {
        ", '|'"
    } else {
        ""
    };
    // What has no order is taken in that of its arrival.
    let oracle_order = match order.is_empty() && by_place {
        true => " ORDER BY __at".to_owned(),
        false => order.replace("uid", "\"uid\""),
    };
    let (oracle_function, oracle_distinct) = match function {
        "approx_distinct" => ("count", "DISTINCT "),
        other => (other, distinct),
    };
    Call {
        stream: format!("{function}({distinct}{stream}{extra}{order}){filter} AS {name}"),
        oracle: format!(
            "{oracle_function}({oracle_distinct}{oracle}{extra}{oracle_order}){oracle_filter} AS {name}"
        ),
        is_list: is_list && !sorts,
    }
}
