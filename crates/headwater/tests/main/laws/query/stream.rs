//! Queries in Headwater's SQL, in all its spellings of windows.

use super::{Above, Branch, Query, list};
use crate::laws::model::Windows;
use crate::laws::table::{Column, Table};

impl Query {
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
}

/// An interval in Headwater's SQL.
fn seconds(ms: i64) -> String {
    match ms % 60_000 {
        0 if ms != 0 => format!("INTERVAL '{}' MINUTE", ms / 60_000),
        _ => format!("INTERVAL '{}' SECOND", ms / 1_000),
    }
}
