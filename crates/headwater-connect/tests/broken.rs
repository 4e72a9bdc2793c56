//! Sources that are broken on purpose, each in one of the ways that the contract forbids: law 6 of the design, nothing
//! enters that cannot be read again. A suite that lets one through proves nothing.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use arrow::array::{Int64Array, RecordBatch, StringArray, UInt64Array};
use arrow::datatypes::{DataType, SchemaRef};
use bytes::Bytes;
use headwater_flow::Result;
use headwater_flow::connector::{
    Chunk, Decoded, Decoder, KnownPartition, Offsets, OriginalRecord, Partition, Payload, Poll,
    Range, Reject, Seal, Source, Waker,
};

use crate::contract::check_source;
use crate::support::schema;

/// Records of a partition, each a number but for every seventh, which does not decode.
const RECORDS: u64 = 200;
const RECORD_BYTES: usize = 40;

/// What a source does wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fault {
    Nothing,
    /// A range read again has other records.
    RereadsOthers,
    /// A range read again is a part of it.
    RereadsLess,
    /// A range read again is one record longer.
    RereadsMore,
    /// A poll skips a record where a small chunk ended.
    SkipsAtCuts,
    /// A poll repeats the record before it.
    Repeats,
    /// A poll gives an empty range.
    GivesNothing,
    /// A poll says another partition.
    MixesPartitionsUp,
    /// Whoever goes on misses a record.
    SkipsWhenResumed,
    /// Whoever goes on gets the records from the start of the partition.
    StartsAnew,
    /// The partitions come in another order when somebody asks again.
    ReordersPartitions,
    /// A partition is gone for whoever goes on.
    LosesPartition,
    /// Whoever goes on finds that the input has not ended.
    ForgetsItsEnd,
    /// What was read is sealed differently by whoever goes on.
    SealsDifferently,
    /// The rows depend on how often the decoder was asked.
    DecodesAtRandom,
    /// The offsets of rows do not ascend.
    OffsetsDescend,
    /// The offsets of rows are counted from the chunk.
    OffsetsOfChunks,
    /// What does not decode is lost if it comes first in its chunk.
    LosesRejects,
    /// Weights depend on the place in the chunk.
    WeighsByChunk,
    /// The rows have other columns than the decoder says.
    OtherColumns,
    /// A record's own bytes are not there.
    LosesOriginals,
}

const FAULTS: [Fault; 20] = [
    Fault::RereadsOthers,
    Fault::RereadsLess,
    Fault::RereadsMore,
    Fault::SkipsAtCuts,
    Fault::Repeats,
    Fault::GivesNothing,
    Fault::MixesPartitionsUp,
    Fault::SkipsWhenResumed,
    Fault::StartsAnew,
    Fault::ReordersPartitions,
    Fault::LosesPartition,
    Fault::ForgetsItsEnd,
    Fault::SealsDifferently,
    Fault::DecodesAtRandom,
    Fault::OffsetsDescend,
    Fault::OffsetsOfChunks,
    Fault::LosesRejects,
    Fault::WeighsByChunk,
    Fault::OtherColumns,
    Fault::LosesOriginals,
];

/// Two partitions of numbers.
struct Numbers {
    fault: Fault,
    asked: u64,
    resumed: bool,
    decoder: Arc<NumberDecoder>,
}

fn line(partition: u32, offset: u64) -> String {
    let text = match offset % 7 {
        3 => "no number".to_owned(),
        _ => format!("{partition}{offset:03}"),
    };
    format!("{text:>width$}\n", width = RECORD_BYTES - 1)
}

fn chunk(partition: u32, from: u64, to: u64) -> Chunk {
    let lines: String = (from..to).map(|offset| line(partition, offset)).collect();
    Chunk {
        range: Range {
            partition,
            from,
            to,
            digest: None,
        },
        payload: Payload::Bytes(Bytes::from(lines)),
    }
}

impl Numbers {
    fn boxed(fault: Fault) -> Box<dyn Source> {
        Box::new(Self {
            fault,
            asked: 0,
            resumed: false,
            decoder: Arc::new(NumberDecoder {
                fault,
                asked: AtomicU64::new(0),
            }),
        })
    }

    fn is(&self, fault: Fault) -> bool {
        self.fault == fault
    }
}

impl Source for Numbers {
    fn partitions(&mut self) -> Result<Vec<Partition>> {
        self.asked += 1;
        let partition = |name: &str| Partition {
            name: name.to_owned(),
            start: 0,
        };
        let mut partitions = vec![partition("first"), partition("second")];
        if self.is(Fault::ReordersPartitions) && self.asked > 1 {
            partitions.reverse();
        }
        if self.is(Fault::LosesPartition) && self.resumed {
            partitions.pop();
        }
        Ok(partitions)
    }

    fn poll(&mut self, partition: u32, from: u64, max_bytes: usize) -> Result<Poll> {
        if from >= RECORDS {
            return Ok(match self.is(Fault::ForgetsItsEnd) && self.resumed {
                true => Poll::Pending { retry_after: None },
                false => Poll::Ended,
            });
        }
        let from = match self.fault {
            Fault::SkipsAtCuts if from > 0 => from + 1,
            Fault::Repeats if from > 0 => from - 1,
            Fault::SkipsWhenResumed if self.resumed => from + 1,
            Fault::StartsAnew if self.resumed => 0,
            _ => from,
        };
        let records = (max_bytes / RECORD_BYTES).max(1) as u64;
        let to = from.saturating_add(records).min(RECORDS);
        Ok(Poll::Ready(match self.fault {
            Fault::GivesNothing => chunk(partition, from, from),
            Fault::MixesPartitionsUp => chunk(1 - partition, from, to),
            _ => chunk(partition, from, to),
        }))
    }

