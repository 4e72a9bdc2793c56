//! JSON and CSV of mutated bytes, which must never panic. `HEADWATER_FUZZ_SECONDS` makes it run longer than its five
//! seconds.

use std::sync::Arc;
use std::time::{Duration, Instant};

use arrow::datatypes::{DataType, Field};
use headwater_flow::connector::ValueDecoder;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

use crate::properties::seed;
use crate::support::{decoder, schema, show, timestamp3};

fn fuzz_time() -> Duration {
    let seconds = std::env::var("HEADWATER_FUZZ_SECONDS")
        .ok()
        .and_then(|s| s.parse().ok());
    Duration::from_secs_f64(seconds.unwrap_or(5.0))
}

fn mutate(rng: &mut StdRng, bytes: &mut Vec<u8>) {
    const TOKENS: [&[u8]; 16] = [
        b"\"", b"\\", b"{", b"}", b"[", b"]", b",", b":", b"\n", b"null", b"\\u", b"\\ud83d", b"-",
        b"1e999", b"\xff", b"0",
    ];
    for _ in 0..rng.random_range(1..5) {
        let at = rng.random_range(0..=bytes.len());
        match rng.random_range(0..4) {
            0 if at < bytes.len() => bytes[at] = rng.random(),
            1 if at < bytes.len() => {
                drop(bytes.drain(at..(at + rng.random_range(1..9)).min(bytes.len())))
            }
            2 => {
                let token = TOKENS[rng.random_range(0..TOKENS.len())];
                bytes.splice(at..at, token.iter().copied());
            }
            _ => {
                let from = rng.random_range(0..=bytes.len());
                let piece = bytes[from..(from + 12).min(bytes.len())].to_vec();
                bytes.splice(at..at, piece);
            }
        }
    }
}

/// Mutates `corpus` for a while. A batch must decode like its values one by one.
fn fuzz(decoder: &dyn ValueDecoder, corpus: &[&str], time: Duration) {
    let mut rng = StdRng::seed_from_u64(seed());
    let start = Instant::now();
    while start.elapsed() < time {
        let mutant = |rng: &mut StdRng| {
            let mut bytes = corpus[rng.random_range(0..corpus.len())]
                .as_bytes()
                .to_vec();
            mutate(rng, &mut bytes);
            bytes
        };
        let values: Vec<Vec<u8>> = (0..16).map(|_| mutant(&mut rng)).collect();
        let slices: Vec<Option<&[u8]>> = values.iter().map(|v| Some(v.as_slice())).collect();
        let together = decoder.decode(&slices).unwrap();
        assert_eq!(
            together.rows.num_rows() + together.rejects.len(),
            values.len()
        );
        let mut alone = Vec::new();
        let mut reasons = Vec::new();
        for (i, value) in slices.iter().enumerate() {
            let one = decoder.decode(&[*value]).unwrap();
            alone.extend(show(&one.rows));
            reasons.extend(one.rejects.into_iter().map(|r| (i as u32, r.reason)));
        }
        assert_eq!(show(&together.rows), alone);
        let got: Vec<_> = together
            .rejects
            .into_iter()
            .map(|r| (r.index, r.reason))
            .collect();
        assert_eq!(got, reasons);
        let file = values.concat();
        let framed = decoder.frame(&file);
        let whole = decoder.split(&file[..framed], true);
        assert!(whole.iter().all(|r| r.start <= r.end && r.end <= framed));
    }
}

#[test]
fn mutated_json_never_panics_and_never_spoils_its_neighbours() {
    let list = DataType::List(Arc::new(Field::new_list_field(DataType::Int32, true)));
    let inner = DataType::Struct(
        vec![
            Field::new("x", DataType::Int64, true),
            Field::new("y", DataType::Utf8, false),
        ]
        .into(),
    );
    let entries = Field::new_struct(
        "entries",
        vec![
            Field::new("keys", DataType::Utf8, false),
            Field::new("values", DataType::Float64, true),
        ],
        false,
    );
    let columns = schema(&[
        ("a", DataType::Int64),
        ("b", DataType::Utf8),
        ("c", DataType::Decimal128(12, 3)),
        ("d", timestamp3()),
        ("e", list),
        ("f", inner),
        ("g", DataType::Map(Arc::new(entries), false)),
        ("h", DataType::Binary),
    ]);
    let corpus = [
        r#"{"a":1,"b":"x\u00e4\ud83d\ude00","c":1.5e2,"d":"2020-01-01 00:00:00.123","e":[1,2,null],"f":{"x":-1,"y":"z"},"g":{"k":0.5},"h":"aGk="}"#,
        r#"{"zz":{"q":[1,{"w":"}"}]},"f":{"y":"abcdefghijklmnop","x":12345678901234567},"b":12.0,"a":"7","g":null}"#,
        r#"{ "d" : "2020-02-30T00:00:00Z" , "a" : 1.0 , "a" : 2, "e": [], "b": [1, "x"]}"#,
    ];
    fuzz(&*decoder("json", &columns, &[]), &corpus, fuzz_time() / 2);
    fuzz(
        &*decoder("json", &columns, &[("json.ignore-parse-errors", "true")]),
        &corpus,
        fuzz_time() / 2,
    );
}

#[test]
fn mutated_csv_never_panics_and_never_spoils_its_neighbours() {
    let list = DataType::List(Arc::new(Field::new_list_field(DataType::Int32, true)));
    let columns = schema(&[
        ("a", DataType::Int64),
        ("b", DataType::Utf8),
        ("c", timestamp3()),
        ("d", list),
    ]);
    let corpus = [
        "1,\"x,\"\"y\"\"\nz\",2020-01-01 00:00:00,1;2\n",
        ",,,\n",
        "# c\n5,'a',x,\"1;;2\"\r\n",
    ];
    fuzz(&*decoder("csv", &columns, &[]), &corpus, fuzz_time() / 2);
    let pairs = [
        ("csv.escape-character", "\\"),
        ("csv.allow-comments", "true"),
        ("csv.ignore-parse-errors", "true"),
    ];
    fuzz(&*decoder("csv", &columns, &pairs), &corpus, fuzz_time() / 2);
}
