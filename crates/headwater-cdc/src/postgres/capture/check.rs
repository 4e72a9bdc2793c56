//! Whether a server can be captured from, and what is to be done if not.

use headwater_log::{Error, ErrorKind, Result};

use super::settings::Settings;
use crate::capture::Finding;
use crate::postgres::{Address, Session, Table, TableName, identifier, literal};

/// The oldest server that sends and reads what is needed (ranges of CTIDs).
const VERSION_MIN: u32 = 14;
/// The oldest server whose standbys have slots.
const FAILOVER_VERSION_MIN: u32 = 17;

/// What a server lacks for the capture of these tables; the slot is new or not.
///
/// # Errors
/// `Unavailable` if it cannot be reached, `Invalid` if it refuses.
pub fn check(address: &Address, tables: &[TableName]) -> Result<Vec<Finding>> {
    let mut session = Session::connect(address)?;
    let mut found = server(&mut session, true)?;
    found.extend(rights(&mut session, address, tables)?);
    for table in tables {
        match Table::look_up(&mut session, table) {
            Ok(_) => {}
            Err(e) if matches!(e.kind(), ErrorKind::NotFound | ErrorKind::Unsupported) => {
                let mend = e.hint().unwrap_or("name a table that exists");
                found.push(Finding::fatal(e.message(), mend));
            }
            Err(e) => return Err(e),
        }
    }
    Ok(found)
}

/// # Errors
/// `Invalid` with the first thing that is missing.
pub(super) fn demand(session: &mut Session, settings: &Settings, makes_slot: bool) -> Result<()> {
    let tables: Vec<TableName> = settings.tables.iter().map(|(t, _)| t.clone()).collect();
    let mut found = server(session, makes_slot)?;
    found.extend(rights(session, &settings.address, &tables)?);
    if settings.failover {
        found.extend(failover(session)?);
    }
    match found.into_iter().next() {
        None => Ok(()),
        Some(Finding { what, mend, .. }) => {
            Err(Error::new(ErrorKind::Invalid, what).with_hint(mend))
        }
    }
}

/// What a slot lacks that standbys are to have too.
fn failover(session: &mut Session) -> Result<Option<Finding>> {
    let sql = "SELECT current_setting('server_version_num')::int / 10000";
    let version = session.value(sql)?.unwrap_or_default();
    let is_there = version
        .parse::<u32>()
        .is_ok_and(|version| version >= FAILOVER_VERSION_MIN);
    Ok((!is_there).then(|| {
        Finding::fatal(
            format!("PostgreSQL {version} has no failover slots"),
            "upgrade to PostgreSQL 17 or later, or capture with failover = false",
        )
    }))
}

/// What the server itself lacks.
fn server(session: &mut Session, makes_slot: bool) -> Result<Vec<Finding>> {
    let mut found = Vec::new();
    let mut add = |what: String, mend: &str| found.push(Finding::fatal(what, mend));
    let sql = "SELECT current_setting('server_version_num'), current_setting('wal_level'), \
               (SELECT count(*) FROM pg_replication_slots) < current_setting('max_replication_slots')::int, \
               pg_is_in_recovery()";
    let row = session.query(sql)?.into_iter().next().unwrap_or_default();
    let row: Vec<String> = row.into_iter().flatten().collect();
    let [version, level, has_slots, is_standby] = row.as_slice() else {
        return Err(Error::new(
            ErrorKind::Corrupt,
            "the server does not say what it is",
        ));
    };
    let version = version.parse::<u32>().unwrap_or(0) / 10_000;
    if version < VERSION_MIN {
        add(
            format!("PostgreSQL {version} is too old"),
            "upgrade to PostgreSQL 14 or later",
        );
    }
    if level != "logical" {
        add(
            format!("wal_level is '{level}', not 'logical'"),
            "ALTER SYSTEM SET wal_level = logical; then restart the server",
        );
    }
    if makes_slot && has_slots != "t" {
        add(
            "all replication slots are taken".to_owned(),
            "ALTER SYSTEM SET max_replication_slots = 20; then restart the server",
        );
    }
    if is_standby == "t" {
        add(
            "the server is a standby".to_owned(),
            "give the address of the primary server",
        );
    }
    Ok(found)
}

/// What the user may not do.
fn rights(session: &mut Session, address: &Address, tables: &[TableName]) -> Result<Vec<Finding>> {
    let mut found = Vec::new();
    let user = identifier(&address.user);
    let sql = "SELECT rolsuper OR rolreplication FROM pg_roles WHERE rolname = current_user";
    if session.value(sql)?.as_deref() != Some("t") {
        found.push(Finding::fatal(
            format!("user '{}' may not replicate", address.user),
            format!("ALTER ROLE {user} REPLICATION"),
        ));
    }
    for table in tables {
        let quoted = literal(&table.quoted());
        let sql = format!("SELECT has_table_privilege(to_regclass({quoted}), 'SELECT')");
        if session.value(&sql)?.as_deref() == Some("f") {
            found.push(Finding::fatal(
                format!("user '{}' may not read table '{table}'", address.user),
                format!("GRANT SELECT ON {} TO {user}", table.quoted()),
            ));
        }
    }
    Ok(found)
}
