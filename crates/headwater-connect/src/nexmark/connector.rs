//! `'connector' = 'nexmark'`.

use std::sync::Arc;

use headwater_flow::connector::{
    Connector, OptionKind, OptionSpec, Options, Sink, SinkRequest, Source, SourceRequest,
};
use headwater_flow::{Error, ErrorKind, Result};

use super::decoder::NexmarkDecoder;
use super::events::Events;
use crate::generator::{Generator, Pace};

/// Generates the events of the Nexmark benchmark.
#[derive(Debug, Default)]
pub struct NexmarkConnector;

const OPTIONS: &[OptionSpec] = &[
    OptionSpec::new(
        "first-event.rate",
        OptionKind::Count,
        "Accepted for compatibility; the rate is next-event.rate throughout.",
    ),
    OptionSpec::new(
        "next-event.rate",
        OptionKind::Count,
        "Events a second, in event time and in fact (default 10000); 0: as fast as they are taken.",
    ),
    OptionSpec::new(
        "events.num",
        OptionKind::Count,
        "How many events there are (default 0: without end).",
    ),
    OptionSpec::new(
        "events.base-time",
        OptionKind::Number,
        "Event time of the first event in milliseconds (default 2020-01-01).",
    ),
    OptionSpec::new(
        "person.proportion",
        OptionKind::Count,
        "Persons among the events (default 1).",
    ),
    OptionSpec::new(
        "auction.proportion",
        OptionKind::Count,
        "Auctions among the events (default 3).",
    ),
    OptionSpec::new(
        "bid.proportion",
        OptionKind::Count,
        "Bids among the events (default 46).",
    ),
    OptionSpec::new(
        "bid.avg-size",
        OptionKind::Count,
        "Average size of a bid in bytes (default 100).",
    ),
];

/// Events a second unless the options say otherwise.
const RATE: u64 = 10_000;

impl Connector for NexmarkConnector {
    fn name(&self) -> &'static str {
        "nexmark"
    }

    fn options(&self) -> &'static [OptionSpec] {
        OPTIONS
    }

    fn is_bounded(&self, options: &Options) -> bool {
        options.get("events.num").is_some_and(|count| count != "0")
    }

    fn source(&self, request: SourceRequest) -> Result<Box<dyn Source>> {
        let options = &request.options;
        let rate = options.parse::<u64>("next-event.rate")?.unwrap_or(RATE);
        let count = options.parse::<u64>("events.num")?.unwrap_or(0);
        let events = Events::new(options, if rate == 0 { RATE } else { rate })?;
        let pace = Pace {
            rows: (count > 0).then_some(count),
            per_second: (rate > 0).then_some(rate),
        };
        let decoder = Arc::new(NexmarkDecoder::new(&request.schema, events)?);
        Ok(Box::new(Generator::new(
            self.name(),
            pace,
            decoder,
            request.clock,
        )))
    }

    fn sink(&self, request: SinkRequest) -> Result<Box<dyn Sink>> {
        let text = format!(
            "table '{}' cannot be written: it generates events",
            request.table
        );
        Err(Error::new(ErrorKind::Unsupported, text))
    }
}
