//! What a server must be set up for so that its changes can be followed, and the statement that mends what is not.

use headwater_log::{ErrorKind, Result};

use super::session::Session;
use super::sql::{identifier, literal};
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

/// Looks at the server, the rights of the session's user, and the tables of some databases.
///
/// # Errors
/// `Unavailable`, and what the server says if the user may not even ask.
pub fn check(session: &mut Session, databases: &[&str]) -> Result<Vec<Finding>> {
    let mut findings = Vec::new();
    log(session, &mut findings)?;
    rights(session, &mut findings)?;
    expiry(session, &mut findings)?;
    for database in databases {
        tables(session, database, &mut findings)?;
    }
    Ok(findings)
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
    let (position, snapshot) = match session.is_mariadb() {
        true => ("BINLOG MONITOR", None),
        false => ("REPLICATION CLIENT", Some("RELOAD")),
    };
    let wanted = [
        Some(("REPLICATION SLAVE", "read the binary log")),
        Some((position, "ask for positions in the binary log")),
        snapshot.map(|right| {
            (
                right,
                "hold writers for the moment in which a backfill begins",
            )
        }),
    ];
    let missing = wanted
        .into_iter()
        .flatten()
        .filter(|(right, _)| !has(right));
    let missing: Vec<(&str, &str)> = missing.collect();
    if missing.is_empty() {
        return Ok(());
    }
    let user = session.value("SELECT CURRENT_USER()")?.unwrap_or_default();
    let (name, host) = user.rsplit_once('@').unwrap_or((&user, "%"));
    let user = format!("{}@{}", literal(name), literal(host));
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

fn tables(session: &mut Session, database: &str, findings: &mut Vec<Finding>) -> Result<()> {
    let schema = literal(database);
    let without_key = session.query(&format!(
        "SELECT t.table_name FROM information_schema.tables t \
         LEFT JOIN information_schema.table_constraints c ON c.table_schema = t.table_schema \
         AND c.table_name = t.table_name AND c.constraint_type = 'PRIMARY KEY' \
         WHERE t.table_schema = {schema} AND t.table_type = 'BASE TABLE' AND c.constraint_name IS NULL \
         ORDER BY 1"
    ))?;
    for name in without_key.into_iter().flatten().flatten() {
        let what = format!(
            "'{database}.{name}' has no primary key: its rows cannot be told apart, so it is copied as a whole"
        );
        let table = format!("{}.{}", identifier(database), identifier(&name));
        findings.push(Finding::warning(
            what,
            format!("ALTER TABLE {table} ADD PRIMARY KEY (…)"),
        ));
    }
    let unreadable = session.query(&format!(
        "SELECT table_name, column_name, character_set_name FROM information_schema.columns \
         WHERE table_schema = {schema} AND character_set_name IN ({UNREADABLE}) ORDER BY 1, 2"
    ))?;
    for row in unreadable {
        let [Some(name), Some(column), Some(charset)] = &row[..] else {
            continue;
        };
        let what = format!(
            "column '{column}' of '{database}.{name}' is in {charset}, which cannot be read"
        );
        let table = format!("{}.{}", identifier(database), identifier(name));
        let mend = format!("ALTER TABLE {table} CONVERT TO CHARACTER SET utf8mb4");
        findings.push(Finding::warning(what, mend));
    }
    Ok(())
}
