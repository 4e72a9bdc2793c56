//! `headwater run` on files that people have, good and bad.

use std::io::Write;
use std::path::Path;

use crate::binary::{Ended, binary, headwater, run, run_with};

/// A folder with files, and what runs over them.
struct Folder(tempfile::TempDir);

impl Folder {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn path(&self) -> &Path {
        self.0.path()
    }

    fn put(&self, name: &str, bytes: impl AsRef<[u8]>) {
        std::fs::write(self.path().join(name), bytes).unwrap();
    }

    /// Runs a text there.
    fn run(&self, text: &str, args: &[&str]) -> Ended {
        let mut command = headwater(["run", "-"]);
        run_with(command.args(args).current_dir(self.path()), text)
    }

    /// Prints the columns of a file.
    fn print(&self, columns: &str, options: &str) -> Ended {
        self.run(&printing(columns, options), &[])
    }
}

fn printing(columns: &str, options: &str) -> String {
    format!(
        "CREATE TABLE src ({columns}) WITH ('connector' = 'filesystem', {options});
         CREATE TABLE out ({columns}) WITH ('connector' = 'print');
         INSERT INTO out SELECT * FROM src;"
    )
}

const COLUMNS: &str = "id BIGINT, name STRING, price DECIMAL(10, 2)";

#[test]
fn rows_are_written_in_all_forms() {
    let folder = Folder::new();
    let select = "SELECT 1 AS a, CAST(NULL AS STRING) AS b, CAST(1.5 AS DECIMAL(5, 2)) AS c, NULL AS d, 'x,\"y\"' AS e";
    let written = |form| folder.run(select, &["-o", form]).stdout;
    assert_eq!(written("csv"), "a,b,c,d,e\n1,,1.50,,\"x,\"\"y\"\"\"\n");
    let row = "{\"a\":1,\"b\":null,\"c\":1.50,\"d\":null,\"e\":\"x,\\\"y\\\"\"}";
    assert_eq!(written("jsonl"), format!("{row}\n"));
    assert_eq!(written("json"), format!("[\n  {row}\n]\n"));
    let table = written("table");
    let cells: Vec<&str> = table
        .lines()
        .last()
        .unwrap()
        .split('│')
        .map(str::trim)
        .collect();
    assert_eq!(cells, ["1", "NULL", "1.50", "NULL", "x,\"y\""]);
}

#[test]
fn a_query_says_what_it_could_not_read() {
    let folder = Folder::new();
    folder.put(
        "mixed.json",
        "{\"id\":1}\n{\"id\":\"x\"}\n{\"id\":3}\nnonsense\n",
    );
    let query = |option: &str| {
        let text = format!(
            "CREATE TABLE t (id BIGINT) WITH ('connector' = 'filesystem', 'path' = 'mixed.json', 'format' = 'json'{option});
             SELECT SUM(id) AS s FROM t;"
        );
        folder.run(&text, &["-o", "csv"])
    };
    let ended = query("");
    assert_eq!((ended.code, &*ended.stdout), (Some(0), "s\n4\n"));
    assert_eq!(
        ended.stderr,
        "warning: 2 records of 't' did not decode and are not in the answer; the first: field 'id': expected a whole number (at 9 of mixed.json)\n"
    );
    let ended = query(", 'on-error' = 'fail'");
    assert_ne!(ended.code, Some(0), "{ended:?}");
    assert_eq!(ended.stdout, "");
    assert!(
        ended
            .stderr
            .contains("record of table 't' does not decode: field 'id'"),
        "{ended:?}"
    );
}

#[test]
fn records_that_do_not_decode_are_counted_and_kept_and_the_rest_goes_on() {
    let folder = Folder::new();
    folder.put(
        "mixed.json",
        b"{\"id\":1,\"name\":\"a\",\"price\":1.10}\n{\"id\":\"x\"}\n{\"id\":2,\"name\":\"\xff\"}\nnonsense\n{\"id\":3}\n",
    );
    let options = "'path' = 'mixed.json', 'format' = 'json'";
    let ended = folder.run(&printing(COLUMNS, options), &["-s", "state"]);
    assert_eq!(ended.code, Some(0));
    assert_eq!(ended.stdout, "+I[1, a, 1.10]\n+I[3, null, null]\n");
    assert_eq!(
        ended.stderr,
        "3 records did not decode: kept in src$errors; the first: field 'id': expected a whole number (at 33 of mixed.json)\n"
    );
    let format = "%h{%k=%v|}%v{hex}\\n";
    let args = [
        "topic",
        "consume",
        "src$errors",
        "-o",
        ":end",
        "-f",
        format,
        "--data",
        "state",
    ];
    let kept = run(headwater(args).current_dir(folder.path())).stdout;
    let kept: Vec<&str> = kept.lines().collect();
    assert_eq!(kept.len(), 3, "{kept:?}");
    assert!(
        kept[1].contains("headwater.reason=field 'name'"),
        "{kept:?}"
    );
    assert!(
        kept[1].ends_with("22ff227d"),
        "its original bytes: {kept:?}"
    );
    assert!(
        kept[2].contains("headwater.table=src|headwater.partition=mixed.json|headwater.offset=64"),
        "{kept:?}"
    );

    let fails = format!("{options}, 'on-error' = 'fail'");
    let ended = folder.print(COLUMNS, &fails);
    assert_eq!(ended.code, Some(1), "{ended:?}");
    assert!(
        ended.stderr.contains("field 'id': expected a whole number"),
        "{ended:?}"
    );
    let lenient = format!("{options}, 'json.ignore-parse-errors' = 'true'");
    let ended = folder.print(COLUMNS, &lenient);
    assert_eq!(ended.stdout.lines().count(), 4, "{ended:?}");
}

