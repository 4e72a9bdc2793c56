//! Keys that are wanted in place of what a server identifies rows by: whether they identify rows, and whether old rows tell them.

use headwater_log::{Error, ErrorKind, Result};

use super::{Table, TableName};
use crate::postgres::session::Session;
use crate::postgres::sql::literal;

/// Whether a table can have the key that it is to have.
///
/// # Errors
/// `Unsupported`, with what mends it.
pub(super) fn demand(session: &mut Session, table: &Table, identity: &str) -> Result<()> {
    if table.key == table.identified_by {
        return Ok(());
    }
    if !is_unique(session, table)? {
        let text = format!(
            "no primary key and no unique index over columns that are NOT NULL is among the columns {} that table '{}' is to be keyed by",
            table.key.join(", "),
            table.name
        );
        return Err(Error::new(ErrorKind::Unsupported, text).with_hint(
            match table.identified_by.is_empty() {
                true => {
                    "of two rows of one key a topic would keep one: make a unique index over them"
                        .to_owned()
                }
                false => format!(
                    "of two rows of one key a topic would keep one: add {}",
                    table.identified_by.join(", ")
                ),
            },
        ));
    }
    let is_held = |column: &String| table.identified_by.contains(column);
    if table.key.iter().all(is_held) {
        return Ok(());
    }
    not_held(table, identity)
}

/// A table that nothing identifies the rows of.
pub(super) fn no_key(name: &TableName, identity: &str) -> Error {
    let quoted = name.quoted();
    let text = format!("table '{name}' has nothing that identifies its rows");
    Error::new(ErrorKind::Unsupported, text).with_hint(match identity {
        "n" => format!("ALTER TABLE {quoted} REPLICA IDENTITY DEFAULT"),
        _ => format!("ALTER TABLE {quoted} ADD PRIMARY KEY (…)"),
    })
}

/// Whether old rows have a key that is not part of what the server identifies rows by.
fn not_held(table: &Table, identity: &str) -> Result<()> {
    let key = table.key.join(", ");
    if table.is_partitioned {
        // Each partition has its own, and new ones have the usual one, whatever the table has.
        let text = format!(
            "the partitions of table '{}' do not tell what {key} were before a change",
            table.name
        );
        let hint = "key it by columns of its primary key";
        return Err(Error::new(ErrorKind::Unsupported, text).with_hint(hint));
    }
    if identity == "f" {
        return Ok(());
    }
    let text = format!(
        "the server does not tell what {key} of table '{}' were before a change",
        table.name
    );
    let hint = format!("ALTER TABLE {} REPLICA IDENTITY FULL", table.name.quoted());
    Err(Error::new(ErrorKind::Unsupported, text).with_hint(hint))
}

/// Whether the columns of the key have those of a unique index, none of which is ever null.
fn is_unique(session: &mut Session, table: &Table) -> Result<bool> {
    let key: Vec<String> = table.key.iter().map(|column| literal(column)).collect();
    let sql = format!(
        "SELECT count(*) > 0 FROM pg_index i WHERE i.indrelid = {} AND i.indisunique AND i.indisvalid AND i.indimmediate \
         AND NOT i.indisexclusion AND i.indpred IS NULL AND i.indexprs IS NULL AND NOT EXISTS (\
         SELECT 1 FROM unnest(i.indkey) WITH ORDINALITY k(attnum, place) \
         JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = k.attnum \
         WHERE k.place <= i.indnkeyatts AND NOT (a.attnotnull AND a.attname IN ({})))",
        table.id,
        key.join(", ")
    );
    Ok(session.value(&sql)?.as_deref() == Some("t"))
}
