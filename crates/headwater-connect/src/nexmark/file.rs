//! Nexmark events as a file of JSON lines, each in the nested shape of the Flink suite's table.

use std::io::{self, Write};
use std::sync::Arc;

use arrow::datatypes::{DataType, Field, Fields, Schema, SchemaRef, TimeUnit};
use headwater_flow::connector::Options;
use headwater_flow::{Error, ErrorKind, Result};
use nexmark::event::{Auction, Bid, Event, Person};

use super::events::Events;
use crate::temporal::{TimestampStyle, write_timestamp};

/// Events a second of event time in a file, as in the Flink suite.
const PER_SECOND: u64 = 10_000;
/// How much text is gathered before it is written.
const BUFFER_BYTES: usize = 1 << 18;

/// The columns of the Flink suite's Nexmark table: `event_type`, `person`, `auction`, `bid`.
pub fn nexmark_schema() -> SchemaRef {
    let int = || DataType::Int64;
    let text = || DataType::Utf8;
    let time = || DataType::Timestamp(TimeUnit::Millisecond, None);
    let row = |fields: &[(&str, DataType)]| {
        let field = |(n, t): &(&str, DataType)| Field::new(*n, t.clone(), true);
        DataType::Struct(fields.iter().map(field).collect::<Fields>())
    };
    let person = row(&[
        ("id", int()),
        ("name", text()),
        ("emailAddress", text()),
        ("creditCard", text()),
        ("city", text()),
        ("state", text()),
        ("dateTime", time()),
        ("extra", text()),
    ]);
    let auction = row(&[
        ("id", int()),
        ("itemName", text()),
        ("description", text()),
        ("initialBid", int()),
        ("reserve", int()),
        ("dateTime", time()),
        ("expires", time()),
        ("seller", int()),
        ("category", int()),
        ("extra", text()),
    ]);
    let bid = row(&[
        ("auction", int()),
        ("bidder", int()),
        ("price", int()),
        ("channel", text()),
        ("url", text()),
        ("dateTime", time()),
        ("extra", text()),
    ]);
    Arc::new(Schema::new(vec![
        Field::new("event_type", DataType::Int32, true),
        Field::new("person", person, true),
        Field::new("auction", auction, true),
        Field::new("bid", bid, true),
    ]))
}

/// Writes the first `count` Nexmark events to `out`, one JSON object a line; always the same ones.
///
/// # Errors
/// `Unavailable` if `out` cannot be written.
pub fn write_nexmark_json(out: &mut dyn Write, count: u64) -> Result<()> {
    let events = Events::new(&Options::default(), PER_SECOND)?;
    let mut text = Vec::with_capacity(BUFFER_BYTES * 2);
    let failed = |e: io::Error| {
        Error::new(ErrorKind::Unavailable, "cannot write Nexmark events").with_source(e)
    };
    for (event, time, expires) in events
        .from(0)
        .take(usize::try_from(count).unwrap_or(usize::MAX))
    {
        write_event(&event, time, expires, &mut text).map_err(failed)?;
        if text.len() >= BUFFER_BYTES {
            out.write_all(&text).map_err(failed)?;
            text.clear();
        }
    }
    out.write_all(&text)
        .and_then(|()| out.flush())
        .map_err(failed)
}

fn write_event(event: &Event, time: i64, expires: i64, out: &mut Vec<u8>) -> io::Result<()> {
    match event {
        Event::Person(p) => {
            write!(out, r#"{{"event_type":0,"person":"#)?;
            write_person(p, time, out)?;
            writeln!(out, r#","auction":null,"bid":null}}"#)
        }
        Event::Auction(a) => {
            write!(out, r#"{{"event_type":1,"person":null,"auction":"#)?;
            write_auction(a, time, expires, out)?;
            writeln!(out, r#","bid":null}}"#)
        }
        Event::Bid(b) => {
            write!(
                out,
                r#"{{"event_type":2,"person":null,"auction":null,"bid":"#
            )?;
            write_bid(b, time, out)?;
            writeln!(out, "}}")
        }
    }
}

fn write_person(p: &Person, time: i64, out: &mut Vec<u8>) -> io::Result<()> {
    write!(
        out,
        r#"{{"id":{},"name":"{}","emailAddress":"{}","creditCard":"{}","city":"{}","state":"{}","dateTime":""#,
        p.id, p.name, p.email_address, p.credit_card, p.city, p.state
    )?;
    write_time(time, out);
    write!(out, r#"","extra":"{}"}}"#, p.extra)
}

fn write_auction(a: &Auction, time: i64, expires: i64, out: &mut Vec<u8>) -> io::Result<()> {
    write!(
        out,
        r#"{{"id":{},"itemName":"{}","description":"{}","initialBid":{},"reserve":{},"dateTime":""#,
        a.id, a.item_name, a.description, a.initial_bid, a.reserve
    )?;
    write_time(time, out);
    write!(out, r#"","expires":""#)?;
    write_time(expires, out);
    write!(
        out,
        r#"","seller":{},"category":{},"extra":"{}"}}"#,
        a.seller, a.category, a.extra
    )
}

fn write_bid(b: &Bid, time: i64, out: &mut Vec<u8>) -> io::Result<()> {
    write!(
        out,
        r#"{{"auction":{},"bidder":{},"price":{},"channel":"{}","url":"{}","dateTime":""#,
        b.auction, b.bidder, b.price, b.channel, b.url
    )?;
    write_time(time, out);
    write!(out, r#"","extra":"{}"}}"#, b.extra)
}

fn write_time(ms: i64, out: &mut Vec<u8>) {
    write_timestamp(ms, TimeUnit::Millisecond, TimestampStyle::Sql, out);
}
