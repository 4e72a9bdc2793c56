//! The publication, which says what the server sends.

use headwater_log::{Error, ErrorKind, Result};

use super::settings::Settings;
use crate::postgres::failure::malformed;
use crate::postgres::{Session, TableName, identifier, literal};

/// Makes the publication, or adds what it lacks.
///
/// # Errors
/// `NotFound` or `Invalid` if it is not as it must be and is not to be made; `Unsupported` for conditions before PostgreSQL 15.
pub(super) fn ensure(session: &mut Session, settings: &Settings) -> Result<()> {
    let lacking = lacking(session, settings)?;
    if lacking.is_empty() {
        return Ok(());
    }
    let statement = statement(session, settings, &lacking)?;
    if !settings.makes_publication {
        let name = &settings.publication;
        let text = format!("publication '{name}' lacks {}", listed(&lacking));
        return Err(Error::new(ErrorKind::NotFound, text).with_hint(statement));
    }
    session.query(&statement).map(drop)
}

/// A table that the publication does not publish as it is to.
struct Lacking<'a> {
    table: &'a TableName,
    condition: Option<&'a str>,
    /// Whether it publishes other rows of it.
    is_there: bool,
}

impl Lacking<'_> {
    /// As it stands in the statement that adds it.
    fn quoted(&self) -> String {
        match self.condition {
            Some(condition) => format!("{} WHERE ({condition}\n)", self.table.quoted()),
            None => self.table.quoted(),
        }
    }
}

fn listed(tables: &[Lacking<'_>]) -> String {
    let name = |lacking: &Lacking<'_>| match lacking.condition {
        Some(condition) => format!("'{}' where {condition}", lacking.table),
        None => format!("'{}'", lacking.table),
    };
    let names: Vec<String> = tables.iter().map(name).collect();
    names.join(", ")
}

/// The tables that it does not publish, or not the rows that it is to, if it publishes all that is done to the others.
fn lacking<'a>(session: &mut Session, settings: &'a Settings) -> Result<Vec<Lacking<'a>>> {
    is_whole(session, settings)?;
    let published = published(session, settings)?;
    let mut all = Vec::new();
    for (table, _) in &settings.tables {
        let condition = settings.condition(table);
        // Whoever may not make publications cannot ask how a condition is written in one.
        let asked = condition.filter(|_| settings.makes_publication);
        let written = asked.map(|asked| written(session, table, asked));
        let written = written.transpose()?;
        let known = published.iter().find(|(name, _)| name == table);
        let is_as_wanted = |filter: &Option<String>| match &written {
            Some(_) => *filter == written,
            None => filter.is_some() == condition.is_some(),
        };
        if !known.is_some_and(|(_, filter)| is_as_wanted(filter)) {
            all.push(Lacking {
                table,
                condition,
                is_there: known.is_some(),
            });
        }
    }
    Ok(all)
}

/// # Errors
/// `Invalid` if it leaves changes out.
fn is_whole(session: &mut Session, settings: &Settings) -> Result<()> {
    let name = literal(&settings.publication);
    let sql = format!(
        "SELECT pubinsert AND pubupdate AND pubdelete AND pubtruncate, pubviaroot \
         FROM pg_publication WHERE pubname = {name}"
    );
    let row = session.query(&sql)?.into_iter().next();
    let Some([Some(whole), Some(root)]) = row.as_deref() else {
        return Ok(());
    };
    if whole == "t" && root == "t" {
        return Ok(());
    }
    let text = format!("publication '{}' leaves changes out", settings.publication);
    let name = identifier(&settings.publication);
    Err(Error::new(ErrorKind::Invalid, text).with_hint(format!(
        "ALTER PUBLICATION {name} SET (publish = 'insert, update, delete, truncate', publish_via_partition_root = true)"
    )))
}

