//! What is sent of a transaction while it runs: blocks of messages that each say which part of it they are of, and the word that it
//! has committed.

use bytes::Bytes;
use headwater_log::Result;

use super::Message;
use crate::postgres::lsn::Lsn;
use crate::postgres::reader::Reader;

/// A message of a transaction that runs, which is not decoded before that has committed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Streamed {
    /// The transaction, or the part of it since a savepoint, that did it.
    pub xid: u32,
    tag: u8,
    rest: Bytes,
}

impl Streamed {
    /// Takes a message of a block apart.
    ///
    /// # Errors
    /// `Corrupt` if it is none.
    pub(in crate::postgres) fn cut(bytes: Bytes) -> Result<Self> {
        let mut reader = Reader::new(bytes, "message of a running transaction");
        Ok(Self {
            tag: reader.u8()?,
            xid: reader.u32()?,
            rest: reader.rest(),
        })
    }

    /// The message in two parts, as it is sent of a transaction that has committed.
    pub(in crate::postgres) fn parts(&self) -> [&[u8]; 2] {
        [std::slice::from_ref(&self.tag), &self.rest]
    }
}

/// That a transaction which was sent in blocks is whole.
pub(super) fn commit(reader: &mut Reader) -> Result<Message> {
    let xid = reader.u32()?;
    // Flags, which are none.
    reader.u8()?;
    Ok(Message::StreamCommit {
        xid,
        commit: Lsn(reader.u64()?),
        end: Lsn(reader.u64()?),
        time: reader.i64()?,
    })
}

#[cfg(test)]
mod tests {
    use super::super::Cell;
    use super::*;

    #[test]
    fn a_streamed_message_is_one_of_a_whole_transaction_with_an_id_in_between() {
        let streamed = Streamed::cut(Bytes::from_static(b"I\0\0\0\x2a\0\0\0\x07N\0\x01n")).unwrap();
        assert_eq!(streamed.xid, 42);
        let want = Message::Insert {
            relation: 7,
            new: vec![Cell::Null],
        };
        assert_eq!(
            Message::decode(streamed.parts().concat().into()).unwrap(),
            want
        );
        assert!(Streamed::cut(Bytes::from_static(b"I\0\0\0")).is_err());
    }
}
