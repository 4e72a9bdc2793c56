//! Sinks that write files, and `print`.

use std::fs;
use std::io::{self, Write};
use std::path::Path;
use std::sync::{Arc, Mutex};

use arrow::array::Int64Array;
use arrow::datatypes::{DataType, SchemaRef};
use headwater_connect::{PrintConnector, PrintTarget};
use headwater_flow::connector::{Connector, Sink};
use headwater_flow::{ErrorKind, ZBatch};
use headwater_log::Commit;

use crate::contract::{assert_error, check_source, log, open, sink_request, source_request};
use crate::support::{decode, decoder, registry, schema};

fn columns() -> SchemaRef {
    schema(&[("id", DataType::Int64), ("text", DataType::Utf8)])
}

fn rows(ids: &[i64]) -> ZBatch {
    let lines: Vec<String> = ids
        .iter()
        .map(|i| format!("{{\"id\":{i},\"text\":\"t{i}\"}}"))
        .collect();
    let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
    ZBatch::append_only(decode(&*decoder("json", &columns(), &[]), &lines).rows)
}

fn sink(pairs: &[(&str, &str)], epoch: u64) -> Box<dyn Sink> {
    let request = sink_request(&log(), "t", &columns(), pairs);
    let mut sink = registry()
        .connector("filesystem")
        .unwrap()
        .sink(request)
        .unwrap();
    sink.recover(epoch).unwrap();
    sink
}

fn write(sink: &mut dyn Sink, epoch: u64, ids: &[i64]) {
    sink.write(epoch, &[rows(ids)], &mut Commit::new()).unwrap();
}

/// The ids in what a `filesystem` table over `path` has.
fn ids(path: &Path, format: &str) -> Vec<i64> {
    let path = path.to_str().unwrap();
    let pairs = [("path", path), ("format", format)];
    let drained = check_source(|| {
        open(
            "filesystem",
            source_request(&log(), "t", &columns(), &pairs),
        )
        .unwrap()
    });
    let id = |row: &String| {
        row["{\"id\":".len()..row.find(',').unwrap()]
            .parse()
            .unwrap()
    };
    assert_eq!(drained.rejects, []);
    drained.rows.iter().map(id).collect()
}

#[test]
fn a_folder_gets_each_committed_epoch_once_in_every_format() {
    for (format, compression) in [
        ("json", "none"),
        ("csv", "gzip"),
        ("json", "zstd"),
        ("parquet", "none"),
    ] {
        let dir = tempfile::tempdir().unwrap();
        let folder = dir.path().join("out/");
        let path = format!("{}/", folder.display());
        let pairs = [
            ("path", path.as_str()),
            ("format", format),
            ("sink.compression", compression),
        ];
        let mut first = sink(&pairs, 0);
        write(&mut *first, 1, &[1, 2]);
        first.committed(1).unwrap();
        write(&mut *first, 2, &[]);
        first.committed(2).unwrap();
        write(&mut *first, 3, &[3]);
        write(&mut *first, 4, &[4]);
        assert_eq!(
            ids(&folder, format),
            [1, 2],
            "what is not committed is not seen"
        );
        drop(first);
        // The commit of epoch 3 was durable, that of epoch 4 was not.
        let mut second = sink(&pairs, 3);
        assert_eq!(ids(&folder, format), [1, 2, 3]);
        write(&mut *second, 4, &[5]);
        second.committed(4).unwrap();
        assert_eq!(ids(&folder, format), [1, 2, 3, 5]);
        // Another pipeline leaves these files alone.
        let mut third = sink(&pairs, 0);
        write(&mut *third, 1, &[6]);
        third.committed(1).unwrap();
        assert_eq!(ids(&folder, format), [1, 2, 3, 5, 6]);
    }
}

