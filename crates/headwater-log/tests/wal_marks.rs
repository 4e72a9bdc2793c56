//! What the end marks and the checks of frame headers in the write-ahead log are for: damage to durable frames is told from an
//! end that was torn (`docs/formats/wal.md`).

use std::sync::Arc;
use std::time::{Duration, Instant};

use headwater_log::simulation::FaultyDisk;
use headwater_log::{Disk, ErrorKind, Log, OpenMode, Options, Result, TopicConfig, TopicPartition};

use crate::support::{clock, commit, read_all, small};

const FRAME_HEADER_BYTES: u64 = 32;
const COMMIT: u8 = 2;
const MARK: u8 = 3;

/// A frame of the write-ahead log.
#[derive(Debug, Clone)]
struct Frame {
    file: String,
    at: u64,
    kind: u8,
}

fn open(disk: &FaultyDisk) -> Result<Log> {
    let options = Options {
        threads: false,
        ..small()
    };
    Log::open(Arc::new(disk.clone()), clock(), options)
}

/// The values that are there after an opening.
fn values(disk: &FaultyDisk) -> Result<Vec<String>> {
    let log = open(disk)?;
    let rows = read_all(&log, &TopicPartition::new("t", 0)).into_iter();
    let values = rows.map(|(_, _, value)| String::from_utf8(value.to_vec()).unwrap());
    let values = values.collect();
    std::mem::forget(log);
    Ok(values)
}

/// A killed process that had committed these, each in a group of its own; what it wrote is there.
fn killed(committed: &[&'static str]) -> FaultyDisk {
    let disk = FaultyDisk::new(1);
    let log = open(&disk).unwrap();
    log.create_topic("t", TopicConfig::default()).unwrap();
    for value in committed {
        log.commit(commit("t", [*value])).unwrap();
    }
    std::mem::forget(log);
    disk
}

/// The frames of the newest file that has any.
fn frames(disk: &FaultyDisk) -> Vec<Frame> {
    let mut names = disk.list("wal").unwrap();
    names.sort();
    let files = names
        .iter()
        .rev()
        .map(|name| frames_of(disk, format!("wal/{name}")));
    files.into_iter().find(|frames| !frames.is_empty()).unwrap()
}

fn frames_of(disk: &FaultyDisk, file: String) -> Vec<Frame> {
    let (mut at, mut frames) = (4096, Vec::new());
    let generation: u32 = file[4..14].parse().unwrap();
    loop {
        let head = bytes(disk, &file, at);
        if head[8..12] != generation.to_le_bytes() {
            return frames;
        }
        let len = u32::from_le_bytes([head[0], head[1], head[2], head[3]]);
        let (file, kind) = (file.clone(), head[12]);
        frames.push(Frame { file, at, kind });
        at = (at + FRAME_HEADER_BYTES + u64::from(len)).next_multiple_of(8);
    }
}

fn bytes(disk: &FaultyDisk, file: &str, at: u64) -> [u8; 32] {
    let mut bytes = [0; 32];
    let file = disk.open(file, OpenMode::Read).unwrap();
    file.read_at(&mut bytes, at).unwrap();
    bytes
}

/// Turns bits over at a place of a frame.
fn damage(disk: &FaultyDisk, frame: &Frame, at: u64) {
    let byte = bytes(disk, &frame.file, frame.at + at)[0];
    let file = disk.open(&frame.file, OpenMode::Write).unwrap();
    file.write_at(&[byte ^ 0x10], frame.at + at).unwrap();
}

/// Takes a frame away, as a power cut does with what nobody waited for.
fn erase(disk: &FaultyDisk, frame: &Frame) {
    let file = disk.open(&frame.file, OpenMode::Write).unwrap();
    file.write_at(&[0; FRAME_HEADER_BYTES as usize], frame.at)
        .unwrap();
}

/// The last frames: two commits and the mark behind them.
fn ends(disk: &FaultyDisk) -> [Frame; 3] {
    let frames = frames(disk);
    let last = frames.last_chunk::<3>().unwrap().clone();
    assert_eq!(last.each_ref().map(|f| f.kind), [COMMIT, COMMIT, MARK]);
    last
}

#[track_caller]
fn check_refused(disk: &FaultyDisk, frame: &Frame) {
    let error = values(disk).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Corrupt, "{error}");
    let text = error.to_string();
    let place = format!("byte {} of \"{}\"", frame.at, frame.file);
    assert!(text.contains(&place), "{text}");
}

