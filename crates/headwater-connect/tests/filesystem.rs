//! The `filesystem` connector.

use std::fs;
use std::io::Write;
use std::path::Path;

use arrow::datatypes::{DataType, SchemaRef};
use flate2::write::GzEncoder;
use headwater_flow::ErrorKind;
use headwater_flow::connector::{Poll, Source, SourceRequest};

use crate::contract::{End, assert_error, check_source, drain, log, open, source_request};
use crate::support::schema;

fn columns() -> SchemaRef {
    schema(&[("id", DataType::Int64), ("text", DataType::Utf8)])
}

/// Lines of JSON, some of them broken, some blank, with `\r\n` here and there.
fn lines(count: usize) -> String {
    let line = |i: usize| match i % 97 {
        13 => "{\"id\":\n".to_owned(),
        29 => "\n".to_owned(),
        31 => format!("{{\"id\":{i},\"text\":\"crlf\"}}\r\n"),
        _ => format!("{{\"id\":{i},\"text\":\"{}\"}}\n", "x".repeat(i % 113)),
    };
    (0..count).map(line).collect()
}

fn json(path: &str) -> [(&str, &str); 2] {
    [("path", path), ("format", "json")]
}

fn source(path: &str) -> Box<dyn Source> {
    open(
        "filesystem",
        source_request(&log(), "t", &columns(), &json(path)),
    )
    .unwrap()
}

fn write_gz(path: &Path, text: &[u8]) {
    let mut encoder = GzEncoder::new(fs::File::create(path).unwrap(), flate2::Compression::fast());
    encoder.write_all(text).unwrap();
    encoder.finish().unwrap();
}

#[test]
fn a_file_gives_the_same_rows_plain_and_compressed() {
    let dir = tempfile::tempdir().unwrap();
    let text = lines(1_000);
    let plain = dir.path().join("a.json");
    let gz = dir.path().join("a.json.gz");
    let zst = dir.path().join("a.json.zst");
    fs::write(&plain, &text).unwrap();
    write_gz(&gz, text.as_bytes());
    fs::write(&zst, zstd::encode_all(text.as_bytes(), 1).unwrap()).unwrap();
    let results = [plain, gz, zst].map(|p| check_source(|| source(p.to_str().unwrap())));
    assert_eq!(results[0].end, End::Ended);
    assert_eq!(results[0].rejects.len(), 11);
    assert_eq!(results[0].rows.len(), 1_000 - 11 - 11);
    for other in &results[1..] {
        assert_eq!(other.rows, results[0].rows);
        assert_eq!(other.offsets, results[0].offsets);
        assert_eq!(other.rejects, results[0].rejects);
    }
}

#[test]
fn folders_and_patterns_are_read_in_the_order_of_their_names() {
    let dir = tempfile::tempdir().unwrap();
    let root = dir.path();
    fs::create_dir_all(root.join("x/y")).unwrap();
    for (name, id) in [
        ("b.json", 2),
        ("a.json", 1),
        ("x/y/c.json", 3),
        (".hidden", 9),
        ("_tmp", 9),
        ("x/d.txt", 9),
    ] {
        fs::write(root.join(name), format!("{{\"id\":{id}}}")).unwrap();
    }
    let ids = |path: &str| {
        let mut source = source(&format!("{}{path}", root.display()));
        let names = source.partitions().unwrap();
        let rows = (0..names.len() as u32).flat_map(|p| drain(&mut *source, p, 0, 1 << 20).rows);
        rows.map(|r| r[6..7].to_owned()).collect::<String>()
    };
    assert_eq!(ids(""), "1293");
    assert_eq!(ids("/*.json"), "12");
    assert_eq!(ids("/**/*.json"), "123");
    assert_eq!(ids("/x/y"), "3");
    assert_eq!(ids("/{a,b}.json"), "12");
    let missing = |path: &str| {
        let path = format!("{}{path}", root.display());
        open(
            "filesystem",
            source_request(&log(), "t", &columns(), &json(&path)),
        )
    };
    assert_error(missing("/nothing"), ErrorKind::NotFound, "/nothing");
    assert_error(missing("/*.csv"), ErrorKind::NotFound, "no file matches");
}

