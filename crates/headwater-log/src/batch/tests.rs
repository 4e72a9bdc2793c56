//! Tests of the batch codec: golden bytes, round trips through every codec, damage.
#![expect(clippy::unwrap_used, reason = "tests")]

use bytes::Bytes;
use proptest::prelude::*;

use super::*;
use crate::{Header, Offset, Record, Timestamp};

/// One record with key, value and a header, as Kafka's brokers and clients lay it out.
const GOLDEN: [u8; 82] = [
    0, 0, 0, 0, 0, 0, 0, 0, // base offset
    0, 0, 0, 70, // length
    0, 0, 0, 0, // leader epoch
    2, // magic
    84, 121, 97, 253, // checksum
    0, 0, // attributes
    0, 0, 0, 0, // last offset delta
    0, 0, 1, 88, 141, 205, 89, 56, // base timestamp
    0, 0, 0, 0, 0, 0, 0, 0, // max timestamp
    0, 0, 0, 0, 0, 0, 0, 0, // producer id
    0, 0, // producer epoch
    0, 0, 0, 0, // base sequence
    0, 0, 0, 1,  // record count
    40, // record length
    0,  // record attributes
    10, // timestamp delta
    0,  // offset delta
    8, 1, 2, 3, 4, // key
    6, 5, 6, 7, // value
    2, // headers
    6, 8, 9, 10, // header key
    4, 11, 12, // header value
];

#[test]
fn golden_batch_is_read_and_written_byte_by_byte() {
    let batch = LogBatch::parse(Bytes::from_static(&GOLDEN)).unwrap();
    let (offset, record) = batch.records().next().unwrap().unwrap();
    let base = 1_479_847_795_000;
    assert_eq!(batch.first_timestamp(), Timestamp(base));
    assert_eq!(offset, Offset(0));
    assert_eq!(record.key.as_deref(), Some(&[1, 2, 3, 4][..]));
    assert_eq!(record.value.as_deref(), Some(&[5, 6, 7][..]));
    assert_eq!(record.timestamp, Some(Timestamp(base + 5)));
    let header = Header {
        key: "\u{8}\u{9}\u{a}".into(),
        value: Some(Bytes::from_static(&[11, 12])),
    };
    assert_eq!(record.headers, [header]);

    let written = LogBatch::build(Offset(0), &[record], Codec::None, Timestamp(0)).unwrap();
    let records_at = 65; // behind record length, attributes and deltas, which count from another base
    assert_eq!(written.bytes()[records_at..], GOLDEN[records_at..]);
}

fn arb_bytes() -> impl Strategy<Value = Option<Bytes>> {
    prop_oneof![
        1 => Just(None),
        4 => prop::collection::vec(any::<u8>(), 0..40).prop_map(|v| Some(v.into())),
        1 => (any::<u8>(), 0..70_000usize).prop_map(|(b, n)| Some(vec![b; n].into())),
    ]
}

