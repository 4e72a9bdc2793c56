//! A slot and the stream of what it replicates.
//!
//! The server forgets what was confirmed: only [`Replication::confirm`] what is durable here.

use std::time::{Duration, Instant};

use bytes::{BufMut, Bytes, BytesMut};
use headwater_log::{Error, ErrorKind, Result};
use postgres_protocol::message::frontend::CopyData;

use super::address::Address;
use super::civil::since_1970;
use super::failure::malformed;
use super::lsn::Lsn;
use super::pgoutput::{Message, Streamed};
use super::reader::Reader;
use super::session::{Frame, Session};
use super::sql::{identifier, literal};
use crate::debezium::now_us;

/// How often the server hears from us, whatever happens; it hangs up after `wal_sender_timeout`, 60 s by default.
const CONFIRM_INTERVAL: Duration = Duration::from_secs(1);

/// A transaction that was committed longer ago than this is part of a backlog.
const BACKLOG_AGE: Duration = Duration::from_millis(500);
/// How long a backlog gathers before it is read. The server sends each change by itself, and whoever waits for it is woken for each.
const GATHERING: Duration = Duration::from_millis(1);

/// A slot that was just made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Slot {
    /// Transactions that commit after this are streamed.
    pub consistent: Lsn,
    /// A snapshot that sees all the others, for `SET TRANSACTION SNAPSHOT`, as long as the session does nothing else.
    pub snapshot: String,
}

/// What came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Received {
    /// Part of a transaction, or what becomes of one that was sent in blocks.
    Message(Message),
    /// Part of a block of a transaction that runs.
    Streamed(Streamed),
    /// All that was committed before this has been sent.
    Reached(Lsn),
    /// Nothing, for as long as was waited.
    Nothing,
}

/// A session that replicates.
#[derive(Debug)]
pub struct Replication {
    session: Session,
    confirmed: Lsn,
    told: Instant,
    server_end: Lsn,
    place: Lsn,
    /// Whether what comes is part of a block of a transaction that runs.
    is_in_block: bool,
    /// Whether what comes was committed a while ago.
    is_behind: bool,
}

/// Which server it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct System {
    /// The id that it got when it was made; its standbys and restored copies have it too.
    pub id: String,
    /// Which of the histories of that server this is: another one begins when a copy is restored or a standby is promoted.
    pub timeline: u32,
    /// Where its log ends.
    pub end: Lsn,
}

impl Replication {
    /// Connects.
    ///
    /// # Errors
    /// `Unavailable`, or `Invalid` if the server refuses.
    pub fn connect(address: &Address) -> Result<Self> {
        Ok(Self {
            session: Session::connect_replication(address)?,
            confirmed: Lsn::default(),
            told: Instant::now(),
            server_end: Lsn::default(),
            place: Lsn::default(),
            is_in_block: false,
            is_behind: false,
        })
    }

    /// Which server this is.
    ///
    /// # Errors
    /// `Unavailable`.
    pub fn identify(&mut self) -> Result<System> {
        // Columns: its id, the timeline, the end of the log, the database.
        let row = self.session.query("IDENTIFY_SYSTEM")?.into_iter().next();
        match row.as_deref() {
            Some([Some(id), Some(timeline), Some(end), ..]) => Ok(System {
                id: id.clone(),
                timeline: timeline.parse().map_err(|_| malformed("timeline"))?,
                end: end.parse()?,
            }),
            _ => Err(malformed("answer to the question who it is")),
        }
    }

    /// Where the log of a timeline was left for one that this server is on; `None`: it never was on it.
    ///
    /// # Errors
    /// `Unavailable`.
    pub fn left(&mut self, timeline: u32, now: u32) -> Result<Option<Lsn>> {
        let sql = format!("TIMELINE_HISTORY {now}");
        let row = self.session.query(&sql)?.into_iter().next();
        // Columns: the name of the file, what is in it.
        let Some([_, Some(history)]) = row.as_deref() else {
            return Err(malformed("history of a timeline"));
        };
        left(history, timeline)
    }

    /// Whether something has come that [`receive`](Self::receive) gives without waiting.
    pub fn has_more(&self) -> bool {
        self.session.has_frame()
    }