#[test]
fn a_followed_file_is_read_as_it_grows_and_only_in_whole_lines() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a.json");
    fs::write(&path, "{\"id\":1}\n{\"id\":").unwrap();
    let folder = dir.path().to_str().unwrap();
    let pairs = [
        ("path", folder),
        ("format", "json"),
        ("source.monitor-interval", "1s"),
    ];
    let mut source = open(
        "filesystem",
        source_request(&log(), "t", &columns(), &pairs),
    )
    .unwrap();
    let first = drain(&mut *source, 0, 0, 1 << 20);
    assert_eq!((first.rows.len(), first.end), (1, End::Pending));
    let mut file = fs::OpenOptions::new().append(true).open(&path).unwrap();
    file.write_all(b"2}\n").unwrap();
    let to = first.chunks[0].range.to;
    assert_eq!(
        drain(&mut *source, 0, to, 1 << 20).rows,
        [r#"{"id":2,"text":null}"#]
    );
    fs::write(dir.path().join("0.json"), "{\"id\":3}\n").unwrap();
    let names: Vec<String> = source
        .partitions()
        .unwrap()
        .into_iter()
        .map(|p| p.name)
        .collect();
    assert!(names[0].ends_with("a.json") && names[1].ends_with("0.json"));
    assert_eq!(drain(&mut *source, 1, 0, 1 << 20).rows.len(), 1);
}

#[test]
fn a_file_that_has_changed_is_not_read_again() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a.json");
    fs::write(&path, lines(100)).unwrap();
    let mut first = source(path.to_str().unwrap());
    let Poll::Ready(chunk) = first.poll(0, 0, 1 << 20).unwrap() else {
        panic!("a file with lines");
    };
    fs::write(&path, lines(100).replace('x', "y")).unwrap();
    let mut second = source(path.to_str().unwrap());
    assert_error(second.reread(&chunk.range), ErrorKind::Corrupt, "a.json");
    fs::write(&path, "").unwrap();
    assert_error(second.reread(&chunk.range), ErrorKind::Corrupt, "a.json");
}

#[test]
fn a_damaged_archive_is_corrupt() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a.json.gz");
    write_gz(&path, lines(1_000).as_bytes());
    let mut bytes = fs::read(&path).unwrap();
    bytes.truncate(bytes.len() / 2);
    fs::write(&path, bytes).unwrap();
    let mut source = source(path.to_str().unwrap());
    assert_error(source.poll(0, 0, 1 << 20), ErrorKind::Corrupt, "a.json.gz");
}

#[test]
fn a_record_without_an_end_is_cut_and_rejected() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a.json");
    fs::write(
        &path,
        format!("{{\"id\":1}}\n{{\"text\":\"{}", "x".repeat(3 << 19)),
    )
    .unwrap();
    let drained = check_source(|| source(path.to_str().unwrap()));
    assert_eq!((drained.rows.len(), drained.rejects.len()), (1, 1));
}

#[test]
fn rows_know_their_file_and_offset() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a.json");
    fs::write(&path, "{\"id\":1}\n{\"id\":2}\n").unwrap();
    let columns = schema(&[
        ("name", DataType::Utf8),
        ("id", DataType::Int64),
        ("at", DataType::Int64),
    ]);
    let log = log();
    let mut request = source_request(&log, "t", &columns, &json(path.to_str().unwrap()));
    request.metadata = vec![
        Some("file.name".to_owned()),
        None,
        Some("offset".to_owned()),
    ];
    let mut source = open("filesystem", request.clone()).unwrap();
    assert_eq!(
        drain(&mut *source, 0, 0, 1 << 20).rows,
        [
            r#"{"name":"a.json","id":1,"at":0}"#,
            r#"{"name":"a.json","id":2,"at":9}"#
        ]
    );
    request.metadata[0] = Some("owner".to_owned());
    assert_error(open("filesystem", request), ErrorKind::Invalid, "owner");
}

#[test]
fn what_nobody_records_is_not_hashed_and_is_the_same() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a.json");
    fs::write(&path, lines(1_000)).unwrap();
    let read = |is_recorded| {
        let request = SourceRequest {
            is_recorded,
            ..source_request(&log(), "t", &columns(), &json(path.to_str().unwrap()))
        };
        let mut source = open("filesystem", request).unwrap();
        source.partitions().unwrap();
        drain(&mut *source, 0, 0, 5_000)
    };
    let (recorded, unrecorded) = (read(true), read(false));
    assert_eq!(unrecorded.rows, recorded.rows);
    assert_eq!(unrecorded.rejects, recorded.rejects);
    assert!(recorded.chunks.iter().all(|c| c.range.digest.is_some()));
    assert!(unrecorded.chunks.iter().all(|c| c.range.digest.is_none()));
}
