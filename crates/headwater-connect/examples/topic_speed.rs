//! How fast rows become records of a topic and records become rows: per CPU second of one thread, over Nexmark bids.
#![expect(clippy::print_stdout, reason = "an example prints")]

use std::error::Error;
use std::sync::Arc;

use headwater_connect::{PrintTarget, nexmark_schema, register_all};
use headwater_flow::ZBatch;
use headwater_flow::connector::{Options, Poll, Registry, SinkRequest, SourceRequest};
use headwater_log::{Commit, Log, ManualClock, Timestamp};

const EVENTS: u64 = 200_000;

fn main() -> Result<(), Box<dyn Error>> {
    let mut registry = Registry::default();
    register_all(&mut registry, PrintTarget::new(std::io::sink()));
    let clock = Arc::new(ManualClock::new(Timestamp(0)));
    let log = Log::memory(clock.clone());
    let schema = nexmark_schema();
    let options = |pairs: &[(&str, &str)]| {
        Options::new(
            pairs
                .iter()
                .map(|(k, v)| ((*k).to_owned(), (*v).to_owned())),
        )
    };
    let events = EVENTS.to_string();
    let generated = SourceRequest {
        table: "nexmark".to_owned(),
        schema: schema.clone(),
        declared: schema.clone(),
        metadata: vec![None; 4],
        primary_key: Vec::new(),
        keys: None,
        is_recorded: false,
        options: options(&[("events.num", &events), ("next-event.rate", "0")]),
        log: log.clone(),
        clock: clock.clone(),
        registry: registry.clone(),
    };
    let mut topic = generated.clone();
    topic.options = Options::default();
    let sink = SinkRequest {
        table: "nexmark".to_owned(),
        schema,
        metadata: vec![None; 4],
        primary_key: Vec::new(),
        row_key: None,
        options: Options::default(),
        log: log.clone(),
        clock,
        registry: registry.clone(),
    };
    let mut source = registry.connector("nexmark")?.source(generated)?;
    let mut sink = registry.connector("topic")?.sink(sink)?;
    let (mut at, mut epoch, mut made, mut written) = (0, 0, 0.0, 0.0);
    while let Poll::Ready(chunk) = source.poll(0, at, 1 << 20)? {
        let start = cpu_seconds()?;
        let rows = source.decoder().decode(&chunk)?.rows;
        made += cpu_seconds()? - start;
        let start = cpu_seconds()?;
        let mut commit = Commit::new();
        epoch += 1;
        sink.write(epoch, &[ZBatch::append_only(rows)], &mut commit)?;
        written += cpu_seconds()? - start;
        log.commit(commit)?;
        at = chunk.range.to;
    }
    let mut source = registry.connector("topic")?.source(topic)?;
    source.partitions()?;
    let (mut at, mut read) = (0, 0.0);
    while let Poll::Ready(chunk) = source.poll(0, at, 1 << 20)? {
        let start = cpu_seconds()?;
        source.decoder().decode(&chunk)?;
        read += cpu_seconds()? - start;
        at = chunk.range.to;
    }
    for (name, seconds) in [("generated", made), ("encoded", written), ("decoded", read)] {
        println!("{name:10} {:6.2} M rows/s", EVENTS as f64 / seconds / 1e6);
    }
    Ok(())
}

/// What this thread has used of a processor.
fn cpu_seconds() -> Result<f64, Box<dyn Error>> {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat")?;
    let first = text.split(' ').next().unwrap_or_default();
    Ok(first.parse::<f64>()? / 1e9)
}