#[test]
fn damaged_files_are_named_in_one_sentence() {
    let folder = Folder::new();
    let noise: Vec<u8> = (0..3000_u32)
        .map(|n| (n.wrapping_mul(2_654_435_761) >> 13) as u8)
        .collect();
    let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    packed
        .write_all("{\"id\":1}\n".repeat(50).as_bytes())
        .unwrap();
    let packed = packed.finish().unwrap();
    for (name, format, bytes, part) in [
        ("noise.json.gz", "json", &noise[..], "damaged"),
        (
            "cut.json.gz",
            "json",
            &packed[..packed.len() - 12],
            "damaged or cut off",
        ),
        ("noise.json.zst", "json", &noise[..], "damaged"),
        (
            "noise.parquet",
            "parquet",
            &noise[..],
            "no sound parquet file",
        ),
        ("empty.parquet", "parquet", &[][..], "no sound parquet file"),
    ] {
        folder.put(name, bytes);
        let options = format!("'path' = '{name}', 'format' = '{format}'");
        let ended = folder.print(COLUMNS, &options);
        assert_eq!(
            (ended.code, &*ended.stdout),
            (Some(1), ""),
            "{name}: {ended:?}"
        );
        let sentence = format!("error: '{name}' is");
        assert!(
            ended.stderr.starts_with(&sentence) && ended.stderr.contains(part),
            "{ended:?}"
        );
        assert_eq!(ended.stderr.lines().count(), 1, "{ended:?}");
    }
    for (name, format) in [("noise.json", "json"), ("noise.csv", "csv")] {
        folder.put(name, &noise);
        let ended = folder.print(
            COLUMNS,
            &format!("'path' = '{name}', 'format' = '{format}'"),
        );
        assert_eq!(
            (ended.code, &*ended.stdout),
            (Some(0), ""),
            "{name}: {ended:?}"
        );
        assert!(ended.stderr.contains("did not decode"), "{name}: {ended:?}");
    }
    for (name, format) in [("empty.json", "json"), ("empty.csv", "csv")] {
        folder.put(name, "");
        let ended = folder.print(
            COLUMNS,
            &format!("'path' = '{name}', 'format' = '{format}'"),
        );
        assert_eq!(
            (ended.code, &*ended.stdout, &*ended.stderr),
            (Some(0), "", ""),
            "{name}"
        );
    }
}

#[test]
fn paths_that_are_no_files_are_refused_before_anything_runs() {
    let folder = Folder::new();
    std::fs::create_dir(folder.path().join("nothing")).unwrap();
    let fifo = std::process::Command::new("mkfifo")
        .arg(folder.path().join("pipe"))
        .status();
    assert!(fifo.unwrap().success());
    for (path, code, part) in [
        (
            "missing.json",
            1,
            "cannot read 'missing.json': No such file or directory",
        ),
        ("nothing", 1, "'nothing'"),
        ("*.json", 1, "'*.json'"),
        ("pipe", 78, "cannot be read again"),
        ("/dev/stdin", 78, "cannot be read again"),
        ("s3://bucket/x.json", 78, "is not on this machine"),
    ] {
        let ended = folder.print(COLUMNS, &format!("'path' = '{path}', 'format' = 'json'"));
        assert_eq!(
            (ended.code, &*ended.stdout),
            (Some(code), ""),
            "{path}: {ended:?}"
        );
        assert!(
            ended.stderr.contains(part) && !ended.stderr.contains("os error"),
            "{ended:?}"
        );
    }
}