    /// Whether what comes was committed a while ago, so that there is more of it than what has come; by the clocks of both.
    pub(crate) fn is_behind(&self) -> bool {
        self.is_behind
    }

    /// What the server has said last of where its log ends.
    pub fn server_end(&self) -> Lsn {
        self.server_end
    }

    /// Where the last message lies in the server's log.
    pub fn place(&self) -> Lsn {
        self.place
    }

    /// Makes a slot; a temporary one goes with the session. Waits for the transactions that are running.
    ///
    /// # Errors
    /// `Invalid` if there is one of that name or `wal_level` is not logical.
    pub fn create_slot(&mut self, name: &str, temporary: bool) -> Result<Slot> {
        let temporary = if temporary { "TEMPORARY " } else { "" };
        let name = identifier(name);
        let sql =
            format!("CREATE_REPLICATION_SLOT {name} {temporary}LOGICAL pgoutput EXPORT_SNAPSHOT");
        let mut rows = self.session.query(&sql)?.into_iter();
        // Columns: its name, the consistent point, the snapshot, the plugin.
        let mut row = rows
            .next()
            .unwrap_or_default()
            .into_iter()
            .skip(1)
            .flatten();
        match (row.next(), row.next()) {
            (Some(consistent), Some(snapshot)) => Ok(Slot {
                consistent: consistent.parse()?,
                snapshot,
            }),
            _ => Err(malformed("answer to the making of a slot")),
        }
    }

    /// Makes a slot that standbys have too, so that it is there when one of them becomes the server: from PostgreSQL 17 on. Gives where it
    /// begins.
    ///
    /// # Errors
    /// As of [`create_slot`](Self::create_slot).
    pub(crate) fn create_failover_slot(&mut self, name: &str) -> Result<Lsn> {
        let name = identifier(name);
        let sql = format!(
            "CREATE_REPLICATION_SLOT {name} LOGICAL pgoutput (SNAPSHOT 'nothing', FAILOVER true)"
        );
        let row = self.session.query(&sql)?.into_iter().next();
        match row.unwrap_or_default().into_iter().nth(1) {
            Some(Some(consistent)) => consistent.parse(),
            _ => Err(malformed("answer to the making of a slot")),
        }
    }

    /// Starts to stream what was committed after `from`, or after what the slot has confirmed if that is later.
    ///
    /// # Errors
    /// `Unavailable` while somebody else uses the slot, `NotFound`.
    pub fn start(&mut self, slot: &str, publication: &str, from: Lsn) -> Result<()> {
        self.start_with(slot, publication, from, "proto_version '1'")
    }

    /// The same with these options of the plugin, the version of its messages among them.
    pub(crate) fn start_with(
        &mut self,
        slot: &str,
        publication: &str,
        from: Lsn,
        options: &str,
    ) -> Result<()> {
        let publication = literal(&identifier(publication));
        let slot = identifier(slot);
        self.session.ask(&format!(
            "START_REPLICATION SLOT {slot} LOGICAL {from} \
             ({options}, publication_names {publication})"
        ))?;
        self.confirmed = from;
        match self.session.expect()?.tag {
            b'W' => self.confirm(from, false),
            _ => Err(malformed("answer to the start of replication")),
        }
    }

    /// What comes next, if it comes before `wait` is over. Keeps the connection alive; call it often.
    ///
    /// # Errors
    /// `Unavailable` if the connection is gone, or the server was asked and has said nothing for too long; `Corrupt`.
    pub fn receive(&mut self, wait: Duration) -> Result<Received> {
        if !self.session.has_frame() {
            self.keep_alive()?;
            if self.is_behind || self.is_in_block {
                std::thread::sleep(GATHERING);
            }
        }
        match self.session.receive(wait.min(CONFIRM_INTERVAL))? {
            None => {
                self.is_behind = false;
                self.session.silence().check().map(|()| Received::Nothing)
            }
            Some(Frame { tag: b'd', body }) => self.copied(Reader::new(body, "stream")),
            Some(Frame {
                tag: b'N' | b'S', ..
            }) => Ok(Received::Nothing),
            Some(Frame { tag: b'c', .. }) => Err(Error::new(
                ErrorKind::Unavailable,
                "the server has ended the replication",
            )),
            Some(_) => Err(malformed("frame in a stream")),
        }
    }

