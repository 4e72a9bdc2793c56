//! Random values of all types: the first copy, whose values come in binary, makes the same records of them as the stream, whose
//! values come as the server's texts.

use headwater_cdc::postgres::{Session, Settings};
use headwater_cdc::{Debezium, Decimals, Format};
use headwater_log::Log;

use super::bench::{Seen, catch_up, memory, records, run, settings};
use crate::oracle::{Random, seed};
use crate::replication::start;

/// Rows of random values.
pub(super) const ROWS: u64 = 300;
pub(super) const TYPES: &str = "CREATE TYPE mood AS ENUM ('sad', 'so so', 'null'); CREATE TYPE pair AS (n int, t text); \
     CREATE DOMAIN code AS char(5); CREATE DOMAIN host AS inet; CREATE DOMAIN price AS numeric(12,3); CREATE DOMAIN prices AS price[]";

/// A random literal of a type.
pub(super) type Make = fn(&mut Random) -> String;

pub(super) const COLUMNS: &[(&str, Make)] = &[
    ("bool", boolean),
    ("int2", |r| (r.below(1 << 16) as i16).to_string()),
    ("int4", |r| format!("'{}'", bits(r) as i32)),
    ("int8", |r| format!("'{}'", bits(r) as i64)),
    ("oid", |r| r.below(1 << 32).to_string()),
    ("float4", |r| {
        format!("'{:e}'", f32::from_bits(bits(r) as u32))
    }),
    ("float8", double),
    ("numeric", numeric),
    ("numeric(30,7)", |r| format!("'{}'", bits(r) as f64 / 1e7)),
    ("text", |r| text(r, 40)),
    ("varchar(20)", |r| text(r, 20)),
    ("char(20)", |r| text(r, 20)),
    ("name", |r| text(r, 15)),
    ("\"char\"", |r| text(r, 1)),
    ("json", |r| format!("to_json({}::text)", text(r, 20))),
    ("jsonb", |r| {
        format!(
            "jsonb_build_object({}::text, {}::numeric)",
            text(r, 9),
            r.below(99)
        )
    }),
    ("uuid", |r| format!("'{:016x}{:016x}'", bits(r), bits(r))),
    ("bytea", bytes),
    ("date", date),
    ("time", |r| format!("'{}'", time(r))),
    ("time(0)", |r| format!("'{}'", time(r))),
    ("timetz", zoned_time),
    ("timestamp", moment),
    ("timestamptz", moment),
    ("timestamptz(3)", moment),
    ("interval", |r| {
        let (months, days) = (
            r.below(100_000) as i64 - 50_000,
            r.below(9_999_999) as i64 - 99_999,
        );
        format!(
            "'{months} months {days} days {} microseconds'",
            bits(r) as i64 / 4
        )
    }),
    ("inet", address),
    ("cidr", |r| format!("network({}::inet)", address(r))),
    ("bit varying(40)", |r| format!("B'{:b}'", r.below(1 << 40))),
    ("money", |r| format!("'{}'", bits(r) as i32)),
    ("point", |r| {
        format!("point({}::float8, {})", double(r), r.below(9))
    }),
    ("int4range", |r| format!("int4range({}, NULL)", r.below(99))),
    ("xml", |r| {
        format!("xmlelement(name a, {}::text)", text(r, 9))
    }),
    ("mood", mood),
    ("pair", |r| format!("ROW({}, {})", r.below(9), text(r, 5))),
    ("pair", |_| "ROW(NULL, NULL)".to_owned()),
    ("code", |r| text(r, 5)),
    ("host", address),
    ("price", |r| {
        format!("{}.{}", r.below(1 << 20), r.below(999))
    }),
    ("prices", |r| array(r, |r| r.below(1 << 20).to_string())),
    ("bool[]", |r| array(r, boolean)),
    ("int4[]", |r| array(r, |r| format!("'{}'", bits(r) as i32))),
    ("int8[]", |r| {
        format!(
            "'[{0}:{0}][-1:0]={{{{{1},NULL}}}}'",
            r.below(9),
            r.below(99)
        )
    }),
    ("float8[]", |r| array(r, double)),
    ("numeric[]", |r| array(r, numeric)),
    ("text[]", |r| array(r, |r| text(r, 9))),
    ("bytea[]", |r| array(r, bytes)),
    ("timestamptz[]", |r| array(r, moment)),
    ("date[]", |r| array(r, date)),
    ("uuid[]", |r| {
        array(r, |r| format!("'{:016x}{:016x}'", bits(r), bits(r)))
    }),
    ("jsonb[]", |r| array(r, |r| format!("'[{}]'", r.below(9)))),
    ("mood[]", |r| array(r, mood)),
    ("pair[]", |r| array(r, |r| format!("'({},)'", r.below(9)))),
    ("inet[]", |r| array(r, address)),
];

