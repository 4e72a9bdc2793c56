//! The topics of the log, as rows.

use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch, StringArray, UInt32Array, UInt64Array};
use headwater_log::{ErrorKind, Log, TopicConfig, TopicDescription, TopicPartition};

use crate::cli::exit::{Code, Failure, Outcome};
use crate::cli::request::{Replies, Reply};

/// `topic list`.
pub(super) fn list(log: &Log, internal: bool, replies: Replies<'_>) -> Outcome {
    let topics = log.topics();
    let shown: Vec<&TopicDescription> = topics
        .iter()
        .filter(|t| internal || !t.config.internal)
        .collect();
    let records = shown
        .iter()
        .map(|t| record_count(log, t))
        .collect::<Outcome<Vec<_>>>()?;
    let names = shown.iter().map(|t| Some(t.name.as_str()));
    rows(
        vec![
            ("name", Arc::new(names.collect::<StringArray>())),
            (
                "partitions",
                Arc::new(
                    shown
                        .iter()
                        .map(|t| Some(t.config.partitions))
                        .collect::<UInt32Array>(),
                ),
            ),
            ("records", Arc::new(UInt64Array::from(records))),
        ],
        replies,
    )
}

/// `topic create`.
pub(super) fn create(log: &Log, topic: &str, config: TopicConfig, replies: Replies<'_>) -> Outcome {
    log.create_topic(topic, config).map_err(|error| {
        let is_wrong = error.kind() == ErrorKind::Invalid;
        let mut failure = Failure::from(error);
        if is_wrong {
            failure.code = Code::Usage;
        }
        failure
    })?;
    replies(Reply::Line(format!("created topic '{topic}'")))
}

/// `topic delete`.
pub(super) fn delete(log: &Log, topic: &str, replies: Replies<'_>) -> Outcome {
    description(log, topic)?;
    log.delete_topic(topic)?;
    replies(Reply::Line(format!("deleted topic '{topic}'")))
}

/// `topic describe`: the settings as notes, the partitions as rows.
pub(super) fn describe(log: &Log, topic: &str, replies: Replies<'_>) -> Outcome {
    let topic = description(log, topic)?;
    for (key, value) in settings(&topic.config) {
        replies(Reply::Note(format!("{key} = {value}")))?;
    }
    let partitions = 0..topic.config.partitions;
    let bounds = partitions
        .clone()
        .map(|p| Ok(log.bounds(&TopicPartition::new(topic.name.as_str(), p))?))
        .collect::<Outcome<Vec<_>>>()?;
    rows(
        vec![
            (
                "partition",
                Arc::new(UInt32Array::from_iter_values(partitions)),
            ),
            (
                "start",
                Arc::new(UInt64Array::from_iter_values(
                    bounds.iter().map(|b| b.start.0),
                )),
            ),
            (
                "end",
                Arc::new(UInt64Array::from_iter_values(
                    bounds.iter().map(|b| b.end.0),
                )),
            ),
        ],
        replies,
    )
}

/// The topic, or the nearest name.
pub(super) fn description(log: &Log, topic: &str) -> Outcome<TopicDescription> {
    log.topic(topic).ok_or_else(|| {
        let failure = Failure::failed(format!("topic '{topic}' does not exist"));
        let names: Vec<String> = log.topics().into_iter().map(|t| t.name).collect();
        match nearest(topic, &names) {
            Some(near) => failure.with_hint(format!("did you mean '{near}'?")),
            None => failure.with_hint("`headwater topic list` shows those that do"),
        }
    })
}

/// The name that is most like it, if one is.
pub(super) fn nearest<'a>(name: &str, known: &'a [String]) -> Option<&'a str> {
    let distance = |k: &String| strsim::damerau_levenshtein(name, k);
    let near = known.iter().min_by_key(|k| distance(k))?;
    (distance(near) <= 1 + name.len() / 3).then_some(near)
}

fn record_count(log: &Log, topic: &TopicDescription) -> Outcome<u64> {
    (0..topic.config.partitions).try_fold(0, |sum, p| {
        let bounds = log.bounds(&TopicPartition::new(topic.name.as_str(), p))?;
        Ok(sum + bounds.end.0.saturating_sub(bounds.start.0))
    })
}

/// The settings under the names that Kafka gives them.
fn settings(config: &TopicConfig) -> Vec<(&'static str, String)> {
    let or_none = |v: Option<String>| v.unwrap_or_else(|| "-1".to_owned());
    let cleanup = &config.cleanup;
    vec![
        (
            "cleanup.policy",
            if cleanup.compact { "compact" } else { "delete" }.to_owned(),
        ),
        (
            "compression.type",
            format!("{:?}", config.compression).to_lowercase(),
        ),
        (
            "retention.bytes",
            or_none(cleanup.retention_bytes.map(|v| v.to_string())),
        ),
        (
            "retention.ms",
            or_none(cleanup.retention_ms.map(|v| v.to_string())),
        ),
        (
            "delete.retention.ms",
            cleanup.delete_retention_ms.to_string(),
        ),
        ("segment.bytes", config.segment_bytes.to_string()),
        ("key.index", config.key_index.to_string()),
    ]
}

pub(super) fn rows(columns: Vec<(&str, ArrayRef)>, replies: Replies<'_>) -> Outcome {
    let batch = RecordBatch::try_from_iter(columns)
        .map_err(|e| Failure::failed(format!("cannot make rows: {e}")))?;
    let schema = batch.schema();
    replies(Reply::Begin {
        schema,
        is_stream: false,
    })?;
    replies(Reply::Rows(batch))?;
    replies(Reply::End)
}
