//! What a server must be set up for so that its changes can be followed, and the statement that mends what is not.

use headwater_log::{ErrorKind, Result};

use super::capture::TableName;
use super::session::Session;
use super::sql::{identifier, literal};
use super::table::Table;
use crate::capture::Finding;

/// A setting that must have a value, and why.
struct Setting {
    name: &'static str,
    value: &'static str,
    why: &'static str,
}

const SETTINGS: &[Setting] = &[
    Setting {
        name: "binlog_format",
        value: "ROW",
        why: "the log has statements in place of rows",
    },
    Setting {
        name: "binlog_row_image",
        value: "FULL",
        why: "the log has parts of rows only",
    },
    Setting {
        name: "binlog_row_metadata",
        value: "FULL",
        why: "the log does not name columns",
    },
];

/// A log that is kept for less than this is gone after a weekend without capture.
const KEPT_SECONDS_MIN: u64 = 3 * 86_400;

/// Character sets whose texts cannot be read, for they have several bytes a character and are not Unicode.
const UNREADABLE: &str =
    "'big5', 'gbk', 'gb2312', 'gb18030', 'sjis', 'cp932', 'ujis', 'eucjpms', 'euckr'";

/// Looks at the server, the rights of the session's user, and some tables.
///
/// # Errors
/// `Unavailable`, and what the server says if the user may not even ask.
pub fn check(session: &mut Session, tables: &[TableName]) -> Result<Vec<Finding>> {
    let mut findings = Vec::new();
    log(session, &mut findings)?;
    rights(session, &mut findings)?;
    expiry(session, &mut findings)?;
    for name in tables {
        table(session, name, &mut findings)?;
    }
    Ok(findings)
}

/// The tables of a database, by name.
///
/// # Errors
/// `Unavailable`, and what the server says.
pub fn tables_of(session: &mut Session, database: &str) -> Result<Vec<TableName>> {
    let names = session.query(&format!(
        "SELECT table_name FROM information_schema.tables \
         WHERE table_schema = {} AND table_type = 'BASE TABLE' ORDER BY 1",
        literal(database)
    ))?;
    let names = names.into_iter().flatten().flatten();
    Ok(names.map(|name| TableName::new(database, name)).collect())
}

/// A global variable; `None`: this server has none of that name.
fn variable(session: &mut Session, name: &str) -> Result<Option<String>> {
    match session.value(&format!("SELECT @@global.{name}")) {
        Err(e) if e.kind() == ErrorKind::Unsupported => Ok(None),
        value => value,
    }
}

fn log(session: &mut Session, findings: &mut Vec<Finding>) -> Result<()> {
    if variable(session, "log_bin")?.as_deref() != Some("1") {
        let mend = "log_bin = binlog under [mysqld] in its configuration, then a restart";
        findings.push(Finding::fatal("the server keeps no binary log", mend));
        return Ok(());
    }
    if variable(session, "server_id")?.as_deref() == Some("0") {
        let what = "the server has no number, so it has no replicas";
        findings.push(Finding::fatal(what, "SET GLOBAL server_id = 1"));
    }
    for Setting { name, value, why } in SETTINGS {
        match variable(session, name)? {
            Some(is) if is.eq_ignore_ascii_case(value) => {}
            Some(is) => {
                let what = format!("{name} is {is}: {why}");
                let mend = format!(
                    "SET GLOBAL {name} = '{value}', the same in its configuration, and reconnect all writers"
                );
                findings.push(Finding::fatal(what, mend));
            }
            None => {
                let what = format!("version {} has no {name}: {why}", session.version());
                findings.push(Finding::fatal(
                    what,
                    "MariaDB 10.5 or MySQL 8.0 and newer have it",
                ));
            }
        }
    }
    if variable(session, "gtid_mode")?.is_some_and(|mode| mode != "ON") {
        let what = "gtid_mode is not ON: transactions have no names, so a backfill locks the rows that it reads while it \
                    reads them, and a capture cannot go on on a replica that takes over";
        let mend = "SET GLOBAL enforce_gtid_consistency = ON, then SET GLOBAL gtid_mode = OFF_PERMISSIVE, ON_PERMISSIVE \
                    and ON, and the same in its configuration";
        findings.push(Finding::warning(what, mend));
    }
    filters(session, findings)?;
    let parts = variable(session, "binlog_row_value_options")?;
    if parts.is_some_and(|p| !p.is_empty()) {
        let what = "binlog_row_value_options: the log has parts of JSON documents only";
        let mend = "SET GLOBAL binlog_row_value_options = '', and reconnect all writers";
        findings.push(Finding::fatal(what, mend));
    }
    Ok(())
}

/// Databases whose changes the server keeps out of its log.
fn filters(session: &mut Session, findings: &mut Vec<Finding>) -> Result<()> {
    // Whether the user may ask is said elsewhere.
    let rows = session.query("SHOW MASTER STATUS").unwrap_or_default();
    let row = rows.into_iter().next().unwrap_or_default();
    let names = ["binlog_do_db", "binlog_ignore_db"];
    for (name, cell) in names.iter().zip(row.into_iter().skip(2)) {
        if let Some(databases) = cell.filter(|d| !d.is_empty()) {
            let which = if *name == "binlog_do_db" {
                "others"
            } else {
                "these"
            };
            let what = format!("{name} is {databases}: changes of {which} are not in the log");
            let mend = format!("take {name} out of its configuration, then a restart");
            findings.push(Finding::warning(what, mend));
        }
    }
    Ok(())
}