fn bits(random: &mut Random) -> u64 {
    let any = random.below(1 << 32) << 32 | random.below(1 << 32);
    // Small numbers as often as large ones.
    any >> random.below(64)
}

fn boolean(random: &mut Random) -> String {
    (random.below(2) == 0).to_string()
}

fn double(random: &mut Random) -> String {
    let number = match random.below(4) {
        0 => f64::from_bits(random.below(1 << 32) << 32 | random.below(1 << 32)),
        // Some of these have a shorter text that lies between two numbers.
        1 => ((1 << 53) + random.below(1 << 20)) as f64 * (1_u64 << random.below(9)) as f64,
        2 => random.below(1 << 30) as f64 / 1e7,
        _ => [0.0, -0.0, f64::NAN, f64::NEG_INFINITY][random.below(4) as usize],
    };
    format!("'{number:e}'")
}

fn numeric(random: &mut Random) -> String {
    match random.below(6) {
        0 => ["'NaN'", "'Infinity'", "'-Infinity'", "0.000"][random.below(4) as usize].to_owned(),
        1 => format!("'{}e{}'", bits(random) as i64, random.below(300)),
        2 => format!("'{}e-{}'", bits(random) as i64, random.below(300)),
        3 => format!("'{}0000.{:09}'", bits(random), random.below(1_000_000_000)),
        4 => format!("'-0.{:020}000'", bits(random)),
        _ => random.below(100_000_000).to_string(),
    }
}

/// Some of all that is special somewhere.
fn text(random: &mut Random, most: u64) -> String {
    const PIECES: [&str; 16] = [
        "a", "Z", " ", "ü", "€", "𝄞", "\"", "\\\\", "''", "{", "}", ",", "\\n", "\\t", "(", "NULL",
    ];
    let mut out = "E'".to_owned();
    let mut room = random.below(most + 1);
    while room > 0 {
        let piece = PIECES[random.below(16) as usize];
        room = room.saturating_sub(piece.len() as u64);
        // Names and lengths count characters or bytes.
        if piece.len() as u64 <= most {
            out += if room > 0 || piece.len() == 1 {
                piece
            } else {
                "b"
            };
        }
    }
    out + "'"
}

fn bytes(random: &mut Random) -> String {
    let count = random.below(40);
    let digits: String = (0..count)
        .map(|_| format!("{:02x}", random.below(256)))
        .collect();
    format!("'\\x{digits}'")
}

fn date(random: &mut Random) -> String {
    match random.below(4) {
        0 => [
            "'infinity'",
            "'-infinity'",
            "'4713-01-01 BC'",
            "'5874897-12-31'",
        ][random.below(4) as usize]
            .to_owned(),
        1 => format!("date '2000-01-01' + {}", random.below(140_000_000)),
        2 => format!("date '2000-01-01' - {}", random.below(2_450_000)),
        _ => format!("date '1970-01-01' + {}", random.below(30_000)),
    }
}

fn time(random: &mut Random) -> String {
    let [hour, minute, second] = [24, 60, 60].map(|end| random.below(end));
    match random.below(3) {
        0 => "24:00:00".to_owned(),
        1 => format!("{hour}:{minute}:{second}"),
        _ => format!("{hour}:{minute}:{second}.{:06}", random.below(1_000_000)),
    }
}

fn zoned_time(random: &mut Random) -> String {
    let sign = ["+", "-"][random.below(2) as usize];
    let zone = match random.below(3) {
        0 => format!("{:02}", random.below(15)),
        1 => format!("{:02}:{:02}", random.below(15), random.below(60)),
        _ => format!(
            "{:02}:{:02}:{:02}",
            random.below(15),
            random.below(60),
            random.below(60)
        ),
    };
    format!("'{}{sign}{zone}'", time(random))
}

fn moment(random: &mut Random) -> String {
    let base = "timestamptz '2000-01-01 00:00:00+00'";
    let micros = random.below(86_400_000_000);
    match random.below(4) {
        0 => [
            "'infinity'",
            "'-infinity'",
            "'294246-12-31 23:59:59.999999+00'",
            "'4713-01-01 00:00:00+00 BC'",
        ][random.below(4) as usize]
            .to_owned(),
        1 => format!(
            "{base} + interval '{} days {micros} microseconds'",
            random.below(100_000_000)
        ),
        2 => format!(
            "{base} - interval '{} days {micros} microseconds'",
            random.below(2_400_000)
        ),
        _ => format!(
            "{base} + interval '{} days {} seconds'",
            random.below(20_000),
            random.below(86_400)
        ),
    }
}

