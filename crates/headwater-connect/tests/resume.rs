//! Files between two runs: added, removed, renamed, edited, cut, grown.

use std::fs::{self, File};
use std::path::Path;
use std::sync::Arc;

use arrow::array::{Int64Array, RecordBatch};
use arrow::datatypes::{DataType, SchemaRef};
use headwater_flow::connector::{KnownPartition, Poll, Source};
use headwater_flow::{ErrorKind, Result};
use headwater_log::{ManualClock, Timestamp};
use parquet::arrow::ArrowWriter;
use parquet::file::properties::WriterProperties;

use crate::contract::{assert_error, drain, known, log, open, source_request};
use crate::support::schema;

fn columns() -> SchemaRef {
    schema(&[("id", DataType::Int64)])
}

/// A source over `path` in a world whose clock is far from when the files were written, so that stamps count.
fn source(path: &Path, format: &str, follows: bool) -> Result<Box<dyn Source>> {
    let mut pairs = vec![("path", path.to_str().unwrap()), ("format", format)];
    if follows {
        pairs.push(("source.monitor-interval", "1s"));
    }
    let mut request = source_request(&log(), "t", &columns(), &pairs);
    request.clock = Arc::new(ManualClock::new(Timestamp(1 << 43)));
    open("filesystem", request)
}

fn lines(ids: std::ops::Range<i64>) -> String {
    ids.map(|id| format!("{{\"id\":{id}}}\n")).collect()
}

/// Reads everything; gives what a snapshot would record then.
fn read_all(path: &Path, format: &str, follows: bool) -> Vec<KnownPartition> {
    let mut source = source(path, format, follows).unwrap();
    let partitions = source.partitions().unwrap();
    let mut all = Vec::new();
    for (number, partition) in (0..).zip(&partitions) {
        let drained = drain(&mut *source, number, partition.start, 1 << 20);
        let next = drained.chunks.last().map_or(0, |c| c.range.to);
        let mut one = known(&*source, &partitions, number, next).remove(number as usize);
        one.ended = !follows;
        all.push(one);
    }
    all
}

/// Writes `files`, reads them, changes them, and resumes.
fn check(
    files: &[(&str, &str)],
    follows: bool,
    change: impl FnOnce(&Path),
) -> Result<(Box<dyn Source>, tempfile::TempDir)> {
    let dir = tempfile::tempdir().unwrap();
    for (name, text) in files {
        fs::write(dir.path().join(name), text).unwrap();
    }
    let known = read_all(dir.path(), "json", follows);
    change(dir.path());
    let mut resumed = source(dir.path(), "json", follows)?;
    resumed.resume(&known)?;
    resumed.partitions()?;
    Ok((resumed, dir))
}

fn names(source: &mut dyn Source) -> String {
    let names = source.partitions().unwrap().into_iter();
    let short = names.map(|p| p.name.rsplit('/').next().unwrap_or_default().to_owned());
    short.collect::<Vec<_>>().join(" ")
}

#[test]
fn a_file_that_was_added_is_refused_where_the_input_is_read_once() {
    let files = [("b.json", "{\"id\":1}\n"), ("c.json", "{\"id\":1}\n")];
    let add = |dir: &Path| fs::write(dir.join("a.json"), "{\"id\":2}\n").unwrap();
    let refused = check(&files, false, add);
    let hint = refused
        .as_ref()
        .err()
        .and_then(|e| e.hint().map(str::to_owned));
    assert!(hint.is_some_and(|h| h.contains("source.monitor-interval")));
    assert_error(refused, ErrorKind::Invalid, "a.json");
}

