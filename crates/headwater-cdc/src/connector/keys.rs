//! The keys that people use, and what they are here.

use std::fmt::Write;

use headwater_log::Result;

use super::columns::{columns, skipped};
use super::overrides::overrides;
use super::said::{Said, unsupported};
use super::tables::{Tables, patterns};
use super::text::{CLASS, pairs};
use super::transform::{is_router, transform, unwrapped};
use super::{address, transform::outbox};
use crate::filter::Condition;

/// What Debezium calls slots and publications unless told otherwise.
const SLOT: &str = "debezium";
const PUBLICATION: &str = "dbz_publication";
const JSON: &str = "org.apache.kafka.connect.json.JsonConverter";
/// The converters that leave the payload of an outbox as it is.
const AS_IT_IS: &[&str] = &[
    JSON,
    "org.apache.kafka.connect.storage.StringConverter",
    "org.apache.kafka.connect.converters.ByteArrayConverter",
    "io.debezium.converters.BinaryDataConverter",
    "io.debezium.converters.ByteArrayConverter",
];

const BEATS: &str = "heartbeat.interval.ms";
/// How topics are called unless said, of which there are two.
const NAMING: &[&str] = &[
    "io.debezium.schema.DefaultTopicNamingStrategy",
    "io.debezium.schema.SchemaTopicNamingStrategy",
];

/// Keys of speed, retries and storage: what they are about is done otherwise here, and the topics are the same.
const HARMLESS: &[&str] = &[
    "connect.keep.alive",
    "connect.keep.alive.interval.ms",
    "connect.timeout.ms",
    "database.tcpKeepAlive",
    "errors.log.enable",
    "errors.max.retries",
    "errors.retry.delay.initial.ms",
    "errors.retry.delay.max.ms",
    "errors.retry.timeout",
    "incremental.snapshot.chunk.size",
    "max.batch.size",
    "max.queue.size",
    "max.queue.size.in.bytes",
    "min.row.count.to.stream.results",
    "name",
    "poll.interval.ms",
    "publish.via.partition.root",
    "retriable.restart.connector.wait.ms",
    "slot.max.retries",
    "slot.retry.delay.ms",
    "snapshot.fetch.size",
    "snapshot.isolation.mode",
    "snapshot.lock.timeout.ms",
    "snapshot.locking.mode",
    "snapshot.max.threads",
    "status.update.interval.ms",
    "tasks.max",
    "topic.creation.default.replication.factor",
    "topic.creation.enable",
];

/// Keys of which one value is what is done anyway.
const USUAL: &[(&str, &[&str])] = &[
    ("event.processing.failure.handling.mode", &["fail"]),
    ("errors.tolerance", &["none"]),
    ("field.name.adjustment.mode", &["none"]),
    ("include.schema.changes", &["false"]),
    ("include.schema.comments", &["false"]),
    ("include.unknown.datatypes", &["true", "false"]),
    ("inconsistent.schema.handling.mode", &["fail"]),
    ("schema.name.adjustment.mode", &["none"]),
    ("topic.naming.strategy", NAMING),
    ("topic.creation.default.partitions", &["1", "-1"]),
    ("topic.delimiter", &["."]),
    (
        "unavailable.value.placeholder",
        &["__debezium_unavailable_value"],
    ),
];

/// The file of ours that a connector's configuration stands for; `None`: the text is none.
///
/// # Errors
/// `Unsupported` for a key or a value that there is nothing for, with the nearest known key; `Invalid` if something is missing.
pub fn translated(text: &str) -> Result<Option<String>> {
    let Some(pairs) = pairs(text)? else {
        return Ok(None);
    };
    file(&Said::new(pairs)).map(Some)
}

/// The file that says the same.
fn file(said: &Said) -> Result<String> {
    let class = said.need(CLASS)?;
    let kind = class.rsplit('.').next().unwrap_or(class);
    let mut out = String::new();
    match kind {
        "PostgresConnector" => postgres(said, &mut out)?,
        "MySqlConnector" | "MariaDbConnector" => mysql(said, &mut out)?,
        _ => {
            let known = "PostgresConnector, MySqlConnector or MariaDbConnector";
            return Err(unsupported(CLASS, known));
        }
    }
    for key in HARMLESS {
        said.get(key);
    }
    USUAL
        .iter()
        .try_for_each(|(key, values)| said.only(key, values))?;
    said.finish()?;
    Ok(out)
}

