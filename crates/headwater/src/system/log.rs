//! `system.log`: what the log has done since it was opened, and what its files take.

use super::rows::{Cell, Kind};
use crate::engine::Headwater;
use crate::error::Result;

pub(super) const COLUMNS: &[(&str, Kind)] = &[
    ("last_commit", Kind::Number),
    ("commits", Kind::Number),
    ("groups", Kind::Number),
    ("wal_bytes", Kind::Number),
    ("checkpoints", Kind::Number),
    ("index_bytes", Kind::Number),
    ("disk_bytes", Kind::Number),
    ("disk_limit", Kind::Number),
    ("room_bytes", Kind::Number),
];

pub(super) fn rows(headwater: &Headwater) -> Result<Vec<Vec<Cell>>> {
    let log = headwater.log();
    let stats = log.stats();
    Ok(vec![vec![
        log.last_commit().0.into(),
        stats.commits.into(),
        stats.groups.into(),
        stats.wal_bytes.into(),
        stats.checkpoints.into(),
        stats.index_bytes.into(),
        stats.disk_bytes.into(),
        log.disk_bytes_max().into(),
        stats.room_bytes.into(),
    ]])
}