#[test]
fn a_file_that_was_added_comes_last_where_the_input_is_followed() {
    let files = [("b.json", "{\"id\":1}\n"), ("c.json", "{\"id\":1}\n")];
    let add = |dir: &Path| fs::write(dir.join("a.json"), "{\"id\":2}\n").unwrap();
    let (mut resumed, _dir) = check(&files, true, add).unwrap();
    assert_eq!(names(&mut *resumed), "b.json c.json a.json");
    assert_eq!(drain(&mut *resumed, 2, 0, 1 << 20).rows, [r#"{"id":2}"#]);
}

#[test]
fn a_file_that_was_edited_is_noticed_though_nothing_of_it_is_read_again() {
    let text = lines(0..1_000);
    for follows in [false, true] {
        let edited = check(&[("a.json", &text)], follows, |dir| {
            fs::write(dir.join("a.json"), text.replace("\"id\":7}", "\"id\":8}")).unwrap();
        });
        assert_error(edited, ErrorKind::Corrupt, "a.json' has changed");
    }
}

#[test]
fn a_file_that_was_cut_is_noticed() {
    let text = lines(0..1_000);
    for follows in [false, true] {
        let cut = check(&[("a.json", &text)], follows, |dir| {
            fs::write(dir.join("a.json"), &text[..text.len() / 2]).unwrap();
        });
        assert_error(cut, ErrorKind::Corrupt, "a.json' is shorter");
    }
}

#[test]
fn a_file_that_is_gone_is_missed_unless_it_was_followed() {
    let files = [("a.json", "{\"id\":1}\n"), ("b.json", "{\"id\":1}\n")];
    let remove = |dir: &Path| fs::remove_file(dir.join("a.json")).unwrap();
    assert_error(
        check(&files, false, remove),
        ErrorKind::Corrupt,
        "a.json' is gone",
    );
    let (mut resumed, _dir) = check(&files, true, remove).unwrap();
    assert_eq!(names(&mut *resumed), "a.json b.json");
    assert!(matches!(
        resumed.poll(0, 9, 1 << 20).unwrap(),
        Poll::Pending { .. }
    ));
}

#[test]
fn a_file_that_was_renamed_is_gone() {
    let files = [("a.json", "{\"id\":1}\n"), ("b.json", "{\"id\":1}\n")];
    let rename = |dir: &Path| fs::rename(dir.join("a.json"), dir.join("c.json")).unwrap();
    assert_error(
        check(&files, false, rename),
        ErrorKind::Corrupt,
        "a.json' is gone",
    );
}

#[test]
fn a_file_that_has_grown_is_refused_where_the_input_is_read_once() {
    let text = lines(0..10);
    let grow = |dir: &Path| fs::write(dir.join("a.json"), lines(0..12)).unwrap();
    let grown = check(&[("a.json", &text)], false, grow);
    assert_error(grown, ErrorKind::Corrupt, "a.json' has grown");
    let (mut followed, _dir) = check(&[("a.json", &text)], true, grow).unwrap();
    let rest = drain(&mut *followed, 0, text.len() as u64, 1 << 20);
    assert_eq!(rest.rows, [r#"{"id":10}"#, r#"{"id":11}"#]);
}

#[test]
fn a_file_that_looks_as_it_did_is_not_read() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("a.json"), lines(0..10)).unwrap();
    let mut known = read_all(dir.path(), "json", false);
    let seal = known[0].seal.as_mut().unwrap();
    seal.digest ^= 1;
    let mut resumed = source(dir.path(), "json", false).unwrap();
    resumed.resume(&known).unwrap();
    fs::write(dir.path().join("a.json"), lines(0..10)).unwrap();
    let mut resumed = source(dir.path(), "json", false).unwrap();
    assert_error(resumed.resume(&known), ErrorKind::Corrupt, "a.json");
}

#[test]
fn a_followed_file_that_is_cut_while_it_is_read_stops_the_reading() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a.json");
    fs::write(&path, lines(0..10)).unwrap();
    let mut source = source(dir.path(), "json", true).unwrap();
    source.partitions().unwrap();
    let to = drain(&mut *source, 0, 0, 1 << 20).chunks[0].range.to;
    fs::write(&path, lines(0..1)).unwrap();
    assert_error(
        source.poll(0, to, 1 << 20),
        ErrorKind::Corrupt,
        "a.json' is shorter",
    );
}

fn write_parquet(path: &Path, ids: impl Iterator<Item = i64>) {
    let rows = RecordBatch::try_new(columns(), vec![Arc::new(ids.collect::<Int64Array>())]);
    let small = WriterProperties::builder().set_max_row_group_row_count(Some(100));
    let file = File::create(path).unwrap();
    let mut writer = ArrowWriter::try_new(file, columns(), Some(small.build())).unwrap();
    writer.write(&rows.unwrap()).unwrap();
    writer.close().unwrap();
}

#[test]
fn a_parquet_file_that_was_edited_is_noticed() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a.parquet");
    write_parquet(&path, 0..1_000);
    let known = read_all(dir.path(), "parquet", false);
    write_parquet(&path, 0..1_000);
    let mut same = source(dir.path(), "parquet", false).unwrap();
    same.resume(&known).unwrap();
    write_parquet(&path, (0..1_000).map(|id| if id == 950 { 951 } else { id }));
    let mut edited = source(dir.path(), "parquet", false).unwrap();
    assert_error(edited.resume(&known), ErrorKind::Corrupt, "a.parquet");
    write_parquet(&path, 0..900);
    let mut cut = source(dir.path(), "parquet", false).unwrap();
    assert_error(cut.resume(&known), ErrorKind::Corrupt, "a.parquet");
}