/// `key = "value"`.
pub(super) fn put(out: &mut String, key: &str, value: &str) {
    // What JSON escapes, and how, is so in TOML too.
    put_plain(out, key, serde_json::Value::from(value));
}

/// `key = value`.
pub(super) fn put_plain(out: &mut String, key: &str, value: impl std::fmt::Display) {
    writeln!(out, "{key} = {value}").expect("a string takes every text");
}

fn prefix(said: &Said) -> Result<&str> {
    let older = said.get("database.server.name");
    match said.get("topic.prefix").or(older) {
        Some(prefix) => Ok(prefix),
        None => said.need("topic.prefix"),
    }
}

fn snapshot(said: &Said, out: &mut String) -> Result<()> {
    match said.get("snapshot.mode").unwrap_or("initial") {
        "initial" => {}
        "when_needed" => put(out, "on-loss", "backfill"),
        "initial_only" => put_plain(out, "backfill-only", true),
        "always" => put_plain(out, "backfill-always", true),
        "never" | "no_data" | "schema_only" => put_plain(out, "backfill", false),
        _ => {
            return Err(unsupported(
                "snapshot.mode",
                "initial, initial_only, always, when_needed or no_data",
            ));
        }
    }
    let tables = patterns(said, "snapshot.include.collection.list")?;
    if !tables.is_empty() {
        put_plain(out, "backfill-tables", serde_json::Value::from(tables));
    }
    Ok(())
}

fn postgres(said: &Said, out: &mut String) -> Result<()> {
    said.only("plugin.name", &["pgoutput"])?;
    said.only("slot.drop.on.stop", &["false"])?;
    put(out, "url", &address::postgres(said)?);
    let tables = Tables::of_schemas(said)?;
    let slot = said.get("slot.name").unwrap_or(SLOT);
    let publication = said.get("publication.name").unwrap_or(PUBLICATION);
    // Made, it has the captured tables alone: what topics have is the same.
    let makes = match said
        .get("publication.autocreate.mode")
        .unwrap_or("all_tables")
    {
        "filtered" | "all_tables" => true,
        "disabled" => false,
        _ => {
            return Err(unsupported(
                "publication.autocreate.mode",
                "filtered, all_tables or disabled",
            ));
        }
    };
    let prefix = prefix(said)?;
    let transform = transform(said)?;
    if let Some(transform) = transform.as_deref().filter(|t| is_router(said, t)) {
        converters(said, AS_IT_IS)?;
        said.only(BEATS, &["0"])?;
        return outbox(said, transform, slot, tables.one()?, out);
    }
    if let Some(transform) = &transform {
        unwrapped(said, transform)?;
    }
    put(out, "format", "debezium-json");
    tables.put(out);
    put(out, "slot", slot);
    put(out, "publication", publication);
    put_plain(out, "create-publication", makes);
    put(out, "topic-prefix", prefix);
    snapshot(said, out)?;
    skipped(said, out)?;
    events(said, transform.is_some(), "adaptive", out)?;
    messages(said, prefix, out);
    columns(said, out)?;
    overrides(said, |_| Ok(()), out)?;
    heartbeat(said, true, out)
}

/// The interval of heartbeats; `None`: there are none.
fn beats(said: &Said) -> Result<Option<u64>> {
    let interval = said.get(BEATS).unwrap_or("0").parse::<u64>();
    let interval = interval.map_err(|_| unsupported(BEATS, "a number of milliseconds"))?;
    Ok(Some(interval).filter(|interval| *interval > 0))
}

/// The topic of heartbeats.
fn heartbeats(said: &Said, out: &mut String) -> Result<()> {
    let older = said.get("heartbeat.topics.prefix");
    let prefix = said.get("topic.heartbeat.prefix").or(older);
    if let Some(interval) = beats(said)? {
        put_plain(out, "heartbeat-ms", interval);
        if let Some(prefix) = prefix {
            put(out, "heartbeat-topic", prefix);
        }
    }
    Ok(())
}

/// The part `heartbeat`; `usual`: also without a statement.
fn heartbeat(said: &Said, usual: bool, out: &mut String) -> Result<()> {
    let statement = said.get("heartbeat.action.query");
    let Some(interval) = beats(said)?.filter(|_| usual || statement.is_some()) else {
        return Ok(());
    };
    out.push_str("[heartbeat]\n");
    put_plain(out, "interval-ms", interval);
    if let Some(statement) = statement {
        put(out, "statement", statement);
    }
    Ok(())
}

