//! How fast JSON becomes columns: rows per CPU second of one thread over Nexmark events, by the fields that are used.
#![expect(clippy::print_stdout, reason = "an example prints")]

use std::error::Error;
use std::sync::Arc;

use arrow::datatypes::{DataType, Field, Fields, Schema, SchemaRef};
use headwater_connect::{JsonFormat, nexmark_schema, write_nexmark_json};
use headwater_flow::connector::{Format, FormatRequest, Options};

const EVENTS: u64 = 400_000;
const CHUNK_BYTES: usize = 1 << 20;

fn main() -> Result<(), Box<dyn Error>> {
    let mut text = Vec::new();
    write_nexmark_json(&mut text, EVENTS)?;
    println!("{EVENTS} events, {} bytes each", text.len() as u64 / EVENTS);
    let bid = |fields: &[&str]| -> Result<SchemaRef, Box<dyn Error>> {
        let whole = nexmark_schema();
        let DataType::Struct(all) = whole.field_with_name("bid")?.data_type().clone() else {
            return Err("bid is a row".into());
        };
        let kept = all
            .iter()
            .filter(|f| fields.contains(&f.name().as_str()))
            .cloned();
        let row = DataType::Struct(kept.collect::<Fields>());
        Ok(Arc::new(Schema::new(vec![
            Field::new("event_type", DataType::Int32, true),
            Field::new("bid", row, true),
        ])))
    };
    measure(
        "event_type, 4 of bid",
        &text,
        &bid(&["auction", "bidder", "price", "dateTime"])?,
    )?;
    measure(
        "event_type, 5 of bid",
        &text,
        &bid(&["auction", "bidder", "price", "channel", "dateTime"])?,
    )?;
    measure("event_type, 2 of bid", &text, &bid(&["auction", "price"])?)?;
    measure(
        "event_type, bid whole",
        &text,
        &bid(&[
            "auction", "bidder", "price", "channel", "url", "dateTime", "extra",
        ])?,
    )?;
    measure("everything", &text, &nexmark_schema())?;
    Ok(())
}

/// What this thread has used of a processor, which other programs do not disturb.
fn cpu_seconds() -> Result<f64, Box<dyn Error>> {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat")?;
    let first = text.split(' ').next().unwrap_or_default();
    Ok(first.parse::<f64>()? / 1e9)
}

fn measure(name: &str, text: &[u8], schema: &SchemaRef) -> Result<(), Box<dyn Error>> {
    let decoder = JsonFormat.decoder(&FormatRequest {
        schema: Arc::clone(schema),
        metadata: Vec::new(),
        is_keyed: false,
        declared: Arc::clone(schema),
        options: Options::default(),
    })?;
    let mut best = f64::MAX;
    for _ in 0..5 {
        let start = cpu_seconds()?;
        let mut rest = text;
        let mut rows = 0;
        while !rest.is_empty() {
            let length = decoder.frame(&rest[..rest.len().min(CHUNK_BYTES)]);
            let (chunk, after) = rest.split_at(length);
            let lines = decoder.split(chunk, false);
            let values: Vec<Option<&[u8]>> =
                lines.iter().map(|r| Some(&chunk[r.clone()])).collect();
            rows += decoder.decode(&values)?.rows.num_rows();
            rest = after;
        }
        assert_eq!(rows as u64, EVENTS);
        best = best.min(cpu_seconds()? - start);
    }
    let rate = EVENTS as f64 / best / 1e6;
    let speed = text.len() as f64 / best / 1e9;
    println!("{name:24} {rate:6.2} M rows/s {speed:6.2} GB/s");
    Ok(())
}
