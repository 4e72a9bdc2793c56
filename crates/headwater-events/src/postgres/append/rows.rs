//! [`Rows`]: what a decision writes, a list for each column, as the statements take them.

use std::collections::BTreeMap;
use std::time::SystemTime;

use bytes::Bytes;
use tokio_postgres::types::Type;

use super::names::{closed_tag, id_tag, key_tag, opened_tag};
use crate::event::NewEvent;
use crate::postgres::session::Parameters;
use crate::store::{Lifecycle, Write};

/// What a decision writes.
#[derive(Debug, Default)]
pub(super) struct Rows {
    versions: Vec<i64>,
    schemas: Vec<i64>,
    pub(super) streams: Vec<String>,
    pub(super) types: Vec<String>,
    data: Vec<String>,
    ids: Vec<Option<String>>,
    correlations: Vec<Option<String>>,
    causations: Vec<Option<String>>,
    metadata: Vec<Option<String>>,
    /// The tags of each event, a line each: no tag has control characters.
    tags: Vec<String>,
    /// The tags of all events, the store's own among them, …
    pub(super) tag: Vec<String>,
    /// … with the place of their events among these …
    tag_places: Vec<i64>,
    /// … and their types.
    tag_types: Vec<String>,
    /// How many tags there are before those of each event.
    tags_before: Vec<usize>,
    /// The positions of owners; `None` removes it.
    pub(super) positions: BTreeMap<String, Option<Bytes>>,
}

impl Rows {
    pub(super) fn len(&self) -> usize {
        self.streams.len()
    }

    pub(super) fn is_nothing(&self) -> bool {
        self.streams.is_empty() && self.positions.is_empty()
    }

    /// The tags of an event, the store's own among them.
    pub(super) fn tags_of(&self, place: usize) -> &[String] {
        let end = self.tags_before.get(place + 1).copied();
        &self.tag[self.tags_before[place]..end.unwrap_or(self.tag.len())]
    }

    /// Adds the events of a write, of which the first has `version`.
    pub(super) fn put(&mut self, write: &Write, version: u64) {
        let lifecycle = write.lifecycle_event();
        for (version, event) in (version..).zip(write.events.iter().chain(&lifecycle)) {
            self.put_event(&write.stream, event, version);
        }
        match write.lifecycle {
            Some(Lifecycle::Open) => self.put_tag(opened_tag(&write.stream)),
            Some(_) => self.put_tag(closed_tag(&write.stream)),
            None => {}
        }
    }

    /// What the statement for events is asked with.
    pub(super) fn events<'a>(&'a self, first: &'a i64, now: &'a SystemTime) -> Parameters<'a> {
        let mut parameters: Parameters<'a> = vec![first, now, &self.versions];
        parameters.extend(self.columns());
        parameters
    }

    /// What the statement for events that wait for their positions is asked with, and of which types that is.
    pub(super) fn pending<'a>(&'a self, append: &'a i64) -> (Parameters<'a>, Vec<Type>) {
        let mut parameters: Parameters<'a> = vec![append];
        parameters.extend(self.columns());
        let mut types = vec![Type::INT8, Type::INT8_ARRAY];
        types.resize(parameters.len(), Type::TEXT_ARRAY);
        (parameters, types)
    }

    fn columns(&self) -> Parameters<'_> {
        vec![
            &self.schemas,
            &self.streams,
            &self.types,
            &self.data,
            &self.ids,
            &self.correlations,
            &self.causations,
            &self.metadata,
            &self.tags,
        ]
    }

    /// What the statement for tags is asked with.
    pub(super) fn tags<'a>(&'a self, first: &'a i64) -> Parameters<'a> {
        vec![first, &self.tag_places, &self.tag, &self.tag_types]
    }

    /// What the statement for tags of events that wait for their positions is asked with.
    pub(super) fn pending_tags<'a>(&'a self, append: &'a i64) -> Parameters<'a> {
        vec![append, &self.tag_places, &self.tag]
    }

    /// The positions of owners to set, and those to remove.
    pub(super) fn positions(&self) -> (Vec<(&str, &[u8])>, Vec<&str>) {
        let all = self.positions.iter();
        let set = all
            .clone()
            .filter_map(|(o, v)| Some((o.as_str(), &v.as_ref()?[..])));
        let removed = all.filter(|(_, v)| v.is_none()).map(|(o, _)| o.as_str());
        (set.collect(), removed.collect())
    }

    /// Names the append that the last event is of.
    pub(super) fn put_key(&mut self, key: &str) {
        self.put_tag(key_tag(key));
    }

    fn put_event(&mut self, stream: &str, event: &NewEvent, version: u64) {
        self.versions.push(version.cast_signed());
        self.schemas.push(event.schema.into());
        self.streams.push(stream.to_owned());
        self.types.push(event.kind.clone());
        self.data.push(text(&event.data));
        self.ids.push(event.id.clone());
        self.correlations.push(event.correlation.clone());
        self.causations.push(event.causation.clone());
        self.metadata.push(event.metadata.as_ref().map(text));
        self.tags.push(event.tags.join("\n"));
        self.tags_before.push(self.tag.len());
        for (at, tag) in event.tags.iter().enumerate() {
            // One that is there twice is found once.
            if !event.tags[..at].contains(tag) {
                self.put_tag(tag.clone());
            }
        }
        if let Some(id) = &event.id {
            self.put_tag(id_tag(id));
        }
    }

    /// Gives the last event a tag.
    fn put_tag(&mut self, tag: String) {
        if let Some(kind) = self.types.last() {
            self.tag_types.push(kind.clone());
            self.tag_places
                .push(i64::try_from(self.types.len()).unwrap_or(i64::MAX) - 1);
            self.tag.push(tag);
        }
    }
}

/// JSON, which an append is checked to be.
fn text(json: &Bytes) -> String {
    String::from_utf8_lossy(json).into_owned()
}
