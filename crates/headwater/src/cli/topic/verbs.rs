//! The verbs: from arguments to requests.

use headwater_log::{Codec, TopicConfig};

use super::args::{TopicArgs, TopicCommand};
use super::{consume, produce};
use crate::cli::args::Format;
use crate::cli::exit::{Failure, Outcome};
use crate::cli::interrupt;
use crate::cli::output::AnswerPrinter;
use crate::cli::request::Request;
use crate::cli::session::{Missing, Session};

/// Runs a verb.
pub(crate) fn run(args: TopicArgs) -> Outcome {
    let (dir, limit) = (args.data.data, args.data.limit);
    // Lines come from a terminal or a pipe, whose reading Ctrl-C is to end at once.
    if !matches!(args.command, TopicCommand::Produce(_)) {
        interrupt::listen()?;
    }
    let open = |missing| Session::open(&dir, missing, limit.options());
    match args.command {
        TopicCommand::List { internal, output } => {
            let requests = [Request::TopicList { internal }];
            open(Missing::Refuse)?.finish(|s| ask_each(s, requests, output))
        }
        TopicCommand::Describe { topic, output } => {
            let requests = [Request::TopicDescribe { topic }];
            open(Missing::Refuse)?.finish(|s| ask_each(s, requests, output))
        }
        TopicCommand::Create {
            topics,
            partitions,
            config,
        } => {
            let config = parse_config(partitions, &config)?;
            let create = |topic| Request::TopicCreate {
                topic,
                config: config.clone(),
            };
            let requests = topics.into_iter().map(create);
            open(Missing::Make)?.finish(|s| ask_each(s, requests, Format::Table))
        }
        TopicCommand::Delete { topics } => {
            let requests = topics
                .into_iter()
                .map(|topic| Request::TopicDelete { topic });
            open(Missing::Refuse)?.finish(|s| ask_each(s, requests, Format::Table))
        }
        TopicCommand::Produce(args) => produce::run(&args, || open(Missing::Refuse)),
        TopicCommand::Consume(args) => consume::run(&args, || open(Missing::Refuse)),
    }
}

fn ask_each(
    session: &mut Session,
    requests: impl IntoIterator<Item = Request>,
    format: Format,
) -> Outcome {
    let mut printer = AnswerPrinter::new(format);
    requests
        .into_iter()
        .try_for_each(|request| session.ask(&request, &mut |reply| printer.take(reply)))
}

/// Settings under the names that Kafka gives them.
fn parse_config(partitions: u32, settings: &[String]) -> Outcome<TopicConfig> {
    let mut config = TopicConfig::partitions(partitions);
    for setting in settings {
        let (key, value) = setting
            .split_once('=')
            .ok_or_else(|| Failure::usage(format!("setting '{setting}' is not KEY=VALUE")))?;
        set(&mut config, key.trim(), value.trim()).ok_or_else(|| {
            Failure::usage(format!(
                "setting '{key}' does not exist or cannot be '{value}'"
            ))
            .with_hint(format!("settings are {}", SETTINGS.join(", ")))
        })?;
    }
    Ok(config)
}

const SETTINGS: [&str; 7] = [
    "cleanup.policy",
    "compression.type",
    "retention.ms",
    "retention.bytes",
    "delete.retention.ms",
    "segment.bytes",
    "key.index",
];

/// Sets one; `None`: there is no such setting or value.
fn set(config: &mut TopicConfig, key: &str, value: &str) -> Option<()> {
    let cleanup = &mut config.cleanup;
    match key {
        "cleanup.policy" => match value {
            "delete" => cleanup.compact = false,
            "compact" => cleanup.compact = true,
            _ => return None,
        },
        "compression.type" => {
            let name = |codec: &Codec| format!("{codec:?}").eq_ignore_ascii_case(value);
            config.compression = Codec::ALL.into_iter().find(name)?;
        }
        "retention.ms" => cleanup.retention_ms = limit(value)?,
        "retention.bytes" => {
            cleanup.retention_bytes = limit(value)?.and_then(|v| u64::try_from(v).ok())
        }
        "delete.retention.ms" => {
            cleanup.delete_retention_ms = value.parse().ok().filter(|v| *v >= 0)?
        }
        "segment.bytes" => config.segment_bytes = value.parse().ok()?,
        "key.index" => config.key_index = value.parse().ok()?,
        _ => return None,
    }
    Some(())
}

/// A number, or −1 for none.
fn limit(value: &str) -> Option<Option<i64>> {
    match value.parse::<i64>().ok()? {
        -1 => Some(None),
        n if n >= 0 => Some(Some(n)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_are_those_of_kafka() {
        let texts = [
            "cleanup.policy=compact",
            "retention.ms=-1",
            "retention.bytes=5",
            "compression.type=zstd",
        ];
        let config = parse_config(3, &texts.map(str::to_owned)).expect("understood");
        assert_eq!((config.partitions, config.compression), (3, Codec::Zstd));
        assert!(config.cleanup.compact);
        assert_eq!(
            (config.cleanup.retention_ms, config.cleanup.retention_bytes),
            (None, Some(5))
        );
        for wrong in [
            "x=1",
            "retention.ms",
            "retention.ms=-2",
            "compression.type=brotli",
        ] {
            assert!(parse_config(1, &[wrong.to_owned()]).is_err(), "{wrong}");
        }
    }
}