fn address(random: &mut Random) -> String {
    let byte = random.below(256);
    match random.below(3) {
        0 => format!("'10.0.{byte}.1'"),
        1 => format!("'10.0.{byte}.1/{}'", random.below(33)),
        _ => format!("'fe80::{byte:x}/{}'", random.below(129)),
    }
}

fn mood(random: &mut Random) -> String {
    ["'sad'", "'so so'", "'null'"][random.below(3) as usize].to_owned()
}

/// None, one or more elements, perhaps in two dimensions.
fn array(random: &mut Random, make: Make) -> String {
    let mut row = |count: u64| {
        let elements: Vec<String> = (0..count)
            .map(|_| match random.below(5) {
                0 => "NULL".to_owned(),
                _ => make(random),
            })
            .collect();
        elements.join(", ")
    };
    let (first, second) = (row(3), row(3));
    match random.below(4) {
        0 => "'{}'".to_owned(),
        1 => format!("ARRAY[[{first}], [{second}]]"),
        _ => format!("ARRAY[{first}]"),
    }
}

/// A table with a column of each type; one that is gone and one that is computed are in no row.
fn create(session: &mut Session) {
    let columns = COLUMNS.iter().enumerate();
    let columns: Vec<String> = columns.map(|(n, c)| format!("c{n} {}", c.0)).collect();
    let columns = columns.join(", ");
    run(session, TYPES);
    run(
        session,
        &format!(
            "CREATE TABLE t (gone int, id int PRIMARY KEY, twice int GENERATED ALWAYS AS (id * 2) STORED, {columns}); \
             ALTER TABLE t DROP COLUMN gone"
        ),
    );
}

/// An expression for a random value of a column, which may be NULL.
pub(super) fn value((of, make): &(&str, Make), random: &mut Random) -> String {
    match random.below(10) {
        0 => "NULL".to_owned(),
        _ => format!("CAST({} AS {of})", make(random)),
    }
}

fn fill(session: &mut Session, names: &str, random: &mut Random) {
    for id in 0..ROWS {
        let values: Vec<String> = COLUMNS.iter().map(|c| value(c, random)).collect();
        let values = values.join(", ");
        let sql = format!("INSERT INTO t (id, {names}) VALUES ({id}, {values})");
        run(session, &sql);
    }
}

/// As rows, and as Debezium's.
pub(super) fn both(rows: Settings) -> [Settings; 2] {
    let debezium = Debezium {
        decimals: Decimals::String,
        unwrapped: true,
        ..Debezium::new("shop")
    };
    let debezium = Settings {
        slot: "debezium".to_owned(),
        format: Format::Debezium(debezium),
        ..rows.clone()
    };
    [rows, debezium]
}

/// The rows in the order of their ids, without these.
fn rows(log: &Log) -> Vec<String> {
    let one = |(_, key, value): Seen| {
        let id: u64 = key
            .trim_matches(|c: char| !c.is_ascii_digit())
            .parse()
            .unwrap();
        (id, value.unwrap().replacen(&format!("\"id\":{id},"), "", 1))
    };
    let mut all: Vec<(u64, String)> = records(log, "t").into_iter().map(one).collect();
    all.sort();
    all.into_iter().map(|(_, row)| row).collect()
}

#[test]
fn random_values_are_the_same_in_binary_and_as_text() {
    let Some((_server, address)) = start() else {
        return;
    };
    let mut random = Random(seed() | 1);
    let mut session = Session::connect(&address).unwrap();
    create(&mut session);
    let names: Vec<String> = (0..COLUMNS.len()).map(|n| format!("c{n}")).collect();
    let names = names.join(", ");
    fill(&mut session, &names, &mut random);
    let captures = both(settings(&address, &["t"])).map(|settings| (memory(), settings));
    for (log, settings) in &captures {
        catch_up(log, settings);
    }
    run(
        &mut session,
        &format!("INSERT INTO t (id, {names}) SELECT id + {ROWS}, {names} FROM t"),
    );
    for (log, settings) in &captures {
        catch_up(log, settings);
        let all = rows(log);
        assert_eq!(all.len() as u64, 2 * ROWS);
        let (read, streamed) = all.split_at(ROWS as usize);
        for (read, streamed) in read.iter().zip(streamed) {
            assert_eq!(read, streamed);
        }
    }
}
