//! [`Question`]: a query over types and tags as a statement. Each alternative is looked up in an index in the order of positions,
//! so that a limit ends the work.

use headwater_log::{Query, QueryItem};
use tokio_postgres::types::{ToSql, Type};

use super::session::Parameters;

/// What a statement is asked with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Value {
    Text(String),
    Texts(Vec<String>),
    Number(i64),
}

/// A statement and what it is asked with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Question {
    pub(super) text: String,
    pub(super) values: Vec<Value>,
    /// Whether its plan depends on which values they are, as with several tags, of which the rarest is to be looked up first.
    pub(super) plan_anew: bool,
}

/// Which positions are of interest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Range {
    pub(super) from: i64,
    pub(super) to: i64,
    pub(super) limit: i64,
}

/// How an alternative is looked up.
enum Branch<'a> {
    /// All events but the store's own.
    All,
    Type(&'a str),
    Tags(&'a QueryItem),
}

impl Value {
    pub(super) fn as_sql(&self) -> &(dyn ToSql + Sync) {
        match self {
            Self::Text(text) => text,
            Self::Texts(texts) => texts,
            Self::Number(number) => number,
        }
    }

    pub(super) fn sql_type(&self) -> Type {
        match self {
            Self::Text(_) => Type::TEXT,
            Self::Texts(_) => Type::TEXT_ARRAY,
            Self::Number(_) => Type::INT8,
        }
    }
}

/// The positions of what matches, in order; a query without alternatives matches all.
pub(super) fn positions(schema: &str, query: &Query, range: Range) -> Question {
    let mut writer = Writer::new(schema, &[], range);
    let text = writer.matching(&branches(query));
    writer.question(text)
}

/// The events that match, in order.
pub(super) fn events(
    schema: &str,
    columns: &str,
    query: &Query,
    prefixes: &[String],
    range: Range,
) -> Question {
    let mut writer = Writer::new(schema, prefixes, range);
    let text = match &branches(query)[..] {
        [one @ (Branch::All | Branch::Type(_))] => writer.branch(one, columns),
        branches => {
            let matching = writer.matching(branches);
            format!(
                "SELECT {columns} FROM ({matching}) AS m JOIN {schema}.events AS e USING (position) ORDER BY position"
            )
        }
    };
    writer.question(text)
}

/// Whether what is not wanted must be gone through to find what is.
pub(super) fn is_scan(query: &Query, prefixes: &[String]) -> bool {
    !prefixes.is_empty() || branches(query).iter().any(|b| matches!(b, Branch::All))
}

fn branches(query: &Query) -> Vec<Branch<'_>> {
    if query.items.is_empty() {
        return vec![Branch::All];
    }
    query.items.iter().flat_map(of_item).collect()
}

fn of_item(item: &QueryItem) -> Vec<Branch<'_>> {
    match (item.types.is_empty(), item.tags.is_empty()) {
        (true, true) => vec![Branch::All],
        (false, true) => item.types.iter().map(|t| Branch::Type(t)).collect(),
        (_, false) => vec![Branch::Tags(item)],
    }
}

/// Writes statements; `$1` and `$2` are the range, `$3` is the limit.
struct Writer<'a> {
    schema: &'a str,
    values: Vec<Value>,
    plan_anew: bool,
    /// What streams must be like.
    stream: Option<String>,
}

impl<'a> Writer<'a> {
    fn new(schema: &'a str, prefixes: &[String], range: Range) -> Self {
        let mut writer = Self {
            schema,
            values: [range.from, range.to, range.limit]
                .map(Value::Number)
                .to_vec(),
            plan_anew: false,
            stream: None,
        };
        if !prefixes.is_empty() {
            let prefixes = writer.value(Value::Texts(prefixes.to_vec()));
            writer.stream = Some(format!("stream ^@ ANY ({prefixes})"));
        }
        writer
    }

    fn value(&mut self, value: Value) -> String {
        self.values.push(value);
        format!("${}", self.values.len())
    }

    fn matching(&mut self, branches: &[Branch<'_>]) -> String {
        let branches: Vec<String> = branches
            .iter()
            .map(|b| self.branch(b, "position"))
            .collect();
        match &branches[..] {
            [one] => one.clone(),
            many => {
                let all = many.join(") UNION (");
                format!("SELECT position FROM (({all})) AS matching ORDER BY position LIMIT $3")
            }
        }
    }

    fn branch(&mut self, branch: &Branch<'_>, columns: &str) -> String {
        let s = self.schema;
        let (from, mut conditions) = match branch {
            Branch::All => (format!("{s}.events"), vec!["NOT type ^@ '$'".to_owned()]),
            Branch::Type(name) => {
                let name = self.value(Value::Text((*name).to_owned()));
                (format!("{s}.events"), vec![format!("type = {name}")])
            }
            Branch::Tags(item) => self.tags(item),
        };
        if let Some(stream) = &self.stream {
            conditions.push(match branch {
                Branch::Tags(_) => {
                    format!("(SELECT {stream} FROM {s}.events AS e WHERE e.position = t0.position)")
                }
                _ => stream.clone(),
            });
        }
        let conditions = conditions.join(" AND ");
        format!(
            "SELECT {columns} FROM {from} WHERE position >= $1 AND position < $2 AND {conditions} ORDER BY position LIMIT $3"
        )
    }

    fn tags(&mut self, item: &QueryItem) -> (String, Vec<String>) {
        let s = self.schema;
        let mut from = format!("{s}.tags AS t0");
        let mut conditions = Vec::new();
        for (at, tag) in item.tags.iter().enumerate() {
            let tag = self.value(Value::Text(tag.clone()));
            conditions.push(format!("t{at}.tag = {tag}"));
            if at > 0 {
                from += &format!(" JOIN {s}.tags AS t{at} USING (position)");
                self.plan_anew = true;
            }
        }
        if !item.types.is_empty() {
            let types = self.value(Value::Texts(item.types.clone()));
            conditions.push(format!("t0.type = ANY ({types})"));
        }
        (from, conditions)
    }

    fn question(self, text: String) -> Question {
        Question {
            text,
            values: self.values,
            plan_anew: self.plan_anew,
        }
    }
}

impl Question {
    pub(super) fn parameters(&self) -> Parameters<'_> {
        self.values.iter().map(Value::as_sql).collect()
    }

    pub(super) fn typed(&self) -> Vec<(&(dyn ToSql + Sync), Type)> {
        let values = self.values.iter();
        values.map(|v| (v.as_sql(), v.sql_type())).collect()
    }
}
