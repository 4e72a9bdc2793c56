//! What every source promises, whatever it reads: ranges follow one another, can be read again, and give the same rows
//! however they are cut.

use std::sync::Arc;

use arrow::datatypes::SchemaRef;
use headwater_flow::connector::{
    Chunk, Decoded, KnownPartition, Offsets, Partition, Payload, Poll, SinkRequest, Source,
    SourceRequest,
};
use headwater_flow::{ErrorKind, Result};
use headwater_log::{Log, ManualClock, Timestamp};
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

use crate::support::{options, registry, show};

/// How often a partition is left and gone on with.
const RESUMES: u64 = 4;

/// A log in memory whose clock stands still.
pub(crate) fn log() -> Log {
    Log::memory(Arc::new(ManualClock::new(Timestamp(1_000))))
}

/// A request for a source, all columns physical.
pub(crate) fn source_request(
    log: &Log,
    table: &str,
    schema: &SchemaRef,
    pairs: &[(&str, &str)],
) -> SourceRequest {
    SourceRequest {
        table: table.to_owned(),
        schema: Arc::clone(schema),
        declared: Arc::clone(schema),
        metadata: vec![None; schema.fields().len()],
        primary_key: Vec::new(),
        keys: None,
        options: options(pairs),
        is_recorded: true,
        log: log.clone(),
        clock: Arc::new(ManualClock::new(Timestamp(1_000))),
        registry: registry(),
    }
}

/// A request for a sink, all columns physical.
pub(crate) fn sink_request(
    log: &Log,
    table: &str,
    schema: &SchemaRef,
    pairs: &[(&str, &str)],
) -> SinkRequest {
    SinkRequest {
        table: table.to_owned(),
        schema: Arc::clone(schema),
        metadata: vec![None; schema.fields().len()],
        primary_key: Vec::new(),
        row_key: None,
        options: options(pairs),
        log: log.clone(),
        clock: Arc::new(ManualClock::new(Timestamp(1_000))),
        registry: registry(),
    }
}

/// Opens a source.
pub(crate) fn open(connector: &str, request: SourceRequest) -> Result<Box<dyn Source>> {
    registry().connector(connector)?.source(request)
}

/// How a partition was left.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum End {
    Pending,
    Ended,
    Stopped,
}

/// What a partition gave.
#[derive(Debug)]
pub(crate) struct Drained {
    pub(crate) chunks: Vec<Chunk>,
    pub(crate) rows: Vec<String>,
    pub(crate) weights: Vec<i64>,
    pub(crate) offsets: Vec<u64>,
    pub(crate) rejects: Vec<(u64, String)>,
    pub(crate) end: End,
}

/// Reads a partition from `from` in chunks of about `max_bytes`, checking every promise on the way.
pub(crate) fn drain(
    source: &mut dyn Source,
    partition: u32,
    from: u64,
    max_bytes: usize,
) -> Drained {
    read(source, partition, from, || Some(max_bytes))
}

/// Reads a partition from `from` in chunks of about the bytes that `next` says, until it says none.
fn read(
    source: &mut dyn Source,
    partition: u32,
    from: u64,
    mut next: impl FnMut() -> Option<usize>,
) -> Drained {
    let decoder = source.decoder();
    let mut drained = Drained {
        chunks: Vec::new(),
        rows: Vec::new(),
        weights: Vec::new(),
        offsets: Vec::new(),
        rejects: Vec::new(),
        end: End::Pending,
    };
    let mut at = from;
    drained.end = loop {
        let Some(max_bytes) = next() else {
            break End::Pending;
        };
        match source.poll(partition, at, max_bytes).unwrap() {
            Poll::Ready(chunk) => {
                assert_eq!(chunk.range.partition, partition);
                assert!(chunk.range.from >= at && chunk.range.to > chunk.range.from);
                at = chunk.range.to;
                let decoded = decoder.decode(&chunk).unwrap();
                assert_eq!(decoded.rows.schema(), decoder.schema());
                let again = source.reread(&chunk.range).unwrap();
                assert_eq!(again.range, chunk.range);
                assert_eq!(facts(&decoder.decode(&again).unwrap()), facts(&decoded));
                collect(&mut drained, &decoded);
                for offset in offsets(&decoded)
                    .iter()
                    .chain(decoded.rejects.iter().map(|r| &r.offset))
                {
                    assert!((chunk.range.from..chunk.range.to).contains(offset));
                    let original = decoder.original(&chunk, *offset);
                    let has_record = !matches!(chunk.payload, Payload::Generated);
                    assert_eq!(
                        original.is_some(),
                        has_record,
                        "record {offset} has no original"
                    );
                }
                drained.chunks.push(chunk);
            }
            Poll::Pending { .. } => break End::Pending,
            Poll::Ended => break End::Ended,
            Poll::Stopped => break End::Stopped,
        }
    };
    assert!(drained.offsets.is_sorted(), "offsets ascend");
    drained
}

type Facts = (Vec<String>, Vec<i64>, Vec<u64>, Vec<(u64, String)>);

fn facts(decoded: &Decoded) -> Facts {
    let weight = |i| decoded.weights.as_ref().map_or(1, |w| w.value(i));
    (
        show(&decoded.rows),
        (0..decoded.rows.num_rows()).map(weight).collect(),
        offsets(decoded),
        decoded
            .rejects
            .iter()
            .map(|r| (r.offset, r.reason.clone()))
            .collect(),
    )
}

