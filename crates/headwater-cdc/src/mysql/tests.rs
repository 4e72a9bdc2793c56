//! Events as servers write them, byte by byte, and what becomes of bytes that are damaged.

use bytes::{BufMut, Bytes, BytesMut};
use headwater_log::{ErrorKind, Result};
use proptest::prelude::*;

use super::charset::Charsets;
use super::compressed::{self, Payload};
use super::event::{Event, header};
use super::fuzz;
use super::position::Position;
use super::reader::Reader;
use super::rows::{RawRows, Rows, RowsKind};
use super::table::{Flavor, Table};
use super::transactions::{Assembler, Message};
use super::value::Value;

/// A table of MariaDB with one column of most types, and one row of it.
const TABLE: &str = "120000000000010001780001740014010d03081004f6fffefefcfefe8d8cfcfcfefe12190101040a0204fe10fe1004f701f8010b \
    00020202fe10fe0303fbff0f0101dc030a3f3f3f2e0808083f3f0807010004310161017901620163026274016601640167017501 \
    69026a7301650173027663027463016c0262620362696e0263680264740a010805050201780179060502016101fc080102";
const ROW: &str = "120000000000010014ffff0f0000f0016403000000040000000000000000010000c03f8000000232190000000000000001010000 \
    00000000000000f03f00000000000000401000112233445566778899aabbccddeeff100000000000000000000000000000000107 \
    0000007b2261223a317d02030b0061616161616161616161080089644b4aa23d00000100e9020062620362696e02636899a54210 \
    411388";

fn bytes(hex: &str) -> Vec<u8> {
    let digits: Vec<u8> = hex.bytes().filter(u8::is_ascii_hexdigit).collect();
    let byte = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16);
    digits.chunks(2).map(|pair| byte(pair).unwrap()).collect()
}

/// The values of all rows.
fn decode(table: Vec<u8>, rows: Vec<u8>) -> Result<Vec<Vec<Value>>> {
    let table = Table::decode(table.into(), Flavor::MariaDb, &Charsets::default())?;
    let raw = RawRows::decode(RowsKind::Insert, Reader::new(rows.into(), "rows"), false)?;
    let rows = Rows::new(table.into(), raw);
    let changes = rows.changes()?.collect::<Result<Vec<_>>>()?;
    Ok(changes.into_iter().filter_map(|c| c.after).collect())
}

#[test]
fn a_table_says_what_its_rows_mean() {
    // Texts in latin1 need a server to be read.
    let table = Table::decode(bytes(TABLE).into(), Flavor::MariaDb, &Charsets::default()).unwrap();
    let names: Vec<&str> = table.columns.iter().map(|c| c.name.as_str()).collect();
    let want = "a y b c bt f d g u i js e s vc tc l bb bin ch dt";
    assert_eq!(names.join(" "), want);
    assert_eq!(table.columns[2].key, Some(0));
    assert!(!table.columns[2].is_nullable && table.columns[0].is_nullable);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn damaged_tables_and_rows_never_panic(
        damage in prop::collection::vec((0_usize..400, any::<u8>()), 0..6),
        cut in 0_usize..400,
        is_latin1_known: bool,
    ) {
        let (mut table, mut rows) = (bytes(TABLE), bytes(ROW));
        if is_latin1_known {
            // With UTF-8 in place of latin1 the rest of the row is read too.
            table.iter_mut().filter(|b| **b == 8).for_each(|b| *b = 45);
        }
        for (at, byte) in damage {
            match table.len() {
                length if at < length => table[at] = byte,
                length => {
                    let at = (at - length) % rows.len();
                    rows[at] = byte;
                }
            }
        }
        if cut < rows.len() {
            rows.truncate(cut);
        }
        drop(decode(table, rows));
    }

    #[test]
    fn any_bytes_as_events_never_panic(
        events in prop::collection::vec((prop::sample::select(KINDS), prop::collection::vec(any::<u8>(), 0..80)), 0..8),
        first: u8,
    ) {
        let bodies = events.iter().map(|(kind, body)| (*kind, &body[..]));
        fuzz::log(&log_of(first & 1, bodies));
    }

    #[test]
    fn a_damaged_log_never_panics(
        damage in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
        is_packed: bool,
    ) {
        let mut log = valid_log(is_packed);
        for (at, byte) in damage {
            let at = at.index(log.len());
            log[at] = byte;
        }
        fuzz::log(&log);
    }

    #[test]
    fn damaged_compression_never_panics(bytes: Vec<u8>, head: u8) {
        let mut bytes = bytes;
        bytes.insert(0, head);
        drop(compressed::column(bytes.clone().into()));
        drop(compressed::event(bytes.clone().into()));
        if let Ok(mut payload) = Payload::open(bytes.into()) {
            while let Ok(Some(_)) = payload.next() {}
        }
    }
}

