//! Queries in DataFusion's SQL, with the windows written out.

use super::{Above, Query, ident, list};
use crate::laws::model::Windows;
use crate::laws::table::Table;
use crate::laws::value::Type;

impl Query {
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

/// A timestamp as a number of microseconds, in DataFusion's SQL.
fn micros(time: &str) -> String {
    format!("arrow_cast(arrow_cast({time}, 'Timestamp(Microsecond, None)'), 'Int64')")
}

/// An interval in DataFusion's SQL.
fn spelt(ms: i64) -> String {
    format!("INTERVAL '{ms} milliseconds'")
}
