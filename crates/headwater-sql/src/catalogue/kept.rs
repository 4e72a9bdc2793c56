//! The topics that keep what would otherwise vanish, as tables: `<table>$errors` holds the records of a table that did not
//! decode, `<view or sink>$late` those that came too late. They can be named before they exist; they are empty then.

use std::sync::Arc;

use super::object::Object;
use crate::error::Result;
use crate::planner::{Names, Relation, define_table};
use crate::statement::{ObjectKind, Statement, parse, quote};

const ERRORS: &str = "$errors";
const LATE: &str = "$late";

/// The columns of `$late`, in front of those that both have.
const LATE_COLUMNS: &str = "
    event_time AS TO_TIMESTAMP_LTZ(CAST(headers['headwater.event-time'] AS STRING)),
    watermark AS TO_TIMESTAMP_LTZ(CAST(headers['headwater.watermark'] AS STRING)),
    windows AS CAST(headers['headwater.windows'] AS STRING),";

/// The columns that both have.
const COLUMNS: &str = "
    `value` AS DECODE(value_bytes, 'UTF-8'),
    source_table AS CAST(headers['headwater.table'] AS STRING),
    source_partition AS CAST(headers['headwater.partition'] AS STRING),
    source_offset AS TRY_CAST(CAST(headers['headwater.offset'] AS STRING) AS BIGINT),
    kept_at TIMESTAMP_LTZ(3) METADATA FROM 'timestamp' VIRTUAL,
    `key` BYTES METADATA FROM 'key' VIRTUAL,
    value_bytes BYTES,
    headers MAP<STRING, BYTES> METADATA FROM 'headers' VIRTUAL";

/// The name of what such a topic keeps records of.
pub(crate) fn base(name: &str) -> Option<&str> {
    name.strip_suffix(ERRORS)
        .or_else(|| name.strip_suffix(LATE))
}

/// The names of the topics of this kind that a table or view may have.
pub(crate) fn names(of: &str) -> [String; 2] {
    [format!("{of}{ERRORS}"), format!("{of}{LATE}")]
}

/// The table that such a topic is.
pub(crate) fn table(name: &str) -> Result<Object> {
    let own = match name.ends_with(LATE) {
        true => LATE_COLUMNS,
        false => "",
    };
    let sql = format!(
        "CREATE TABLE {} (
    reason AS CAST(headers['headwater.reason'] AS STRING),{own}{COLUMNS}
) WITH ('format' = 'raw')",
        quote(name)
    );
    let mut table = None;
    for statement in parse(&sql)? {
        if let Statement::CreateTable(create) = &statement.statement {
            table = Some(Arc::new(define_table(create, &NoNames, None)?));
        }
    }
    Ok(Object {
        name: name.to_owned(),
        kind: ObjectKind::Table,
        sql,
        table,
        query: None,
        columns: Vec::new(),
        is_suspended: false,
        commit: 0,
    })
}

/// The definition refers to nothing.
struct NoNames;

impl Names for NoNames {
    fn relation(&self, _: &str) -> Option<Relation> {
        None
    }

    fn relation_names(&self) -> Vec<String> {
        Vec::new()
    }
}
