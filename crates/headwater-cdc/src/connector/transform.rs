//! The one transformation that there may be: rows instead of events, or the router of an outbox.

use headwater_log::Result;

use super::keys::{put, put_plain, schemas};
use super::said::{Said, unsupported};

const ROUTER: &str = "io.debezium.transforms.outbox.EventRouter";
const UNWRAP: &str = "io.debezium.transforms.ExtractNewRecordState";

/// The name of the transformation.
///
/// # Errors
/// `Unsupported` if there are several.
pub(super) fn transform(said: &Said) -> Result<Option<String>> {
    match said.get("transforms").map(str::trim) {
        None | Some("") => Ok(None),
        Some(names) if names.contains(',') => Err(unsupported("transforms", "one")),
        Some(name) => Ok(Some(name.to_owned())),
    }
}

/// Whether it is the router of an outbox.
pub(super) fn is_router(said: &Said, transform: &str) -> bool {
    said.get(&format!("transforms.{transform}.type")) == Some(ROUTER)
}

/// Rows instead of events; a row that is gone is a tombstone.
///
/// # Errors
/// `Unsupported` for another transformation, or if deletions are to be something else.
pub(super) fn unwrapped(said: &Said, transform: &str) -> Result<()> {
    let key = |name: &str| format!("transforms.{transform}.{name}");
    if said.get(&key("type")) != Some(UNWRAP) {
        return Err(unsupported(&key("type"), &format!("{UNWRAP}, or {ROUTER}")));
    }
    said.only(&key("drop.tombstones"), &["false"])?;
    said.only(&key("delete.tombstone.handling.mode"), &["tombstone"])?;
    said.only(&key("delete.handling.mode"), &["drop", "none"])?;
    said.only("tombstones.on.delete", &["true"])
}

/// An outbox of this name with the options of its router.
///
/// # Errors
/// `Unsupported` for what there is nothing for.
pub(super) fn outbox(
    said: &Said,
    transform: &str,
    name: &str,
    table: &str,
    out: &mut String,
) -> Result<()> {
    put(out, "outbox", table);
    put(out, "name", name);
    let has_backlog = match said.get("snapshot.mode").unwrap_or("initial") {
        "initial" => true,
        "never" | "no_data" => false,
        _ => return Err(unsupported("snapshot.mode", "initial or no_data")),
    };
    put_plain(out, "backlog", has_backlog);
    // New rows alone are events.
    said.only(
        "skipped.operations",
        &["none", "t", "u", "d", "u,d", "u,d,t", "d,t", "u,t"],
    )?;
    schemas(said)?;
    said.flag("tombstones.on.delete", true)?;
    said.get("decimal.handling.mode");
    out.push_str("[router]\n");
    for (key, value) in said.under(&format!("transforms.{transform}.")) {
        if key != "type" {
            // As one key with points in it: TOML makes tables of them, which are read as the same.
            put(out, key, value);
        }
    }
    Ok(())
}
