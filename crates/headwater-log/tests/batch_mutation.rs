//! Damaged record batches are refused and never panic.

use headwater_log::{Codec, Header, LogBatch, Offset, Record, Timestamp};

use crate::mutation::mutate;

fn seeds() -> Vec<Vec<u8>> {
    let record = |i: u8| Record {
        key: (!i.is_multiple_of(3)).then(|| vec![i; usize::from(i)].into()),
        value: (!i.is_multiple_of(4)).then(|| vec![i; 300].into()),
        headers: (0..i % 3)
            .map(|h| Header {
                key: format!("h{h}"),
                value: (h > 0).then(|| vec![h; 3].into()),
            })
            .collect(),
        timestamp: Some(Timestamp(1_700_000_000_000 + i64::from(i))),
    };
    let records: Vec<Record> = (0..12).map(record).collect();
    let build = |(codec, records): (Codec, &[Record])| {
        let batch = LogBatch::build(Offset(1000), records, codec, Timestamp(5));
        batch.expect("records are small").bytes().to_vec()
    };
    let many = Codec::ALL.map(|codec| build((codec, &records)));
    let one = Codec::ALL.map(|codec| build((codec, &records[..1])));
    many.into_iter().chain(one).collect()
}

#[test]
fn damaged_batches_never_panic() {
    mutate(&seeds(), headwater_log::fuzz::batch);
}