fn collect(drained: &mut Drained, decoded: &Decoded) {
    let (rows, weights, offsets, rejects) = facts(decoded);
    drained.rows.extend(rows);
    drained.weights.extend(weights);
    drained.offsets.extend(offsets);
    drained.rejects.extend(rejects);
}

fn offsets(decoded: &Decoded) -> Vec<u64> {
    match &decoded.offsets {
        Offsets::From(first) => (0..decoded.rows.num_rows() as u64)
            .map(|i| first + i)
            .collect(),
        Offsets::Each(offsets) => offsets.values().to_vec(),
    }
}

/// Runs a source over several cuts and checks that all of them give the same.
pub(crate) fn check_source(mut open: impl FnMut() -> Box<dyn Source>) -> Drained {
    let mut source = open();
    let partitions = source.partitions().unwrap();
    assert_eq!(source.partitions().unwrap(), partitions);
    let mut whole: Option<Drained> = None;
    for (partition, declared) in partitions.iter().enumerate() {
        let partition = partition as u32;
        let large = drain(&mut *source, partition, declared.start, usize::MAX);
        for max_bytes in [1, 5_000, 70_000] {
            let mut fresh = open();
            assert_eq!(fresh.partitions().unwrap(), partitions);
            let small = drain(&mut *fresh, partition, declared.start, max_bytes);
            assert_eq!(small.rows, large.rows, "chunks of {max_bytes}");
            assert_eq!(small.weights, large.weights);
            assert_eq!(small.offsets, large.offsets);
            assert_eq!(small.rejects, large.rejects);
            assert_eq!(small.end, large.end);
            for chunk in &small.chunks {
                source.reread(&chunk.range).unwrap();
            }
            let reached = small.chunks.last().map_or(declared.start, |c| c.range.to);
            let known = known(&*fresh, &partitions, partition, reached);
            let mut resumed = open();
            resumed.resume(&known).unwrap();
            assert_eq!(resumed.partitions().unwrap(), partitions);
            assert_eq!(
                resumed.seal(partition, reached),
                fresh.seal(partition, reached)
            );
            let rest = drain(&mut *resumed, partition, reached, max_bytes);
            assert_eq!((rest.chunks.len(), rest.end), (0, large.end));
        }
        for seed in 0..RESUMES {
            check_resumed(&mut open, seed, &partitions, partition, &large);
        }
        whole = Some(match whole {
            None => large,
            Some(mut all) => {
                all.chunks.extend(large.chunks);
                all.rows.extend(large.rows);
                all.weights.extend(large.weights);
                all.offsets.extend(large.offsets);
                all.rejects.extend(large.rejects);
                all
            }
        });
    }
    whole.expect("a source with partitions")
}

/// A partition is left at a random place, and another process goes on from there: law 6 of the design.
fn check_resumed(
    open: &mut impl FnMut() -> Box<dyn Source>,
    seed: u64,
    partitions: &[Partition],
    partition: u32,
    whole: &Drained,
) {
    let mut rng = StdRng::seed_from_u64(seed);
    let mut first = open();
    first.partitions().unwrap();
    let start = partitions[partition as usize].start;
    let mut left = rng.random_range(0..6);
    let before = read(&mut *first, partition, start, || {
        left -= 1;
        (left >= 0).then(|| rng.random_range(1..2_000))
    });
    let reached = before.chunks.last().map_or(start, |c| c.range.to);
    let known = known(&*first, partitions, partition, reached);
    let mut second = open();
    second.resume(&known).unwrap();
    assert_eq!(second.partitions().unwrap(), partitions, "seed {seed}");
    let max_bytes = rng.random_range(1..9_000);
    let after = drain(&mut *second, partition, reached, max_bytes);
    assert_eq!(
        [before.offsets, after.offsets].concat(),
        whole.offsets,
        "seed {seed}"
    );
    assert_eq!(
        [before.rows, after.rows].concat(),
        whole.rows,
        "seed {seed}"
    );
    assert_eq!(
        [before.weights, after.weights].concat(),
        whole.weights,
        "seed {seed}"
    );
    assert_eq!(
        [before.rejects, after.rejects].concat(),
        whole.rejects,
        "seed {seed}"
    );
    assert_eq!(after.end, whole.end, "seed {seed}");
    for chunk in &before.chunks {
        let again = second.reread(&chunk.range).unwrap();
        assert_eq!(again.range, chunk.range, "seed {seed}");
    }
}

/// What a pipeline records of a source whose partition `of` was read to `next` and whose others were not read.
pub(crate) fn known(
    source: &dyn Source,
    partitions: &[Partition],
    of: u32,
    next: u64,
) -> Vec<KnownPartition> {
    let one = |(number, partition): (u32, &Partition)| {
        let next = if number == of { next } else { partition.start };
        KnownPartition {
            name: partition.name.clone(),
            next,
            ended: false,
            seal: source.seal(number, next),
        }
    };
    (0..).zip(partitions).map(one).collect()
}

/// Asserts that `result` is an error of `kind` whose message contains `text`.
pub(crate) fn assert_error<T>(result: Result<T>, kind: ErrorKind, text: &str) {
    match result {
        Ok(_) => panic!("expected an error: {text}"),
        Err(e) => {
            assert_eq!(e.kind(), kind, "{e}");
            assert!(e.to_string().contains(text), "{e} does not say: {text}");
        }
    }
}
