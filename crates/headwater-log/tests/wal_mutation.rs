//! Damaged write-ahead logs are recovered or refused, and never panic.

use std::sync::Arc;

use headwater_log::{
    Codec, Commit, Disk, Log, MemDisk, Offset, OpenMode, Options, TopicConfig, TopicPartition,
};

use crate::mutation::mutate;
use crate::support::{clock, commit, record};

/// A write-ahead file with all kinds of commits in it.
fn seed(keyed: bool) -> Vec<u8> {
    let disk = Arc::new(MemDisk::new());
    let options = Options {
        threads: false,
        wal_file_bytes: 16 << 10,
        ..Options::default()
    };
    let log = Log::open(Arc::clone(&disk) as Arc<dyn Disk>, clock(), options).unwrap();
    let config = TopicConfig {
        key_index: keyed,
        compression: if keyed { Codec::Lz4 } else { Codec::None },
        segment_bytes: 4 << 10,
        ..TopicConfig::default()
    };
    log.create_topic("t", config).unwrap();
    log.create_topic("u", TopicConfig::partitions(3)).unwrap();
    for i in 0..10 {
        let mut record = record(vec![i; 100 * usize::from(i)]);
        record.key = Some(vec![i % 3].into());
        let to = TopicPartition::new("t", 0);
        log.commit(Commit::new().append(to, [record])).unwrap();
    }
    log.commit(commit("u", ["x", "y"]).position("p", "q"))
        .unwrap();
    log.pin("o", &TopicPartition::new("t", 0), Offset(3))
        .unwrap();
    log.trim(&TopicPartition::new("t", 0), Offset(2)).unwrap();
    log.alter_topic("u", TopicConfig::partitions(4)).unwrap();
    log.delete_topic("u").unwrap();
    log.unpin("o").unwrap();
    let file = disk.open("wal/0000000001.wal", OpenMode::Read).unwrap();
    let mut bytes = vec![0; file.size().unwrap() as usize];
    file.read_at(&mut bytes, 0).unwrap();
    std::mem::forget(log);
    bytes
}

#[test]
fn damaged_write_ahead_logs_never_panic() {
    mutate(&[seed(false), seed(true)], headwater_log::fuzz::wal);
}
