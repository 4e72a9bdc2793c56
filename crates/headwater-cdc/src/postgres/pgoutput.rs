//! The messages of the output plugin `pgoutput`, versions 1 to 4: what a transaction did, sent when it has committed or, if it is large,
//! in blocks while it runs.
//!
//! Values stay where they came in; nothing is copied. Follows "Logical Replication Message Formats" of the manual.

mod streamed;

use bytes::Bytes;
use headwater_log::Result;

pub use streamed::Streamed;

use super::failure::malformed;
use super::lsn::Lsn;
use super::reader::Reader;

/// A value of a row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Cell {
    /// There is none.
    Null,
    /// A large value that the change left as it was and that the server does not send.
    Unchanged,
    /// As text.
    Text(Bytes),
    /// In the type's binary form.
    Binary(Bytes),
}

impl Cell {
    /// The text; `None`: there is none.
    pub fn to_text(&self) -> Option<String> {
        match self {
            Self::Text(bytes) => Some(String::from_utf8_lossy(bytes).into_owned()),
            _ => None,
        }
    }
}

/// What a table looks like from now on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Relation {
    /// Its id.
    pub id: u32,
    /// Its schema.
    pub schema: String,
    /// Its name.
    pub name: String,
    /// `d`efault, `n`othing, `f`ull or `i`ndex.
    pub identity: u8,
    /// Its columns, in the order of tuples.
    pub columns: Vec<RelationColumn>,
}

/// A column of a [`Relation`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RelationColumn {
    /// Whether it is part of the replica identity.
    pub is_key: bool,
    /// Its name.
    pub name: String,
    /// The id of its type.
    pub type_id: u32,
    /// What its type says of sizes; -1: nothing.
    pub modifier: i32,
}

/// One message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Message {
    /// A transaction begins.
    Begin {
        /// Where its commit lies.
        commit: Lsn,
        /// Microseconds since 2000-01-01.
        time: i64,
        /// Its id.
        xid: u32,
    },
    /// The transaction is whole.
    Commit {
        /// After its commit: from here on the server need not send it again.
        end: Lsn,
    },
    /// What a table looks like.
    Relation(Relation),
    /// A new row.
    Insert {
        /// The table.
        relation: u32,
        /// The row.
        new: Vec<Cell>,
    },
    /// A row that is another one now.
    Update {
        /// The table.
        relation: u32,
        /// What it was: its key if that has changed, all of it if the identity is full.
        old: Option<Vec<Cell>>,
        /// What it is.
        new: Vec<Cell>,
    },
    /// A row that is gone.
    Delete {
        /// The table.
        relation: u32,
        /// What it was: its key, or all of it.
        old: Vec<Cell>,
    },
    /// Tables that are empty now.
    Truncate {
        /// The tables.
        relations: Vec<u32>,
    },
    /// What an application wrote into the server's log: `pg_logical_emit_message`.
    Logical {
        /// Where it lies.
        lsn: Lsn,
        /// What it begins with.
        prefix: String,
        /// The rest.
        content: Bytes,
    },
    /// A block of a transaction that runs begins: what comes until its end are [`Streamed`] messages.
    StreamStart {
        /// The transaction.
        xid: u32,
    },
    /// The block ends.
    StreamStop,
    /// A transaction that was sent in blocks is whole.
    StreamCommit {
        /// The transaction.
        xid: u32,
        /// Where its commit lies.
        commit: Lsn,
        /// After its commit.
        end: Lsn,
        /// Microseconds since 2000-01-01.
        time: i64,
    },
    /// A transaction that was sent in blocks, or a part of it up to a savepoint, has not happened.
    StreamAbort {
        /// The transaction.
        xid: u32,
        /// The part, by an id of its own; that of the transaction: all of it.
        part: u32,
    },
    /// What says nothing of rows: types, origins.
    Other,
}

impl Message {
    /// Decodes one message.
    ///
    /// # Errors
    /// `Corrupt` if it is not one.
    pub fn decode(bytes: Bytes) -> Result<Self> {
        let mut reader = Reader::new(bytes, "replication message");
        Ok(match reader.u8()? {
            b'B' => Self::Begin {
                commit: Lsn(reader.u64()?),
                time: reader.i64()?,
                xid: reader.u32()?,
            },
            b'C' => {
                reader.u8()?;
                reader.u64()?;
                Self::Commit {
                    end: Lsn(reader.u64()?),
                }
            }
            b'R' => Self::Relation(relation(&mut reader)?),
            b'I' => Self::Insert {
                relation: reader.u32()?,
                new: marked_tuple(&mut reader, b"N")?,
            },
            b'U' => update(&mut reader)?,
            b'D' => Self::Delete {
                relation: reader.u32()?,
                old: marked_tuple(&mut reader, b"KO")?,
            },
            b'T' => truncate(&mut reader)?,
            b'M' => logical(&mut reader)?,
            b'S' => Self::StreamStart { xid: reader.u32()? },
            b'E' => Self::StreamStop,
            b'c' => streamed::commit(&mut reader)?,
            b'A' => Self::StreamAbort {
                xid: reader.u32()?,
                part: reader.u32()?,
            },
            b'Y' | b'O' => Self::Other,
            _ => return Err(malformed("kind of replication message")),
        })
    }
}

/// Whether it belongs to a transaction is told by where it comes.
fn logical(reader: &mut Reader) -> Result<Message> {
    reader.u8()?;
    let (lsn, prefix) = (Lsn(reader.u64()?), reader.text()?);
    let length = reader.u32()? as usize;
    Ok(Message::Logical {
        lsn,
        prefix,
        content: reader.take(length)?,
    })
}

