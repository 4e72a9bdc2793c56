//! Which of all events a reader wants; judged by the store, before an event is copied.

use headwater_log::{Query, QueryItem};

/// Which of all events a reader wants: those of the streams whose names begin with one of `prefixes` (or of any, if there
/// are none), that match `query` (or all, if it has no items). The store's own events, whose types begin with `$`, come only
/// if a query names their type or tag.
///
/// ```
/// use headwater_events::Filter;
/// let filter = Filter::all().streams("order-").types(["order.placed", "order.shipped"]);
/// assert!(filter.matches("order-7", "order.shipped", ["vip"]));
/// assert!(!filter.matches("account-7", "order.shipped", []));
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Filter {
    /// What their types and tags must be.
    pub query: Query,
    /// What the names of their streams begin with.
    pub prefixes: Vec<String>,
}

impl Filter {
    /// All events but the store's own.
    pub fn all() -> Self {
        Self::default()
    }

    /// Those that match a query.
    pub fn query(query: Query) -> Self {
        Self {
            query,
            prefixes: Vec::new(),
        }
    }

    /// Those of some types, besides what was asked for before.
    #[must_use]
    pub fn types<T: Into<String>>(mut self, types: impl IntoIterator<Item = T>) -> Self {
        self.query.items.push(QueryItem {
            types: types.into_iter().map(Into::into).collect(),
            tags: Vec::new(),
        });
        self
    }

    /// Those that have all of some tags, besides what was asked for before.
    #[must_use]
    pub fn tags<T: Into<String>>(mut self, tags: impl IntoIterator<Item = T>) -> Self {
        self.query.items.push(QueryItem {
            types: Vec::new(),
            tags: tags.into_iter().map(Into::into).collect(),
        });
        self
    }

    /// Those of streams whose names begin with `prefix`, besides the streams that were asked for before.
    #[must_use]
    pub fn streams(mut self, prefix: impl Into<String>) -> Self {
        self.prefixes.push(prefix.into());
        self
    }

    /// Whether it wants an event.
    pub fn matches<'a>(
        &self,
        stream: &str,
        kind: &str,
        tags: impl IntoIterator<Item = &'a str>,
    ) -> bool {
        if !self.wants_stream(stream) {
            return false;
        }
        if self.query.items.is_empty() {
            return !kind.starts_with('$');
        }
        let tags: Vec<&str> = tags.into_iter().collect();
        self.query
            .items
            .iter()
            .any(|item| item_matches(item, kind, &tags))
    }

    /// Whether the events of a stream can be among them.
    pub(crate) fn wants_stream(&self, stream: &str) -> bool {
        self.prefixes.is_empty() || self.prefixes.iter().any(|p| stream.starts_with(p.as_str()))
    }

    /// Whether every alternative names a type or a tag, so that an index of these finds them.
    pub(crate) fn is_indexed(&self) -> bool {
        let names = |item: &QueryItem| !item.tags.is_empty() || !item.types.is_empty();
        !self.query.items.is_empty() && self.query.items.iter().all(names)
    }
}

fn item_matches(item: &QueryItem, kind: &str, tags: &[&str]) -> bool {
    let types = &item.types;
    let is_asked_for = || !kind.starts_with('$') || !item.tags.is_empty();
    (if types.is_empty() {
        is_asked_for()
    } else {
        types.iter().any(|t| t == kind)
    }) && item.tags.iter().all(|tag| tags.contains(&tag.as_str()))
}
