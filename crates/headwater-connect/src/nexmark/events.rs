//! Nexmark events by their number. The generator seeds its randomness with the number, so any event can be made alone;
//! only its clock is replaced by one that does not lose precision.

use headwater_flow::connector::Options;
use headwater_flow::{Error, ErrorKind, Result};
use nexmark::EventGenerator;
use nexmark::config::NexmarkConfig;
use nexmark::event::Event;

/// Event time of the first event unless `events.base-time` says otherwise: 2020-01-01 00:00:00.
const BASE_TIME_MS: i64 = 1_577_836_800_000;

/// Makes events.
#[derive(Debug, Clone)]
pub(super) struct Events {
    generator: EventGenerator,
    base_ms: i64,
    per_second: u64,
}

impl Events {
    /// The events that `options` describe, `per_second` of them in a second of event time.
    ///
    /// # Errors
    /// `Invalid` for wrong options.
    pub(super) fn new(options: &Options, per_second: u64) -> Result<Self> {
        let base_ms = options.parse("events.base-time")?.unwrap_or(BASE_TIME_MS);
        let mut config = NexmarkConfig {
            // The clock is ours; the generator's is only asked how long auctions last.
            base_time: 0,
            first_rate: 10_000,
            next_rate: 10_000,
            ..NexmarkConfig::default()
        };
        let proportions = [
            ("person.proportion", &mut config.person_proportion),
            ("auction.proportion", &mut config.auction_proportion),
            ("bid.proportion", &mut config.bid_proportion),
        ];
        for (name, proportion) in proportions {
            if let Some(value) = options.parse::<usize>(name)? {
                if !(1..=1_000_000).contains(&value) {
                    let text = format!("option '{name}' must be 1 to 1000000");
                    return Err(Error::new(ErrorKind::Invalid, text));
                }
                *proportion = value;
            }
        }
        if let Some(size) = options.parse("bid.avg-size")? {
            config.avg_bid_byte_size = size;
        }
        Ok(Self {
            generator: EventGenerator::new(config),
            base_ms,
            per_second: per_second.max(1),
        })
    }

    /// The events from number `from` on, each with its time in milliseconds and, for an auction, when it expires.
    pub(super) fn from(&self, from: u64) -> impl Iterator<Item = (Event, i64, i64)> + '_ {
        let events = self.generator.clone().with_offset(from);
        events.zip(from..).map(|(event, number)| {
            let time = self.time(number);
            let lasts = match &event {
                Event::Auction(a) => a.expires.saturating_sub(a.date_time) as i64,
                _ => 0,
            };
            (event, time, time + lasts)
        })
    }

    fn time(&self, number: u64) -> i64 {
        let ms = u128::from(number) * 1_000 / u128::from(self.per_second);
        self.base_ms
            .saturating_add(i64::try_from(ms).unwrap_or(i64::MAX))
    }
}
