//! The week's events, in the order in which they were published. They are part of the binary.

use std::io::Read;

use bytes::Bytes;
use flate2::read::GzDecoder;
use serde::Deserialize;

use crate::cli::exit::{Failure, Outcome};

/// The topics that are played, with their events as gzipped JSON lines.
pub(super) const TOPICS: [(&str, &[u8]); 3] = [
    (
        "flights",
        include_bytes!("../../../../../examples/flights/data/flights.jsonl.gz"),
    ),
    (
        "reports",
        include_bytes!("../../../../../examples/flights/data/reports.jsonl.gz"),
    ),
    (
        "weather",
        include_bytes!("../../../../../examples/flights/data/weather.jsonl.gz"),
    ),
];

/// The statements, in the order of their files.
pub(super) const STATEMENTS: [&str; 5] = [
    include_str!("../../../../../examples/flights/01-tables.sql"),
    include_str!("../../../../../examples/flights/02-departures.sql"),
    include_str!("../../../../../examples/flights/03-board.sql"),
    include_str!("../../../../../examples/flights/04-sessions.sql"),
    include_str!("../../../../../examples/flights/05-reports.sql"),
];

/// One event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Event {
    /// When it was published, milliseconds since 1970.
    pub(super) published: i64,
    /// Index into [`TOPICS`].
    pub(super) topic: usize,
    /// The flight, or the airport of an observation.
    pub(super) key: Bytes,
    /// The JSON object.
    pub(super) value: Bytes,
}

#[derive(Deserialize)]
struct Head<'a> {
    #[serde(borrow)]
    published: Option<&'a str>,
    event_time: &'a str,
    flight_id: Option<&'a str>,
    origin: Option<&'a str>,
}

/// All events of the week.
pub(super) fn events() -> Outcome<Vec<Event>> {
    let mut events = Vec::new();
    for (topic, (name, packed)) in TOPICS.iter().enumerate() {
        let mut text = String::new();
        let unpacked = GzDecoder::new(*packed).read_to_string(&mut text);
        unpacked.map_err(|e| Failure::io(format!("cannot unpack the events of '{name}'"), &e))?;
        for line in text.lines() {
            let event = event(topic, line);
            events.push(
                event.ok_or_else(|| Failure::failed(format!("an event of '{name}' is damaged")))?,
            );
        }
    }
    // The order within a topic stays; between topics of the same time it is that of TOPICS.
    events.sort_by_key(|e| e.published);
    Ok(events)
}

fn event(topic: usize, line: &str) -> Option<Event> {
    let head: Head<'_> = serde_json::from_str(line).ok()?;
    let published: jiff::Timestamp = head.published.unwrap_or(head.event_time).parse().ok()?;
    Some(Event {
        published: published.as_millisecond(),
        topic,
        key: Bytes::copy_from_slice(head.flight_id.or(head.origin)?.as_bytes()),
        value: Bytes::copy_from_slice(line.as_bytes()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_week_is_whole_and_in_order() {
        let events = events().expect("unpacks");
        assert!(events.is_sorted_by_key(|e| e.published));
        let count = |topic| events.iter().filter(|e| e.topic == topic).count();
        assert_eq!([count(0), count(1), count(2)], [11_785, 6_039, 504]);
    }
}