    /// Says that we are there, if it is time to: as [`receive`](Self::receive) does, for who does something else for long.
    ///
    /// # Errors
    /// `Unavailable` if the connection is gone.
    pub(crate) fn keep_alive(&mut self) -> Result<()> {
        match self.told.elapsed() >= CONFIRM_INTERVAL {
            // Who is asked and says nothing is gone.
            true => self.confirm(self.confirmed, self.session.silence().lasts_already()),
            false => Ok(()),
        }
    }

    /// What the plugin says.
    fn said(&mut self, bytes: Bytes) -> Result<Received> {
        // What comes in a block has an id after the tag, but for its end and for where the transaction comes from.
        let is_streamed = self.is_in_block && !matches!(bytes.first(), Some(b'E' | b'O'));
        if is_streamed {
            return Streamed::cut(bytes).map(Received::Streamed);
        }
        let message = Message::decode(bytes)?;
        match message {
            Message::StreamStart { .. } => self.is_in_block = true,
            Message::StreamStop => self.is_in_block = false,
            Message::Begin { time, .. } | Message::StreamCommit { time, .. } => {
                let age = now_us().saturating_sub(since_1970(time));
                self.is_behind = age > BACKLOG_AGE.as_micros() as i64;
            }
            _ => {}
        }
        Ok(Received::Message(message))
    }

    fn copied(&mut self, mut reader: Reader) -> Result<Received> {
        match reader.u8()? {
            b'w' => {
                // Where it lies, the end of the log, the time: positions are those of commits.
                self.place = Lsn(reader.u64()?);
                self.server_end = self.server_end.max(Lsn(reader.u64()?));
                reader.u64()?;
                self.said(reader.rest())
            }
            b'k' => {
                let reached = Lsn(reader.u64()?);
                self.server_end = self.server_end.max(reached);
                reader.u64()?;
                self.is_behind = false;
                if reader.u8()? == 1 {
                    self.confirm(self.confirmed, false)?;
                }
                Ok(Received::Reached(reached))
            }
            _ => Err(malformed("frame in a stream")),
        }
    }

    /// Everything before `durable` need not be sent again; `asks` for a [`Received::Reached`] at once.
    ///
    /// # Errors
    /// `Unavailable` if the connection is gone.
    pub fn confirm(&mut self, durable: Lsn, asks: bool) -> Result<()> {
        let mut status = BytesMut::new();
        status.put_u8(b'r');
        // Received, durable, applied: here all three are one.
        for _ in 0..3 {
            status.put_u64(durable.0);
        }
        // The server uses the time for nothing but its own view of us.
        status.put_i64(0);
        status.put_u8(u8::from(asks));
        let mut message = BytesMut::new();
        let frame = CopyData::new(&status[..]);
        let frame =
            frame.map_err(|e| Error::new(ErrorKind::Bug, "a long status").with_source(e))?;
        frame.write(&mut message);
        self.confirmed = durable;
        self.told = Instant::now();
        self.session.send(&message)
    }
}

/// Each line has a timeline, where its log was left, and why.
fn left(history: &str, timeline: u32) -> Result<Option<Lsn>> {
    let timeline = timeline.to_string();
    let mut words = history.lines().map(str::split_whitespace);
    let found = words.find_map(|mut words| {
        let is_it = words.next() == Some(&timeline);
        is_it.then(|| words.next().unwrap_or_default().parse())
    });
    found.transpose()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_history_says_where_each_timeline_was_left() {
        let history = "# comment\n1\t0/A000198\tbefore 2000-01-01\n\n2\t1/0\tno recovery target\n";
        assert_eq!(left(history, 1).unwrap(), Some(Lsn(0xA00_0198)));
        assert_eq!(left(history, 2).unwrap(), Some(Lsn(1 << 32)));
        assert_eq!(left(history, 3).unwrap(), None);
        assert!(left("1 here", 1).is_err());
    }
}
