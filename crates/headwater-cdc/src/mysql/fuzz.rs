//! Any bytes as the log of a server.

use bytes::{Buf, Bytes};

use super::charset::Charsets;
use super::compressed::{self, Payload};
use super::event::{Event, Header, header};
use super::position::Position;
use super::rows::{Change, Rows};
use super::semantic;
use super::transactions::{Assembler, Message};
use crate::debezium::{FieldSchema, Modes};

/// What an event takes at least here: its kind and the length of its body.
const HEAD_BYTES: usize = 3;

/// The first byte says of which server the log is, and whether events come cut (kind, length, body) or as one compressed transaction.
pub(crate) fn log(data: &[u8]) {
    log_with(data, &mut |_| {});
}

/// The same; `read` is told how many rows were changed.
pub(super) fn log_with(data: &[u8], read: &mut dyn FnMut(usize)) {
    let Some((first, rest)) = data.split_first() else {
        return;
    };
    let mut assembler = Assembler::new(Position::default(), first & 1 == 0, Charsets::default());
    let mut rest = Bytes::copy_from_slice(rest);
    if first & 2 != 0 {
        drop(compressed::column(rest.clone()));
        let Ok(mut payload) = Payload::open(rest) else {
            return;
        };
        while let Ok(Some(event)) = payload.next() {
            if let Ok((header, body)) = header(&event) {
                hear(&mut assembler, header, body, read);
            }
        }
        return;
    }
    while rest.len() >= HEAD_BYTES {
        let (kind, length) = (rest.get_u8(), usize::from(rest.get_u16_le()));
        let body = rest.split_to(length.min(rest.len()));
        let header = Header {
            time: 1,
            kind,
            server: 1,
            length: 20,
            end: 9,
        };
        hear(&mut assembler, header, body, read);
    }
}

/// What is said of an event is of no interest; that it is said is.
fn hear(assembler: &mut Assembler, header: Header, body: Bytes, read: &mut dyn FnMut(usize)) {
    let event = Event::decode(&header, body);
    drop(event.and_then(|event| assembler.hear(header, event)));
    while let Some(message) = assembler.next() {
        match message {
            Message::Rows(rows) => {
                if let Ok(changes) = rows.changes() {
                    let changes = changes.map_while(Result::ok);
                    read(changes.map(|change| write(&rows, &change)).count());
                }
            }
            Message::Statement(statement) => drop(statement.effects()),
            _ => {}
        }
    }
}

/// As Debezium's events have it.
fn write(rows: &Rows, change: &Change) {
    for row in change.before.iter().chain(&change.after) {
        for (column, value) in rows.table.columns.iter().zip(row) {
            let field = FieldSchema {
                name: column.name.clone(),
                semantic: semantic::of(&column.kind, Modes::default()),
                is_optional: column.is_nullable,
                default: None,
                treated: None,
            };
            drop(semantic::write(
                value,
                &column.kind,
                &field,
                &mut Vec::new(),
            ));
        }
    }
}