/// What it publishes, each with which rows, as the server writes it.
fn published(
    session: &mut Session,
    settings: &Settings,
) -> Result<Vec<(TableName, Option<String>)>> {
    let has_filters = has_filters(session)?;
    if !has_filters && let Some((table, _)) = settings.conditions.first() {
        let text = format!("rows of table '{table}' cannot be chosen by a condition");
        return Err(Error::new(ErrorKind::Unsupported, text)
            .with_hint("upgrade to PostgreSQL 15 or later, or capture all rows"));
    }
    let filter = if has_filters { "rowfilter" } else { "NULL" };
    let name = literal(&settings.publication);
    let sql = format!(
        "SELECT schemaname, tablename, {filter} FROM pg_publication_tables WHERE pubname = {name}"
    );
    let table = |row: Vec<Option<String>>| match <[_; 3]>::try_from(row) {
        Ok([Some(schema), Some(name), filter]) => Ok((TableName { schema, name }, filter)),
        _ => Err(malformed("table of a publication")),
    };
    session.query(&sql)?.into_iter().map(table).collect()
}

/// Whether publications may have conditions.
fn has_filters(session: &mut Session) -> Result<bool> {
    let sql = "SELECT current_setting('server_version_num')::int >= 150000";
    Ok(session.value(sql)?.as_deref() == Some("t"))
}

/// How the server writes a condition.
///
/// # Errors
/// `Invalid` if it is none, or if it needs columns that the server does not have of rows that are gone: then the server would refuse its
/// users' changes.
fn written(session: &mut Session, table: &TableName, condition: &str) -> Result<String> {
    session.query("BEGIN")?;
    let asked = ask(session, table, condition);
    // What was made for the question is gone.
    session.query("ROLLBACK")?;
    match asked?.as_slice() {
        [Some(written), None] => Ok(written.clone()),
        [Some(_), Some(columns)] => {
            let text = format!(
                "the condition of table '{table}' needs {columns}, which the server does not tell of rows that are gone"
            );
            let mend = format!("ALTER TABLE {} REPLICA IDENTITY FULL", table.quoted());
            Err(Error::new(ErrorKind::Invalid, text).with_hint(mend))
        }
        _ => Err(malformed("condition")),
    }
}

fn ask(session: &mut Session, table: &TableName, condition: &str) -> Result<Vec<Option<String>>> {
    let name = "headwater_asks";
    let quoted = table.quoted();
    session.query(&format!(
        "CREATE PUBLICATION {name} FOR TABLE {quoted} WHERE ({condition}\n)"
    ))?;
    let sql = format!(
        "SELECT pg_get_expr(r.prqual, r.prrelid), (SELECT string_agg(quote_literal(a.attname), ', ') \
         FROM pg_depend d JOIN pg_attribute a ON a.attrelid = d.refobjid AND a.attnum = d.refobjsubid \
         WHERE d.classid = 'pg_publication_rel'::regclass AND d.objid = r.oid AND d.refobjsubid > 0 \
         AND c.relreplident <> 'f' AND NOT EXISTS (SELECT 1 FROM pg_index i WHERE i.indrelid = c.oid \
         AND CASE c.relreplident WHEN 'i' THEN i.indisreplident ELSE i.indisprimary END AND a.attnum = ANY (i.indkey))) \
         FROM pg_publication p JOIN pg_publication_rel r ON r.prpubid = p.oid JOIN pg_class c ON c.oid = r.prrelid \
         WHERE p.pubname = '{name}'"
    );
    let row = session.query(&sql)?.into_iter().next();
    Ok(row.unwrap_or_default())
}

/// The statement that makes it whole.
fn statement(
    session: &mut Session,
    settings: &Settings,
    lacking: &[Lacking<'_>],
) -> Result<String> {
    let name = identifier(&settings.publication);
    let tables: Vec<String> = lacking.iter().map(Lacking::quoted).collect();
    let tables = tables.join(", ");
    let exists = format!(
        "SELECT 1 FROM pg_publication WHERE pubname = {}",
        literal(&settings.publication)
    );
    if session.value(&exists)?.is_none() {
        return Ok(format!(
            "CREATE PUBLICATION {name} FOR TABLE {tables} WITH (publish_via_partition_root = true)"
        ));
    }
    let others = lacking.iter().filter(|l| l.is_there);
    let others: Vec<String> = others.map(|l| l.table.quoted()).collect();
    let add = format!("ALTER PUBLICATION {name} ADD TABLE {tables}");
    Ok(match others.as_slice() {
        [] => add,
        others => format!(
            "ALTER PUBLICATION {name} DROP TABLE {}; {add}",
            others.join(", ")
        ),
    })
}