fn arb_record() -> impl Strategy<Value = Record> {
    let header = ("[a-c]{0,2}", arb_bytes()).prop_map(|(key, value)| Header { key, value });
    let headers = prop::collection::vec(header, 0..4);
    let timestamp = prop_oneof![
        Just(None),
        (0..4_000_000_000_000i64).prop_map(|t| Some(Timestamp(t)))
    ];
    (arb_bytes(), arb_bytes(), headers, timestamp).prop_map(|(key, value, headers, timestamp)| {
        Record {
            key,
            value,
            headers,
            timestamp,
        }
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn records_survive_every_codec(
        records in prop::collection::vec(arb_record(), 1..12),
        base in 0..u64::from(u32::MAX),
        codec in prop::sample::select(&Codec::ALL[..]),
    ) {
        let now = Timestamp(77);
        let batch = LogBatch::build(Offset(base), &records, codec, now).unwrap();
        let batch = LogBatch::parse(Bytes::copy_from_slice(batch.bytes())).unwrap();
        prop_assert_eq!(batch.codec(), codec);
        prop_assert_eq!(batch.record_count(), records.len());
        prop_assert_eq!(batch.last_offset().0, base + records.len() as u64 - 1);
        let expected: Vec<_> = (base..).map(Offset).zip(records.iter().map(|r| Record {
            timestamp: Some(r.timestamp.unwrap_or(now)),
            ..r.clone()
        })).collect();
        let newest = expected.iter().filter_map(|(_, r)| r.timestamp).max();
        prop_assert_eq!(Some(batch.max_timestamp()), newest);
        let found: Vec<_> = batch.records().collect::<crate::Result<_>>().unwrap();
        prop_assert_eq!(&found, &expected);
        let mut visited = Vec::new();
        batch.for_each(|r| visited.push((r.offset, r.to_record()))).unwrap();
        prop_assert_eq!(&visited, &expected);
    }

    #[test]
    fn batch_with_gaps_keeps_offsets_and_producer(
        records in prop::collection::vec((1..9u64, arb_record()), 0..9),
        tail in 0..5u64,
        codec in prop::sample::select(&Codec::ALL[..]),
    ) {
        let producer = Producer { id: 5, epoch: 2, base_sequence: 9 };
        let mut builder = BatchBuilder::new(Offset(100), codec).producer(producer);
        let mut expected = Vec::new();
        let mut offset = 100;
        for (step, record) in records {
            offset += step;
            builder.push(Offset(offset), &record, Timestamp(1)).unwrap();
            expected.push(Offset(offset));
        }
        let last = Offset(offset + tail);
        let batch = builder.until(last).finish().unwrap();
        let batch = LogBatch::parse(batch.into_bytes()).unwrap();
        prop_assert_eq!(batch.producer(), Some(producer));
        prop_assert_eq!((batch.base_offset(), batch.last_offset()), (Offset(100), last));
        let mut copy = BatchBuilder::new(Offset(100), Codec::None).like(&batch);
        batch.try_for_each(|r| copy.push_ref(&r)).unwrap();
        let copy = copy.until(last).finish().unwrap();
        let found: Vec<_> = copy.records().map(|r| r.unwrap()).collect();
        prop_assert_eq!(found.iter().map(|f| f.0).collect::<Vec<_>>(), expected);
        prop_assert!(found.into_iter().eq(batch.records().map(|r| r.unwrap())));
        prop_assert_eq!(copy.producer(), Some(producer));
    }

    #[test]
    fn moved_batch_is_still_valid(record in arb_record(), to in 0..u64::from(u32::MAX)) {
        let batch = LogBatch::build(Offset(3), &[record], Codec::None, Timestamp(0)).unwrap();
        let shared = batch.clone();
        let moved = batch.with_base_offset(Offset(to));
        prop_assert_eq!(shared.base_offset(), Offset(3));
        let moved = LogBatch::parse(moved.into_bytes()).unwrap();
        prop_assert_eq!(moved.base_offset(), Offset(to));
    }
}

#[test]
fn batches_are_taken_off_a_buffer_one_by_one() {
    let record = Record {
        value: Some(Bytes::from_static(b"v")),
        ..Record::default()
    };
    let one = LogBatch::build(
        Offset(0),
        std::slice::from_ref(&record),
        Codec::None,
        Timestamp(0),
    )
    .unwrap();
    let two = LogBatch::build(Offset(1), &[record], Codec::Lz4, Timestamp(0)).unwrap();
    let mut buffer = Bytes::from([&one.bytes()[..], two.bytes(), &GOLDEN[..20]].concat());
    assert_eq!(LogBatch::take(&mut buffer).unwrap(), Some(one));
    assert_eq!(LogBatch::take(&mut buffer).unwrap(), Some(two));
    assert_eq!(LogBatch::take(&mut buffer).unwrap(), None);
    assert_eq!(buffer.len(), 20);
}

#[test]
fn raw_snappy_of_other_clients_is_read() {
    let records = [0u8; 100];
    let raw = snap::raw::Encoder::new().compress_vec(&records).unwrap();
    assert_eq!(Codec::Snappy.unpack(&raw).unwrap(), records);
}

#[test]
fn unpacking_stops_at_the_limit() {
    for codec in [Codec::Gzip, Codec::Lz4, Codec::Zstd] {
        let mut packed = Vec::new();
        codec.pack(&vec![0; 1 << 20], &mut packed).unwrap();
        assert_eq!(codec.unpack(&packed).unwrap().len(), 1 << 20);
    }
    let bomb = [0xff, 0xff, 0xff, 0xff, 0x0f, 0]; // a snappy block that claims 4 GiB
    let error = Codec::Snappy.unpack(&bomb).unwrap_err();
    assert_eq!(error.kind(), crate::ErrorKind::Corrupt);
}

#[test]
fn every_flipped_byte_under_the_checksum_is_noticed() {
    for at in 16..GOLDEN.len() {
        let mut bytes = GOLDEN.to_vec();
        bytes[at] ^= 1;
        let error = LogBatch::parse(bytes.into()).unwrap_err();
        assert_eq!(error.kind(), crate::ErrorKind::Corrupt, "byte {at}");
    }
}