fn rights(session: &mut Session, findings: &mut Vec<Finding>) -> Result<()> {
    let grants = session
        .query("SHOW GRANTS")?
        .into_iter()
        .flatten()
        .flatten();
    let global: Vec<String> = grants.filter(|g| g.contains(" ON *.* ")).collect();
    let has = |right: &str| {
        let right = right.to_owned();
        let mut all = global.iter();
        all.any(|g| g.contains("ALL PRIVILEGES") || g.contains(&right))
    };
    let position = match session.is_mariadb() {
        true => "BINLOG MONITOR",
        false => "REPLICATION CLIENT",
    };
    let wanted = [
        ("REPLICATION SLAVE", "read the binary log"),
        (position, "ask for positions in the binary log"),
    ];
    let missing = wanted.into_iter().filter(|(right, _)| !has(right));
    let missing: Vec<(&str, &str)> = missing.collect();
    if missing.is_empty() {
        return Ok(());
    }
    let user = user(session)?;
    for (right, what) in missing {
        let what = format!("the user may not {what}");
        findings.push(Finding::fatal(
            what,
            format!("GRANT {right} ON *.* TO {user}"),
        ));
    }
    Ok(())
}

fn expiry(session: &mut Session, findings: &mut Vec<Finding>) -> Result<()> {
    const DAY: u64 = 86_400;
    let number = |v: Option<String>| v.and_then(|v| v.parse::<f64>().ok()).map(|n| n as u64);
    let seconds = number(variable(session, "binlog_expire_logs_seconds")?);
    let days = number(variable(session, "expire_logs_days")?);
    let kept = match (seconds, days) {
        (Some(seconds), _) if seconds > 0 => seconds,
        (_, Some(days)) => days * DAY,
        _ => 0,
    };
    // 0: for ever.
    if (1..KEPT_SECONDS_MIN).contains(&kept) {
        let hours = kept / 3600;
        let what =
            format!("the log is kept for {hours} hours: whoever reads later has lost changes");
        let mend = match seconds {
            Some(_) => "SET GLOBAL binlog_expire_logs_seconds = 604800",
            None => "SET GLOBAL expire_logs_days = 7",
        };
        findings.push(Finding::warning(what, mend));
    }
    Ok(())
}

fn table(session: &mut Session, name: &TableName, findings: &mut Vec<Finding>) -> Result<()> {
    let quoted = name.quoted();
    match session.execute(&format!("SELECT 1 FROM {quoted} LIMIT 0")) {
        Err(e) if e.kind() == ErrorKind::Invalid => {
            let what = format!("the user may not read table '{name}'");
            let mend = format!("GRANT SELECT ON {quoted} TO {}", user(session)?);
            findings.push(Finding::fatal(what, mend));
            return Ok(());
        }
        Err(e) if e.kind() == ErrorKind::NotFound => {
            let what = format!("there is no table '{name}'");
            findings.push(Finding::fatal(what, "name a table that exists"));
            return Ok(());
        }
        selected => selected?,
    }
    let described = Table::of(session, &name.database, &name.name)?;
    if let Err(error) = described.demand_key() {
        let mend = error.hint().unwrap_or_default();
        findings.push(Finding::fatal(error.message(), mend));
    }
    cascades(session, name, findings)?;
    charsets(session, name, findings)
}

/// What the engine does to rows because others were changed is in no log.
fn cascades(session: &mut Session, name: &TableName, findings: &mut Vec<Finding>) -> Result<()> {
    let keys = session.query(&format!(
        "SELECT constraint_name, referenced_table_name FROM information_schema.referential_constraints \
         WHERE constraint_schema = {} AND table_name = {} \
         AND (update_rule IN ('CASCADE', 'SET NULL') OR delete_rule IN ('CASCADE', 'SET NULL')) ORDER BY 1",
        literal(&name.database),
        literal(&name.name)
    ))?;
    for row in keys {
        let [Some(key), Some(parent)] = &row[..] else {
            continue;
        };
        let what = format!(
            "rows of '{name}' that change or go because those of '{parent}' do (foreign key '{key}') are not in the log"
        );
        let mend = format!(
            "ALTER TABLE {} DROP FOREIGN KEY {}, and change those rows by statements",
            name.quoted(),
            identifier(key)
        );
        findings.push(Finding::warning(what, mend));
    }
    Ok(())
}

fn charsets(session: &mut Session, name: &TableName, findings: &mut Vec<Finding>) -> Result<()> {
    let unreadable = session.query(&format!(
        "SELECT column_name, character_set_name FROM information_schema.columns \
         WHERE table_schema = {} AND table_name = {} AND character_set_name IN ({UNREADABLE}) ORDER BY 1",
        literal(&name.database),
        literal(&name.name)
    ))?;
    for row in unreadable {
        let [Some(column), Some(charset)] = &row[..] else {
            continue;
        };
        let what = format!("column '{column}' of '{name}' is in {charset}, which cannot be read");
        let mend = format!(
            "ALTER TABLE {} CONVERT TO CHARACTER SET utf8mb4",
            name.quoted()
        );
        findings.push(Finding::fatal(what, mend));
    }
    Ok(())
}

/// The session's user as it stands in statements.
fn user(session: &mut Session) -> Result<String> {
    let user = session.value("SELECT CURRENT_USER()")?.unwrap_or_default();
    let (name, host) = user.rsplit_once('@').unwrap_or((&user, "%"));
    Ok(format!("{}@{}", literal(name), literal(host)))
}
