//! Entry points for fuzzing: each takes any bytes and must neither panic nor take memory that the bytes do not
//! account for. Used by the mutation tests of this crate and by cargo-fuzz.

use std::sync::Arc;

use bytes::Bytes;

use crate::batch::{BATCH_BYTES_MAX, IndexedBatch, LogBatch};
use crate::checkpoint::{self, Cut};
use crate::checksum::crc32c;
use crate::clock::{ManualClock, Timestamp};
use crate::disk::{Disk, MemDisk, OpenMode};
use crate::error::ErrorKind;
use crate::log::Log;
use crate::options::Options;
use crate::record::{Offset, TopicPartition};
use crate::verify::verify;
use crate::wal::file;
use crate::wal::frame::{FILE_HEADER_BYTES, FRAME_ALIGN, FRAME_HEADER_BYTES};

/// Where the checksum of a batch lies, and where what it covers begins.
const CHECKSUM: std::ops::Range<usize> = 17..21;

/// Reads a record batch, as it is and with its checksum put right so that what lies behind it is reached.
pub fn batch(data: &[u8]) {
    read_batches(Bytes::copy_from_slice(data));
    if data.len() > CHECKSUM.end {
        let mut fixed = data.to_vec();
        let crc = crc_fast::crc32_iscsi(&fixed[CHECKSUM.end..]);
        fixed[CHECKSUM].copy_from_slice(&crc.to_be_bytes());
        let length = (fixed.len() - 12) as i32;
        fixed[8..12].copy_from_slice(&length.to_be_bytes());
        read_batches(Bytes::from(fixed));
    }
}

fn read_batches(mut data: Bytes) {
    while let Ok(Some(batch)) = LogBatch::take(&mut data) {
        let owned = batch.records().take_while(Result::is_ok).count();
        let mut borrowed = 0;
        let whole = batch.for_each(|record| {
            borrowed += 1;
            assert!(record.offset <= batch.last_offset());
            assert!(record.headers.iter().count() == record.headers.len());
        });
        assert!(owned == borrowed && borrowed <= batch.record_count());
        assert!(whole.is_err() || borrowed == batch.record_count());
        assert!(batch.bytes().len() <= BATCH_BYTES_MAX);
        read_one_by_one(&batch, whole.is_ok());
    }
}

/// What is sound is found at its offset; of what is damaged as much as is sound, or nothing.
fn read_one_by_one(batch: &LogBatch, is_sound: bool) {
    let indexed = IndexedBatch::of(batch);
    assert!(indexed.is_ok() || !is_sound);
    let Ok(indexed) = indexed else { return };
    let sound = batch.for_each(|record| {
        let found = indexed.record(record.offset);
        assert!(found.is_ok_and(|found| found == Some(record)));
    });
    assert!(sound.is_ok() == is_sound);
    for offset in [0, u64::MAX, batch.last_offset().0 + 1].map(Offset) {
        let inside = (batch.base_offset()..=batch.last_offset()).contains(&offset);
        assert!(inside || indexed.record(offset).is_ok_and(|found| found.is_none()));
    }
}

/// Opens a log whose write-ahead log has this one file of generation 1, as it is and with the checksums of its
/// frames put right; reads all that it then has.
pub fn wal(data: &[u8]) {
    recover(data);
    let mut fixed = data.to_vec();
    let mut at = FILE_HEADER_BYTES;
    while let Some(end) = frame_end(&fixed, at) {
        let crc = crc32c(&fixed[at + 8..end]);
        fixed[at + 4..at + 8].copy_from_slice(&crc.to_le_bytes());
        at = end.next_multiple_of(FRAME_ALIGN);
    }
    recover(&fixed);
}

/// Where the frame that seems to begin at `at` ends.
fn frame_end(file: &[u8], at: usize) -> Option<usize> {
    let (head, _) = file.get(at..)?.split_at_checked(FRAME_HEADER_BYTES)?;
    let mut len = [0; 4];
    len.copy_from_slice(&head[..4]);
    let end = at + FRAME_HEADER_BYTES + u32::from_le_bytes(len) as usize;
    (end <= file.len()).then_some(end)
}

fn recover(file: &[u8]) {
    let disk: Arc<dyn Disk> = Arc::new(MemDisk::new());
    let written = checkpoint::write(&*disk, &Cut::empty()).is_ok()
        && disk
            .open(&file::path(1), OpenMode::Create)
            .and_then(|wal| wal.write_at(file, 0))
            .is_ok();
    assert!(written, "memory takes everything");
    let is_sound = verify(Arc::clone(&disk)).is_ok_and(|report| {
        // Nothing is read of a file's header but its version: recovery goes on without it.
        let mut findings = report.findings.iter();
        findings.all(|f| f.file == file::path(1) && f.at < FILE_HEADER_BYTES as u64)
    });
    let options = Options {
        threads: false,
        wal_file_bytes: 64 << 10,
        ..Options::default()
    };
    let clock = Arc::new(ManualClock::new(Timestamp(0)));
    match Log::open(disk, clock, options) {
        Ok(log) => {
            assert!(is_sound, "verify finds damage where recovery finds none");
            log.topics()
                .iter()
                .for_each(|topic| read_topic(&log, &topic.name));
        }
        Err(e) => assert_ne!(e.kind(), ErrorKind::Bug, "{e}"),
    }
}

fn read_topic(log: &Log, topic: &str) {
    let of = TopicPartition::new(topic, 0);
    let Ok(bounds) = log.bounds(&of) else {
        return;
    };
    let mut at = bounds.start;
    while at < bounds.end {
        match log.fetch(&of, at, 1 << 16) {
            Ok(fetched) => {
                let next = fetched
                    .batches
                    .last()
                    .map_or(bounds.end, |b| b.next_offset());
                assert!(next > at, "reading goes on");
                at = Offset(next.0);
            }
            Err(_) => return,
        }
    }
}