/// Events as [`fuzz::log`] reads them.
fn log_of<'a>(first: u8, events: impl Iterator<Item = (u8, &'a [u8])>) -> Vec<u8> {
    let mut log = vec![first];
    for (kind, body) in events {
        log.push(kind);
        log.extend((body.len() as u16).to_le_bytes());
        log.extend(body);
    }
    log
}

/// A transaction of MySQL with one row, packed or not.
fn valid_log(is_packed: bool) -> Vec<u8> {
    const HEAD_BYTES: usize = 19;
    let events = mysql_transaction();
    if is_packed {
        let packed = zstd::encode_all(&events.concat()[..], 3).unwrap();
        // From MySQL, packed; how it is packed, then the rest.
        return [vec![3, 2, 1, 0, 0], packed].concat();
    }
    let gtid = mysql_gtid();
    let all = [&gtid].into_iter().chain(&events);
    log_of(1, all.map(|event| (event[4], &event[HEAD_BYTES..])))
}

#[test]
fn what_is_damaged_for_the_fuzzer_is_read_whole() {
    for is_packed in [false, true] {
        let log = valid_log(is_packed);
        let mut changes = 0;
        fuzz::log_with(&log, &mut |rows| changes += rows);
        assert_eq!(changes, 1, "packed: {is_packed}");
    }
}

const KINDS: &[u8] = &[
    2, 4, 15, 16, 19, 23, 27, 30, 31, 32, 33, 34, 38, 40, 41, 162, 165, 166, 169,
];

/// An event of MySQL as its log has it, without a checksum.
fn event(kind: u8, body: &[u8]) -> Vec<u8> {
    let mut out = BytesMut::new();
    out.put_u32_le(1_700_000_000);
    out.put_u8(kind);
    out.put_u32_le(1);
    out.put_u32_le(19 + body.len() as u32);
    out.put_u32_le(0);
    out.put_u16_le(0);
    out.put_slice(body);
    out.to_vec()
}

/// A transaction of MySQL: BEGIN, a table `d.t (id INT UNSIGNED PRIMARY KEY, j JSON)`, one row in the second form, the commit.
fn mysql_transaction() -> Vec<Vec<u8>> {
    let begin = b"\x01\0\0\0\0\0\0\0\x01\0\0\0\0d\0BEGIN";
    let table = b"\x05\0\0\0\0\0\x01\0\x01d\0\x01t\0\x02\x03\xf5\x01\x04\x02\
                  \x01\x01\x80\x04\x05\x02id\x01j\x08\x01\0";
    let row = b"\x05\0\0\0\0\0\x01\0\x02\0\x02\x03\0\xff\xff\xff\xff\x02\0\0\0\x04\x01";
    let xid = b"\x07\0\0\0\0\0\0\0";
    [(2, &begin[..]), (19, table), (30, row), (16, xid)]
        .map(|(kind, body)| event(kind, body))
        .to_vec()
}

fn hear(assembler: &mut Assembler, event: Vec<u8>, end: u32) -> Result<()> {
    let (mut header, body) = header(&Bytes::from(event))?;
    header.end = end;
    let event = Event::decode(&header, body)?;
    assembler.hear(header, event).map(drop)
}

