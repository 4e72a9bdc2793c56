//! The slot, which makes the server keep what was not confirmed: whose it is, and whether it still has what comes next.

use headwater_log::{Error, ErrorKind, Result};

use crate::postgres::{Address, Lsn, Session, literal};

/// What the server says of a slot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Known {
    /// What it was confirmed; `None`: it is still being made.
    confirmed: Option<Lsn>,
    /// Why the server has removed what it had kept for it, if it has.
    lost: Option<String>,
}

/// Looks a slot up; `None`: there is none of that name.
///
/// # Errors
/// `Invalid` if it is of another kind or database.
pub(crate) fn look_up(session: &mut Session, name: &str) -> Result<Option<Known>> {
    let quoted = literal(name);
    let sql = format!(
        "SELECT plugin IS NOT DISTINCT FROM 'pgoutput' AND database = current_database(), \
         confirmed_flush_lsn, \
         CASE wal_status WHEN 'lost' THEN coalesce(to_jsonb(s) ->> 'invalidation_reason', wal_status) END \
         FROM pg_replication_slots s WHERE slot_name = {quoted}"
    );
    let row = session.query(&sql)?.into_iter().next();
    match row.as_deref() {
        None => Ok(None),
        Some([Some(fits), confirmed, lost]) if fits == "t" => Ok(Some(Known {
            confirmed: confirmed.as_deref().map(str::parse).transpose()?,
            lost: lost.clone(),
        })),
        Some(_) => {
            let text = format!("slot '{name}' is of another database or plugin");
            Err(Error::new(ErrorKind::Invalid, text).with_hint("choose another name for the slot"))
        }
    }
}

/// How many bytes of its log the server keeps for a slot.
///
/// # Errors
/// `Unavailable`.
pub(super) fn held(session: &mut Session, name: &str) -> Result<Option<u64>> {
    let sql = format!(
        "SELECT greatest(pg_wal_lsn_diff(pg_current_wal_lsn(), restart_lsn), 0)::bigint \
         FROM pg_replication_slots WHERE slot_name = {}",
        literal(name)
    );
    Ok(session.value(&sql)?.and_then(|bytes| bytes.parse().ok()))
}

/// Why a slot of ours no longer has everything after `end`.
pub(crate) fn loss(known: Option<&Known>, end: Lsn) -> Option<String> {
    match known {
        None => Some("it was dropped".to_owned()),
        Some(Known {
            lost: Some(why), ..
        }) => Some(format!(
            "the server has removed what it had kept for it ({why})"
        )),
        Some(known) => {
            let beyond = known.confirmed.filter(|confirmed| *confirmed > end);
            beyond.map(|confirmed| {
                format!("it was advanced to {confirmed}, but only {end} had been taken over")
            })
        }
    }
}

/// Where a slot begins that was made and of which nothing was taken over yet.
///
/// # Errors
/// `Unavailable` while it is being made: by a session that is gone by now, and whose end the server has not noticed.
pub(crate) fn beginning(known: &Known, name: &str) -> Result<Lsn> {
    known.confirmed.ok_or_else(|| {
        let text = format!("slot '{name}' is still being made");
        Error::new(ErrorKind::Unavailable, text)
            .with_hint("the server waits for transactions to end that had begun before")
    })
}

/// Changes are lost, so that the topics cannot become what the tables are without reading them anew.
pub(crate) fn lost_changes(name: &str, why: &str) -> Error {
    let text = format!("slot '{name}' no longer has the changes that come next: {why}");
    Error::new(ErrorKind::Corrupt, text).with_hint(
        "capture with on-loss = backfill to have the topics emptied and the tables read anew",
    )
}

/// It is there but was not made by this log.
pub(crate) fn foreign(name: &str) -> Error {
    let text = format!("slot '{name}' exists already and belongs to somebody else");
    Error::new(ErrorKind::Conflict, text).with_hint(format!(
        "choose another name, or if nobody needs it: SELECT pg_drop_replication_slot({})",
        literal(name)
    ))
}

/// Whether there is a slot of that name, whatever it is.
pub(crate) fn exists(session: &mut Session, name: &str) -> Result<bool> {
    let sql = format!(
        "SELECT 1 FROM pg_replication_slots WHERE slot_name = {}",
        literal(name)
    );
    Ok(session.value(&sql)?.is_some())
}

/// Removes a slot: the server keeps nothing for it any more.
///
/// # Errors
/// `Unavailable` while it is in use.
pub(crate) fn remove(session: &mut Session, name: &str) -> Result<()> {
    let sql = format!("SELECT pg_drop_replication_slot({})", literal(name));
    session.query(&sql).map(drop)
}

/// Removes a slot, so that the server keeps nothing for it any more.
///
/// # Errors
/// `NotFound`, `Unavailable` while it is in use.
pub fn drop_slot(address: &Address, name: &str) -> Result<()> {
    remove(&mut Session::connect(address)?, name)
}