#[test]
fn extreme_records_are_rejected_or_read_exactly() {
    let folder = Folder::new();
    let deep = format!(
        "{{\"id\":1,\"x\":{}{}}}",
        "[".repeat(100_000),
        "]".repeat(100_000)
    );
    let nested = format!(
        "{{\"id\":2,\"name\":{}1{}}}",
        "{\"a\":".repeat(100_000),
        "}".repeat(100_000)
    );
    let long = format!("{{\"id\":3,\"name\":\"{}\"}}", "x".repeat(3_000_000));
    let numbers = "{\"id\":99999999999999999999}\n{\"id\":-9223372036854775808,\"price\":99999999.99}\n{\"id\":4,\"price\":1e400}\n{\"id\":5,\"price\":100000000.00}\n{\"id\":6,\"price\":0.005}";
    folder.put(
        "extreme.json",
        [deep, nested, long, numbers.to_owned()].join("\n"),
    );
    let text = "CREATE TABLE src (id BIGINT, name STRING, price DECIMAL(10, 2))
            WITH ('connector' = 'filesystem', 'path' = 'extreme.json', 'format' = 'json');
        SELECT id, CHAR_LENGTH(name) AS n, price FROM src ORDER BY id;";
    let ended = folder.run(text, &["-o", "csv"]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let rows: Vec<&str> = ended.stdout.lines().skip(1).collect();
    assert_eq!(
        rows[..2],
        ["-9223372036854775808,,99999999.99", "3,3000000,"],
        "{ended:?}"
    );
    assert!(
        rows.iter()
            .all(|r| !r.starts_with("4,") && !r.starts_with("5,")),
        "{rows:?}"
    );
}

#[test]
fn options_with_wrong_values_are_found_before_anything_runs() {
    let folder = Folder::new();
    folder.put("a.csv", "1,a,1.1\n");
    for (option, part) in [
        ("'on-error' = 'fial'", "did you mean 'fail'?"),
        ("'csv.header' = 'yes'", "write true or false"),
        ("'csv.field-delimiter' = 'ab'", "one ASCII character"),
        (
            "'source.monitor-interval' = 'soon'",
            "write a number and a unit",
        ),
        (
            "'csv.filed-delimiter' = ';'",
            "did you mean 'csv.field-delimiter'?",
        ),
    ] {
        let text = format!(
            "SELECT 1 AS first; {}",
            printing(
                COLUMNS,
                &format!("'path' = 'a.csv', 'format' = 'csv', {option}")
            )
        );
        let ended = folder.run(&text, &[]);
        assert_eq!(
            (ended.code, &*ended.stdout),
            (Some(78), ""),
            "{option}: {ended:?}"
        );
        assert!(
            ended.stderr.contains(part) && ended.stderr.contains("^^^"),
            "{ended:?}"
        );
    }
}

#[test]
fn an_error_in_the_last_statement_starts_none_of_the_others() {
    let folder = Folder::new();
    folder.put("a.csv", "1,a,1.1\n");
    let text = printing(COLUMNS, "'path' = 'a.csv', 'format' = 'csv'") + "\nSELECT id FORM src;";
    let ended = folder.run(&text, &["-s", "state"]);
    assert_eq!((ended.code, &*ended.stdout), (Some(78), ""), "{ended:?}");
    assert!(ended.stderr.contains("line 4"), "{ended:?}");
    let list = ["topic", "list", "-o", "json", "--data", "state"];
    assert_eq!(
        run(headwater(list).current_dir(folder.path())).stdout,
        "[]\n"
    );
}

#[test]
fn a_reader_that_goes_away_ends_an_endless_run_in_order() {
    let folder = Folder::new();
    folder.put(
        "endless.sql",
        "CREATE TABLE n (n BIGINT) WITH ('connector' = 'datagen');
         CREATE TABLE out (n BIGINT) WITH ('connector' = 'print');
         INSERT INTO out SELECT n FROM n;",
    );
    let script = "\"$0\" run endless.sql -s state | head -n 1; echo ${PIPESTATUS[0]}";
    let mut shell = std::process::Command::new("bash");
    shell.args(["-c", script]).arg(binary());
    let ended = run(shell.current_dir(folder.path()));
    assert_eq!(ended.stdout.lines().count(), 2, "{ended:?}");
    assert_eq!(ended.stdout.lines().last(), Some("0"), "{ended:?}");
    assert_eq!(ended.stderr, "");
}

#[test]
fn a_file_may_begin_with_a_byte_order_mark() {
    let folder = Folder::new();
    let ended = folder.run("\u{feff}SELECT 1 AS a;", &["-o", "csv"]);
    assert_eq!(ended.stdout, "a\n1\n", "{ended:?}");
}