/// Messages of applications, all of which Debezium takes over unless told otherwise.
fn messages(said: &Said, prefix: &str, out: &mut String) {
    out.push_str("[logical-messages]\n");
    put(out, "topic", &format!("{prefix}.message"));
    if let Some(list) = said.get("message.prefix.include.list") {
        let prefixes = list.split(',').map(str::trim);
        let prefixes: Vec<&str> = prefixes.filter(|prefix| !prefix.is_empty()).collect();
        put_plain(out, "prefixes", serde_json::Value::from(prefixes));
    }
}

/// What a key says, if it does.
fn one_of<'a>(said: &'a Said, key: &str, values: &[&str]) -> Result<Option<&'a str>> {
    said.only(key, values)?;
    Ok(said.get(key))
}

/// What events look like.
fn events(said: &Said, is_unwrapped: bool, adaptive: &str, out: &mut String) -> Result<()> {
    let decimals = said.get("decimal.handling.mode").unwrap_or("precise");
    if !["precise", "string", "double"].contains(&decimals) {
        return Err(unsupported(
            "decimal.handling.mode",
            "precise, string or double",
        ));
    }
    converters(said, &[JSON])?;
    out.push_str("[debezium]\n");
    put(out, "decimals", decimals);
    put_plain(out, "schemas", schemas(said)?);
    put_plain(out, "tombstones", said.flag("tombstones.on.delete", true)?);
    let topic = said.get("topic.transaction");
    if said.flag("provide.transaction.metadata", false)? {
        put_plain(out, "transactions", true);
        if let Some(topic) = topic {
            put(out, "transaction-topic", topic);
        }
    }
    heartbeats(said, out)?;
    if let Some(times) = one_of(
        said,
        "time.precision.mode",
        &[adaptive, "connect", "isostring"],
    )? {
        put(out, "times", times.split('_').next().unwrap_or(times));
    }
    if let Some(intervals) = one_of(said, "interval.handling.mode", &["numeric", "string"])? {
        put(out, "intervals", intervals);
    }
    let binary = ["bytes", "base64", "base64-url-safe", "hex"];
    if let Some(binary) = one_of(said, "binary.handling.mode", &binary)? {
        put(out, "binary", binary);
    }
    if is_unwrapped {
        put_plain(out, "unwrapped", true);
    }
    Ok(())
}

fn mysql(said: &Said, out: &mut String) -> Result<()> {
    said.only("include.query", &["false"])?;
    said.under("schema.history.internal.");
    put(out, "url", &address::mysql(said)?);
    let (tables, prefix) = (Tables::of_databases(said)?, prefix(said)?);
    let id = said.get("database.server.id").map(str::parse::<u32>);
    let id = id.transpose();
    let id = id.map_err(|_| unsupported("database.server.id", "a number"))?;
    let transform = transform(said)?;
    if let Some(transform) = transform.as_deref().filter(|t| is_router(said, t)) {
        converters(said, AS_IT_IS)?;
        said.only(BEATS, &["0"])?;
        // As which replica it is read is nobody's concern: one is made up.
        return outbox(said, transform, prefix, tables.one()?, out);
    }
    put(out, "format", "debezium-json");
    tables.put(out);
    put(out, "topic-prefix", prefix);
    if let Some(id) = id {
        put_plain(out, "server-id", id);
    }
    snapshot(said, out)?;
    if let Some(transform) = &transform {
        unwrapped(said, transform)?;
    }
    skipped(said, out)?;
    events(said, transform.is_some(), "adaptive_time_microseconds", out)?;
    if let Some(unsigned) = one_of(said, "bigint.unsigned.handling.mode", &["long", "precise"])? {
        put(out, "unsigned", unsigned);
    }
    columns(said, out)?;
    overrides(said, |text| Condition::parse(text).map(drop), out)?;
    heartbeat(said, false, out)
}

/// What keys and values are written by.
fn converters(said: &Said, known: &[&str]) -> Result<()> {
    said.only("key.converter", known)?;
    said.only("value.converter", known)
}

/// Whether events come with their schemas.
pub(super) fn schemas(said: &Said) -> Result<bool> {
    let key = said.flag("key.converter.schemas.enable", true)?;
    let value = said.flag("value.converter.schemas.enable", true)?;
    match key == value {
        true => Ok(value),
        false => Err(unsupported(
            "key.converter.schemas.enable",
            "what it is for values",
        )),
    }
}
