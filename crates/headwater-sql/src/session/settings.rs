//! `SET` and `RESET`. A setting that is not known is an error, and one that means nothing here says so.

use super::Session;
use super::planned::Planned;
use crate::error::{Result, SqlError, suggestion};
use crate::statement::{Name, TableOption};

/// Name of the jobs that are started from now on.
pub(crate) const PIPELINE_NAME: &str = "pipeline.name";
const TIME_ZONE: &str = "table.local-time-zone";
const STATE_TTL: &str = "table.exec.state.ttl";

/// Settings that Flink has and that change nothing here, with the reason.
const WITHOUT_EFFECT: [(&str, &str); 12] = [
    (
        "execution.runtime-mode",
        "inputs that end are read to their end, others are followed",
    ),
    (
        "execution.checkpointing.interval",
        "every epoch is a checkpoint",
    ),
    ("execution.checkpointing.mode", "it is always exactly once"),
    (
        "parallelism.default",
        "all cores are used unless --threads says otherwise",
    ),
    (
        "table.exec.mini-batch.enabled",
        "rows are always worked on in batches",
    ),
    (
        "table.exec.mini-batch.allow-latency",
        "rows are never held back for a batch",
    ),
    (
        "table.exec.mini-batch.size",
        "rows are always worked on in batches",
    ),
    (
        "table.optimizer.agg-phase-strategy",
        "there is one way to aggregate",
    ),
    (
        "table.optimizer.distinct-agg.split.enabled",
        "there is one way to aggregate",
    ),
    ("table.dml-sync", "a SELECT waits for the jobs before it"),
    (
        "sql-client.execution.result-mode",
        "the command line's -o says how rows are shown",
    ),
    ("table.sql-dialect", "there is one dialect"),
];

/// Settings that are refused because ignoring them would change results, and what to do instead.
const REFUSED: [(&str, &str); 2] = [
    (
        "table.exec.source.idle-timeout",
        "give the table 'scan.watermark.idle-timeout'",
    ),
    (
        "table.exec.emit.allow-lateness",
        "give the table 'allowed-lateness'",
    ),
];

fn known() -> impl Iterator<Item = &'static str> {
    let own = [PIPELINE_NAME, TIME_ZONE, STATE_TTL];
    let others = WITHOUT_EFFECT.iter().chain(&REFUSED);
    own.into_iter().chain(others.map(|(name, _)| *name))
}

impl Session {
    pub(super) fn set(&mut self, pair: Option<&TableOption>) -> Result<Planned> {
        let Some(TableOption {
            key, value, span, ..
        }) = pair
        else {
            return Ok(self.show_settings());
        };
        let of = |(name, _): &&(&str, &str)| name.eq_ignore_ascii_case(key);
        if let Some((name, hint)) = REFUSED.iter().find(of) {
            return Err(
                SqlError::unsupported(format!("setting '{name}' is not supported"))
                    .at(*span)
                    .with_hint(*hint),
            );
        }
        if let Some((name, why)) = WITHOUT_EFFECT.iter().find(of) {
            self.settings.insert((*name).to_owned(), value.clone());
            let text = format!("setting '{name}' has no effect: {why}");
            return Ok(Planned::Warning(text));
        }
        let wrong =
            |message: String, hint: &str| Err(SqlError::invalid(message).at(*span).with_hint(hint));
        match key.to_ascii_lowercase().as_str() {
            PIPELINE_NAME if !is_job_name(value) => {
                return wrong(
                    format!("'{value}' cannot be the name of a job"),
                    "a name has up to 100 letters, digits, '-', '_' and '.'",
                );
            }
            TIME_ZONE if !["UTC", "Z", "Etc/UTC"].contains(&value.as_str()) => {
                return wrong(
                    format!("time zone '{value}' is not supported"),
                    "times are shown in UTC",
                );
            }
            STATE_TTL if !value.trim_start().starts_with('0') => {
                return wrong(
                    format!("setting '{STATE_TTL}' is not supported yet"),
                    "state is kept until the watermark or a deletion frees it",
                );
            }
            PIPELINE_NAME | TIME_ZONE | STATE_TTL => {}
            _ => return Err(unknown(key, *span)),
        }
        self.settings
            .insert(key.to_ascii_lowercase(), value.clone());
        Ok(Planned::Done)
    }

    fn show_settings(&self) -> Planned {
        let settings = self.settings.iter();
        let rows = settings.map(|(k, v)| vec![k.clone(), v.clone()]);
        Planned::Rows(vec!["key".to_owned(), "value".to_owned()], rows.collect())
    }

    pub(super) fn reset(&mut self, key: Option<&Name>) -> Result<Planned> {
        let Some(key) = key else {
            self.settings.clear();
            return Ok(Planned::Done);
        };
        if !known().any(|k| k.eq_ignore_ascii_case(&key.value)) {
            return Err(unknown(&key.value, key.span));
        }
        self.settings.remove(&key.value.to_ascii_lowercase());
        Ok(Planned::Done)
    }
}

fn unknown(key: &str, span: sqlparser::tokenizer::Span) -> SqlError {
    SqlError::not_found(format!("unknown setting '{key}'"))
        .at(span)
        .with_hint_opt(suggestion(key, known()))
}

/// Whether a job can be called so; the names of its topics are made of it.
pub(crate) fn is_job_name(name: &str) -> bool {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
    !name.is_empty() && name.len() <= 100 && name.chars().all(is_plain)
}