#[test]
fn a_growing_file_is_put_right_wherever_it_was_interrupted() {
    for name in ["out.json", "out.json.gz", "out.json.zst"] {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join(name);
        let pairs = [("path", path.to_str().unwrap()), ("format", "json")];
        let mut first = sink(&pairs, 0);
        write(&mut *first, 1, &[1, 2]);
        first.committed(1).unwrap();
        write(&mut *first, 2, &[3]);
        write(&mut *first, 3, &[4]);
        drop(first);
        let mut second = sink(&pairs, 2);
        assert_eq!(ids(&path, "json"), [1, 2, 3]);
        let whole = fs::read(&path).unwrap();
        write(&mut *second, 3, &[5]);
        second.committed(3).unwrap();
        drop(second);
        let grown = fs::read(&path).unwrap();
        assert_eq!(ids(&path, "json"), [1, 2, 3, 5]);
        // The state is older than the file: what came after it is cut off.
        drop(sink(&pairs, 2));
        assert_eq!(fs::read(&path).unwrap(), whole);
        // Epoch 3 was being written when the process died.
        for length in whole.len()..grown.len() {
            let mut again = sink(&pairs, 2);
            write(&mut *again, 3, &[5]);
            fs::write(
                dir.path().join(format!(".{name}.note")),
                format!("3 {} {}\n", whole.len(), grown.len()),
            )
            .unwrap();
            fs::write(&path, &grown[..length]).unwrap();
            drop(again);
            drop(sink(&pairs, 3));
            assert_eq!(fs::read(&path).unwrap(), grown, "{name} {length}");
            drop(sink(&pairs, 2));
        }
    }
}

#[test]
fn a_growing_file_that_lost_its_end_is_corrupt() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("out.json");
    let pairs = [("path", path.to_str().unwrap()), ("format", "json")];
    let mut first = sink(&pairs, 0);
    write(&mut *first, 1, &[1, 2]);
    first.committed(1).unwrap();
    fs::write(&path, "").unwrap();
    let request = sink_request(&log(), "t", &columns(), &pairs);
    let mut second = registry()
        .connector("filesystem")
        .unwrap()
        .sink(request)
        .unwrap();
    assert_error(second.recover(1), ErrorKind::Corrupt, "out.json");
}

#[test]
fn a_csv_file_has_one_header() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("out.csv");
    let pairs = [
        ("path", path.to_str().unwrap()),
        ("format", "csv"),
        ("csv.header", "true"),
    ];
    let mut sink = sink(&pairs, 0);
    for epoch in 1..4 {
        write(&mut *sink, epoch, &[epoch as i64]);
        sink.committed(epoch).unwrap();
    }
    assert_eq!(
        fs::read_to_string(&path).unwrap(),
        "id,text\n1,t1\n2,t2\n3,t3\n"
    );
}

#[test]
fn files_refuse_rows_that_are_taken_back() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("out.json");
    let mut sink = sink(&[("path", path.to_str().unwrap()), ("format", "json")], 0);
    let batch = ZBatch::new(rows(&[1]).rows().clone(), Some(Int64Array::from(vec![-1]))).unwrap();
    assert_error(
        sink.write(1, &[batch], &mut Commit::new()),
        ErrorKind::Invalid,
        "files of table 't'",
    );
}

#[test]
fn print_shows_rows_as_flink_does_once_they_are_committed() {
    let text: Arc<Mutex<Vec<u8>>> = Arc::default();
    let target = PrintTarget::shared(Arc::clone(&text) as Arc<Mutex<dyn Write + Send>>);
    let request = sink_request(&log(), "t", &columns(), &[("print-identifier", "out")]);
    let mut sink = PrintConnector::new(target).sink(request).unwrap();
    let batch = ZBatch::new(
        rows(&[1, 2]).rows().clone(),
        Some(Int64Array::from(vec![2, -1])),
    )
    .unwrap();
    sink.write(1, &[batch], &mut Commit::new()).unwrap();
    assert_eq!(text.lock().unwrap().as_slice(), b"");
    sink.committed(1).unwrap();
    let shown = String::from_utf8(text.lock().unwrap().clone()).unwrap();
    assert_eq!(shown, "out> +I[1, t1]\nout> +I[1, t1]\nout> -D[2, t2]\n");
}

struct Closed;

impl Write for Closed {
    fn write(&mut self, _: &[u8]) -> io::Result<usize> {
        Err(io::ErrorKind::BrokenPipe.into())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn printing_into_a_closed_pipe_is_closed() {
    let request = sink_request(&log(), "t", &columns(), &[]);
    let mut sink = PrintConnector::new(PrintTarget::new(Closed))
        .sink(request)
        .unwrap();
    write(&mut *sink, 1, &[1]);
    assert_error(sink.committed(1), ErrorKind::Closed, "cannot print");
}