    fn reread(&mut self, range: &Range) -> Result<Chunk> {
        let Range {
            partition,
            from,
            to,
            ..
        } = *range;
        Ok(match self.fault {
            Fault::RereadsOthers => Chunk {
                range: range.clone(),
                ..chunk(1 - partition, from, to)
            },
            Fault::RereadsLess => chunk(partition, from, to - 1),
            Fault::RereadsMore => chunk(partition, from, to + 1),
            _ => chunk(partition, from, to),
        })
    }

    fn decoder(&self) -> Arc<dyn Decoder> {
        Arc::clone(&self.decoder) as Arc<dyn Decoder>
    }

    fn watch(&mut self, _waker: Waker) {}

    fn resume(&mut self, _known: &[KnownPartition]) -> Result<()> {
        self.resumed = true;
        Ok(())
    }

    fn seal(&self, _partition: u32, next: u64) -> Option<Seal> {
        let differs = self.is(Fault::SealsDifferently) && self.resumed;
        Some(Seal {
            to: next,
            digest: next + u64::from(differs),
            stamp: String::new(),
        })
    }
}

struct NumberDecoder {
    fault: Fault,
    asked: AtomicU64,
}

fn bytes(chunk: &Chunk) -> &Bytes {
    match &chunk.payload {
        Payload::Bytes(bytes) => bytes,
        _ => panic!("lines are bytes"),
    }
}

impl NumberDecoder {
    fn is(&self, fault: Fault) -> bool {
        self.fault == fault
    }

    fn rows(&self, numbers: Vec<i64>) -> RecordBatch {
        if !self.is(Fault::OtherColumns) {
            let column = Arc::new(Int64Array::from(numbers));
            return RecordBatch::try_new(self.schema(), vec![column]).unwrap();
        }
        let column = StringArray::from_iter_values(numbers.iter().map(i64::to_string));
        let others = schema(&[("n", DataType::Utf8)]);
        RecordBatch::try_new(others, vec![Arc::new(column)]).unwrap()
    }

    fn offsets(&self, range: &Range, mut offsets: Vec<u64>) -> Offsets {
        match self.fault {
            Fault::OffsetsDescend => offsets.reverse(),
            Fault::OffsetsOfChunks => offsets.iter_mut().for_each(|o| *o -= range.from),
            _ => {}
        }
        Offsets::Each(UInt64Array::from(offsets))
    }
}

impl Decoder for NumberDecoder {
    fn schema(&self) -> SchemaRef {
        schema(&[("n", DataType::Int64)])
    }

    fn decode(&self, chunk: &Chunk) -> Result<Decoded> {
        let asked = self.asked.fetch_add(1, Ordering::SeqCst);
        let (mut numbers, mut offsets, mut rejects) = (Vec::new(), Vec::new(), Vec::new());
        let lines = bytes(chunk).chunks(RECORD_BYTES);
        for (offset, line) in (chunk.range.from..).zip(lines) {
            match std::str::from_utf8(line).unwrap().trim().parse::<i64>() {
                Ok(number) => {
                    let random = self.is(Fault::DecodesAtRandom);
                    numbers.push(number + if random { asked as i64 } else { 0 });
                    offsets.push(offset);
                }
                Err(_) if self.is(Fault::LosesRejects) && offset == chunk.range.from => {}
                Err(_) => rejects.push(Reject {
                    offset,
                    reason: "no number".to_owned(),
                }),
            }
        }
        let weights = self.is(Fault::WeighsByChunk).then(|| {
            let weights = (0..numbers.len()).map(|place| if place == 0 { -1 } else { 1 });
            Int64Array::from_iter_values(weights)
        });
        Ok(Decoded {
            rows: self.rows(numbers),
            weights,
            offsets: self.offsets(&chunk.range, offsets),
            rejects,
        })
    }

    fn original(&self, chunk: &Chunk, offset: u64) -> Option<OriginalRecord> {
        let at = (offset.checked_sub(chunk.range.from)?) as usize * RECORD_BYTES;
        let value = Some(bytes(chunk).slice(at..at + RECORD_BYTES));
        (!self.is(Fault::LosesOriginals)).then(|| OriginalRecord {
            value,
            ..OriginalRecord::default()
        })
    }
}

#[test]
fn a_sound_source_passes() {
    let drained = check_source(|| Numbers::boxed(Fault::Nothing));
    let (rows, rejects) = (drained.rows.len(), drained.rejects.len());
    assert_eq!((rows + rejects) as u64, 2 * RECORDS);
    assert!(rejects > 0, "what does not decode is part of the contract");
}

#[test]
fn a_source_is_caught_in_whatever_way_it_breaks_the_contract() {
    for fault in FAULTS {
        let checked = catch_unwind(AssertUnwindSafe(|| {
            check_source(|| Numbers::boxed(fault));
        }));
        let complaint = match checked {
            Ok(()) => panic!("nobody noticed that a source is broken: {fault:?}"),
            Err(complaint) => complaint,
        };
        let text = complaint.downcast_ref::<String>().map(String::as_str);
        let text = text.or(complaint.downcast_ref::<&str>().copied());
        let text = text.unwrap_or_default();
        assert!(
            text.contains("assertion")
                || text.contains("has no original")
                || text.contains("ascend"),
            "{fault:?} was noticed by accident: {text}"
        );
    }
}