fn relation(reader: &mut Reader) -> Result<Relation> {
    let (id, schema, name) = (reader.u32()?, reader.text()?, reader.text()?);
    let identity = reader.u8()?;
    let columns = (0..reader.u16()?).map(|_| {
        let is_key = reader.u8()? & 1 == 1;
        Ok(RelationColumn {
            is_key,
            name: reader.text()?,
            type_id: reader.u32()?,
            modifier: reader.u32()?.cast_signed(),
        })
    });
    let columns = columns.collect::<Result<_>>()?;
    Ok(Relation {
        id,
        // An empty name stands for the system's schema.
        schema: match schema.is_empty() {
            true => "pg_catalog".to_owned(),
            false => schema,
        },
        name,
        identity,
        columns,
    })
}

fn update(reader: &mut Reader) -> Result<Message> {
    let relation = reader.u32()?;
    let old = match reader.u8()? {
        b'N' => None,
        b'K' | b'O' => Some(tuple(reader)?),
        _ => return Err(malformed("update")),
    };
    let new = match old {
        Some(_) => marked_tuple(reader, b"N")?,
        None => tuple(reader)?,
    };
    Ok(Message::Update { relation, old, new })
}

fn truncate(reader: &mut Reader) -> Result<Message> {
    let count = reader.u32()?;
    reader.u8()?;
    if count as usize * 4 > reader.len() {
        return Err(malformed("truncation"));
    }
    let relations = (0..count).map(|_| reader.u32()).collect::<Result<_>>()?;
    Ok(Message::Truncate { relations })
}

fn marked_tuple(reader: &mut Reader, marks: &[u8]) -> Result<Vec<Cell>> {
    match marks.contains(&reader.u8()?) {
        true => tuple(reader),
        false => Err(malformed("tuple")),
    }
}

fn tuple(reader: &mut Reader) -> Result<Vec<Cell>> {
    let count = reader.u16()?;
    let cell = |_| {
        Ok(match reader.u8()? {
            b'n' => Cell::Null,
            b'u' => Cell::Unchanged,
            kind @ (b't' | b'b') => {
                let length = reader.u32()? as usize;
                let bytes = reader.take(length)?;
                match kind {
                    b't' => Cell::Text(bytes),
                    _ => Cell::Binary(bytes),
                }
            }
            _ => return Err(malformed("value")),
        })
    };
    (0..count).map(cell).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_is_cut_out_of_its_message() {
        let bytes = Bytes::from_static(b"I\0\0\0\x07N\0\x03t\0\0\0\x0242nu");
        let new = vec![
            Cell::Text(Bytes::from_static(b"42")),
            Cell::Null,
            Cell::Unchanged,
        ];
        let want = Message::Insert { relation: 7, new };
        assert_eq!(Message::decode(bytes).unwrap(), want);
    }

    /// One message of each kind that has something in it.
    const VALID: [&[u8]; 10] = [
        b"B\0\0\0\0\x01\x02\x03\x04\0\0\0\0\0\0\0\x01\0\0\0\x09",
        b"C\0\0\0\0\0\x01\x02\x03\x04\0\0\0\0\x01\x02\x03\x08\0\0\0\0\0\0\0\x01",
        b"R\0\0\0\x07public\0t\0d\0\x02\x01id\0\0\0\0\x17\xff\xff\xff\xff\0n\0\0\0\x06\xa4\0\x0a\0\x06",
        b"I\0\0\0\x07N\0\x03t\0\0\0\x0242nu",
        b"U\0\0\0\x07K\0\x02t\0\0\0\x011nN\0\x02t\0\0\0\x012b\0\0\0\x03abc",
        b"D\0\0\0\x07O\0\x01t\0\0\0\x011",
        b"T\0\0\0\x02\0\0\0\0\x07\0\0\0\x08",
        b"S\0\0\0\x07",
        b"c\0\0\0\x07\0\0\0\0\0\x01\x02\x03\x04\0\0\0\0\x01\x02\x03\x08\0\0\0\0\0\0\0\x01",
        b"A\0\0\0\x07\0\0\0\x08",
    ];

    #[test]
    fn messages_are_whole_or_refused() {
        for valid in VALID {
            assert!(
                Message::decode(Bytes::from_static(valid)).is_ok(),
                "{valid:?}"
            );
            let is_refused = |end| Message::decode(Bytes::from_static(&valid[..end])).is_err();
            // The end of a commit is the last thing of it that is read.
            let needed = if valid[0] == b'C' {
                valid.len() - 8
            } else {
                valid.len()
            };
            assert!((0..needed).all(is_refused), "{valid:?}");
        }
    }

    proptest::proptest! {
        #[test]
        fn damage_makes_nothing_panic(
            which in 0..VALID.len(),
            edits in proptest::collection::vec((proptest::prelude::any::<proptest::sample::Index>(), proptest::prelude::any::<u8>()), 1..6),
        ) {
            let mut bytes = VALID[which].to_vec();
            for (at, byte) in edits {
                let at = at.index(bytes.len());
                bytes[at] = byte;
            }
            drop(Message::decode(bytes.into()));
        }

        #[test]
        fn no_bytes_make_it_panic(mut bytes: Vec<u8>, tag in "[BCRIUDTYOMSEcA]") {
            bytes.insert(0, tag.as_bytes()[0]);
            if let Ok(Message::Truncate { relations }) = Message::decode(bytes.into()) {
                proptest::prop_assert!(relations.len() < 1 << 20);
            }
        }
    }
}