/// Waits until the newest frame is a mark.
fn wait_for_mark(disk: &FaultyDisk) {
    let until = Instant::now() + Duration::from_secs(60);
    while frames(disk).last().map(|frame| frame.kind) != Some(MARK) {
        assert!(Instant::now() < until, "nobody marks the end");
        std::thread::yield_now();
    }
}

#[test]
fn beside_its_threads_a_log_is_marked_whenever_nothing_more_comes() {
    let disk = FaultyDisk::new(1);
    let log = Log::open(Arc::new(disk.clone()), clock(), small()).unwrap();
    log.create_topic("t", TopicConfig::default()).unwrap();
    for i in 0..20 {
        for _ in 0..i {
            log.commit(commit("t", ["a"])).unwrap();
        }
        log.commit(commit("t", ["b"])).unwrap();
        wait_for_mark(&disk);
    }
    std::mem::forget(log);
    assert_eq!(values(&disk).unwrap().len(), 210);
}

#[test]
fn a_mark_behind_the_last_group_is_no_part_of_the_log() {
    let disk = killed(&["a", "b"]);
    let [_, _, mark] = ends(&disk);
    assert_eq!(values(&disk).unwrap(), ["a", "b"]);
    let disk = killed(&["a", "b", "c"]);
    let third = &ends(&disk)[1];
    assert_eq!(
        (third.at, third.kind),
        (mark.at, COMMIT),
        "written over the mark"
    );
    assert_eq!(values(&disk).unwrap(), ["a", "b", "c"]);
}

#[test]
fn a_mark_tells_damage_in_the_last_group_from_a_torn_end() {
    let disk = killed(&["a", "b"]);
    let [_, last, mark] = ends(&disk);
    damage(&disk, &last, FRAME_HEADER_BYTES + 20);
    check_refused(&disk, &last);
    // Without it, nothing says that the last group was ever durable.
    erase(&disk, &mark);
    assert_eq!(values(&disk).unwrap(), ["a"]);
}

#[test]
fn a_damaged_mark_is_no_mark() {
    for at in [0, 9, 13, 16, 24] {
        let disk = killed(&["a", "b"]);
        let [_, last, mark] = ends(&disk);
        damage(&disk, &mark, at);
        assert_eq!(values(&disk).unwrap(), ["a", "b"]);
        let disk = killed(&["a", "b"]);
        damage(&disk, &mark, at);
        damage(&disk, &last, FRAME_HEADER_BYTES + 20);
        assert_eq!(values(&disk).unwrap(), ["a"], "byte {at} of the mark");
    }
}

#[test]
fn the_header_of_a_torn_frame_proves_that_those_before_it_were_durable() {
    let disk = killed(&["a", "b"]);
    let [first, last, mark] = ends(&disk);
    erase(&disk, &mark);
    damage(&disk, &last, FRAME_HEADER_BYTES + 20);
    damage(&disk, &first, FRAME_HEADER_BYTES + 20);
    check_refused(&disk, &first);
    // A header that is not whole itself proves nothing.
    for at in [0, 8, 12, 13, 17, 25] {
        let disk = killed(&["a", "b"]);
        erase(&disk, &mark);
        damage(&disk, &last, FRAME_HEADER_BYTES + 20);
        damage(&disk, &last, at);
        damage(&disk, &first, FRAME_HEADER_BYTES + 20);
        assert_eq!(values(&disk).unwrap(), [""; 0], "byte {at} of the header");
    }
}

#[test]
fn opening_leaves_a_mark_that_a_power_cut_cannot_take() {
    let disk = killed(&["a", "b"]);
    let [_, last, mark] = ends(&disk);
    erase(&disk, &mark);
    assert_eq!(values(&disk).unwrap(), ["a", "b"]);
    let disk = disk.crash();
    assert_eq!(ends(&disk)[2].at, mark.at);
    damage(&disk, &last, FRAME_HEADER_BYTES + 20);
    check_refused(&disk, &last);
}
