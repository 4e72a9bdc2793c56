//! What an append must have to itself until it is committed: its streams, ids, key and the owners of its positions.
//!
//! Appends to one stream in transactions of other people wait for each other by these names, and for nobody else. The
//! funnel never waits for a name: it puts aside what it cannot have.

use std::collections::BTreeSet;

use crate::store::{Append, Condition};

/// The store's own tags, which are the same in every store.
pub(super) fn id_tag(id: &str) -> String {
    format!("$id:{id}")
}

pub(super) fn key_tag(key: &str) -> String {
    format!("$key:{key}")
}

pub(in crate::postgres) fn closed_tag(stream: &str) -> String {
    format!("$closed:{stream}")
}

pub(in crate::postgres) fn opened_tag(stream: &str) -> String {
    format!("$opened:{stream}")
}

/// The name of the position of an owner.
pub(in crate::postgres) fn owner_name(owner: &str) -> String {
    format!("owner:{owner}")
}

/// What some appends must have to themselves, each name once and in order.
pub(super) fn names<'a>(appends: impl IntoIterator<Item = &'a Append>) -> BTreeSet<String> {
    appends.into_iter().flat_map(of).collect()
}

/// What an append must have to itself.
pub(super) fn of(append: &Append) -> Vec<String> {
    let mut names = Vec::new();
    names.extend(append.key.iter().map(|key| key_tag(key)));
    for write in &append.writes {
        names.push(format!("stream:{}", write.stream));
        names.extend(
            write
                .events
                .iter()
                .filter_map(|e| e.id.as_deref())
                .map(id_tag),
        );
    }
    names.extend(append.positions.iter().map(|(owner, _)| owner_name(owner)));
    for condition in &append.conditions {
        if let Condition::Position { owner, .. } = condition {
            names.push(owner_name(owner));
        }
    }
    names
}

/// The tags of the store's own that say whether an append has happened, and whether its streams take events.
pub(super) fn own_tags(append: &Append) -> Vec<String> {
    let mut tags = Vec::new();
    tags.extend(append.key.iter().map(|key| key_tag(key)));
    for write in &append.writes {
        tags.extend(
            write
                .events
                .iter()
                .filter_map(|e| e.id.as_deref())
                .map(id_tag),
        );
        if write.count() > 0 {
            tags.push(closed_tag(&write.stream));
            tags.push(opened_tag(&write.stream));
        }
    }
    tags
}
