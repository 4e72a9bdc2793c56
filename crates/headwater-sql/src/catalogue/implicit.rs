//! Topics without DDL as tables: their format and columns are inferred from their first records.

use std::sync::Arc;

use bytes::Bytes;
use headwater_flow::connector::{Options, Registry};
use headwater_flow::plan::{Changes, ColumnDef, ColumnKind, TableDef};
use headwater_log::{Log, TopicPartition};

use super::object::Object;
use crate::planner::DEFAULT_CONNECTOR;
use crate::statement::{ObjectKind, quote, type_name};

/// How many records of a partition are looked at.
const SAMPLE_RECORDS: usize = 256;
const SAMPLE_BYTES: usize = 256 << 10;

/// The formats that are tried, the most telling first; `raw` takes anything.
const FORMATS: [&str; 2] = ["json", "raw"];

/// The table that a topic is, if there is such a topic and its records can be read.
pub(crate) fn table(log: &Log, registry: &Registry, name: &str) -> Option<Object> {
    let topic = log.topic(name)?;
    let mut values: Vec<Bytes> = Vec::new();
    for partition in 0..topic.config.partitions {
        let room = SAMPLE_RECORDS.saturating_sub(values.len());
        if room == 0 {
            break;
        }
        values.extend(sample(log, &TopicPartition::new(name, partition), room));
    }
    let values: Vec<&[u8]> = values.iter().map(|v| &v[..]).collect();
    FORMATS.iter().find_map(|format| {
        let schema = registry.format(format).ok()?.infer(&values).ok()?;
        let columns = schema.fields().iter().map(|f| ColumnDef {
            name: f.name().clone(),
            data_type: f.data_type().clone(),
            nullable: true,
            kind: ColumnKind::Physical,
        });
        let columns: Vec<ColumnDef> = columns.collect();
        (!columns.is_empty()).then(|| object(name, format, columns))
    })
}

fn sample(log: &Log, of: &TopicPartition, room: usize) -> Vec<Bytes> {
    let mut values = Vec::new();
    let Ok(bounds) = log.bounds(of) else {
        return values;
    };
    let Ok(fetched) = log.fetch(of, bounds.start, SAMPLE_BYTES) else {
        return values;
    };
    for batch in &fetched.batches {
        // A batch that is damaged is found by the query itself.
        let read = batch.for_each(|record| values.extend(record.to_record().value));
        if read.is_err() || values.len() >= room {
            break;
        }
    }
    values.truncate(room);
    values
}

fn object(name: &str, format: &str, columns: Vec<ColumnDef>) -> Object {
    let declared: Vec<String> = columns
        .iter()
        .map(|c| format!("{} {}", quote(&c.name), type_name(&c.data_type)))
        .collect();
    let sql = format!(
        "CREATE TABLE {} ({}) WITH ('format' = '{format}')",
        quote(name),
        declared.join(", ")
    );
    let table = TableDef {
        name: name.to_owned(),
        columns,
        watermark: None,
        primary_key: Vec::new(),
        changes: Changes::Append,
        connector: DEFAULT_CONNECTOR.to_owned(),
        options: Options::new([("format".to_owned(), format.to_owned())]),
    };
    Object {
        name: name.to_owned(),
        kind: ObjectKind::Table,
        sql,
        table: Some(Arc::new(table)),
        query: None,
        columns: Vec::new(),
        is_suspended: false,
        commit: 0,
    }
}