fn check_mysql(assembler: &mut Assembler) {
    let gtid = "00112233-4455-6677-8899-aabbccddeeff:5";
    let messages: Vec<Message> = std::iter::from_fn(|| assembler.next()).collect();
    let [
        Message::Begin {
            gtid: Some(name), ..
        },
        Message::Rows(rows),
        Message::Commit { end, .. },
    ] = &messages[..]
    else {
        panic!("{messages:?}")
    };
    assert_eq!(name.to_string(), gtid);
    let changes: Vec<_> = rows.changes().unwrap().collect::<Result<_>>().unwrap();
    let want = [Value::UInt(u64::from(u32::MAX)), Value::Text("true".into())];
    assert_eq!(changes[0].after.as_deref(), Some(&want[..]));
    assert_eq!(end.to_string(), format!("binlog.000001:300 ({gtid})"));
}

fn mysql_gtid() -> Vec<u8> {
    let mut gtid = vec![1];
    gtid.extend(bytes("00112233445566778899aabbccddeeff"));
    gtid.extend(5_u64.to_le_bytes());
    event(33, &gtid)
}

fn mysql() -> Assembler {
    let position = Position {
        file: "binlog.000001".to_owned(),
        offset: 4,
        gtids: Default::default(),
    };
    Assembler::new(position, false, Charsets::default())
}

#[test]
fn a_transaction_of_mysql_is_put_together() {
    let mut assembler = mysql();
    hear(&mut assembler, mysql_gtid(), 90).unwrap();
    for event in mysql_transaction() {
        hear(&mut assembler, event, 300).unwrap();
    }
    check_mysql(&mut assembler);
}

#[test]
fn a_transaction_that_mysql_compresses_is_the_same() {
    for is_compressed in [true, false] {
        let events = mysql_transaction().concat();
        let stored = match is_compressed {
            true => zstd::encode_all(&events[..], 3).unwrap(),
            false => events,
        };
        let mut body = vec![2, 1, if is_compressed { 0 } else { 0xfc }];
        if !is_compressed {
            // 255, which does not fit into one byte.
            body = vec![2, 3, 0xfc, 255, 0];
        }
        body.push(0);
        body.extend(stored);
        let mut assembler = mysql();
        hear(&mut assembler, mysql_gtid(), 90).unwrap();
        hear(&mut assembler, event(40, &body), 300).unwrap();
        let mut payload = Payload::open(body.into()).unwrap();
        while let Some(event) = payload.next().unwrap() {
            hear(&mut assembler, event.to_vec(), 0).unwrap();
        }
        check_mysql(&mut assembler);
    }
}

#[test]
fn a_statement_of_mysql_without_a_transaction_ends_itself() {
    let mut assembler = mysql();
    hear(&mut assembler, mysql_gtid(), 90).unwrap();
    let create = b"\x01\0\0\0\0\0\0\0\x01\0\0\0\0d\0CREATE TABLE t (id INT)";
    hear(&mut assembler, event(2, create), 200).unwrap();
    let messages: Vec<Message> = std::iter::from_fn(|| assembler.next()).collect();
    let kinds = matches!(
        &messages[..],
        [Message::Begin { .. }, Message::Statement(s), Message::Commit { .. }] if s.database == "d"
    );
    assert!(kinds, "{messages:?}");
}

#[test]
fn what_the_server_could_not_write_is_lost() {
    let mut assembler = mysql();
    let error = hear(&mut assembler, event(26, b"\x01\0\x04disk"), 90).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound);
    assert!(error.message().contains("disk"), "{error}");
}

/// Found by fuzzing: a file that is said to go on near the end of all numbers.
#[test]
fn a_place_beyond_all_numbers_makes_nothing_panic() {
    fuzz::log(&bytes(
        "410413003effffffffffffff003e1f000e5d000000000e0008000000002902021f000e00000413003e1f000e5d0600000004000000000000000000000100003af4c7",
    ));
}
