//! The statements of a store, with the name of its schema in them.

use super::options::{literal, quoted};

/// The statements of a store.
#[derive(Debug)]
pub(super) struct Sql {
    /// The schema, quoted.
    pub(super) schema: String,
    /// The channel on which the end of the store is told.
    pub(super) channel: String,
    pub(super) begin: String,
    pub(super) names: String,
    pub(super) names_wait: String,
    pub(super) order: String,
    pub(super) drain: String,
    pub(super) heads: String,
    pub(super) tagged: String,
    pub(super) owners: String,
    pub(super) events: String,
    pub(super) tags: String,
    pub(super) set_positions: String,
    pub(super) remove_positions: String,
    pub(super) fate: String,
    pub(super) versions: String,
    pub(super) pending_number: String,
    pub(super) pending: String,
    pub(super) pending_tags: String,
    pub(super) end: String,
    pub(super) lifecycle: String,
    pub(super) positions: String,
    pub(super) position: String,
    pub(super) set_position: String,
    pub(super) view_fate: String,
}

/// Takes the lock of the order: whoever has it, and nobody else, appends. It is given back by the end of the transaction, which
/// is when everybody can see what was appended; so positions become visible in their order.
const BEGIN: &str = "
BEGIN ISOLATION LEVEL READ COMMITTED;
SELECT pg_advisory_xact_lock(hashtextextended('order', hashtextextended({name}, 0)))";

/// Takes what an append must have to itself, without waiting; gives the names that somebody else has.
const NAMES: &str = "
SELECT name FROM unnest($1::text[]) AS name
WHERE NOT pg_try_advisory_xact_lock(hashtextextended(name, hashtextextended({name}, 0)))";

/// Takes what an append must have to itself, in the order given.
const NAMES_WAIT: &str = "
SELECT pg_advisory_xact_lock(hashtextextended(name, hashtextextended({name}, 0))) IS NULL
FROM unnest($1::text[]) AS name";

/// Where the order ends, the time, which never goes back, and the transaction.
const ORDER: &str = "
SELECT coalesce(last.position + 1, 0),
       greatest(date_trunc('milliseconds', clock_timestamp()), last.recorded_at),
       pg_current_xact_id()::text,
       EXISTS (SELECT FROM {s}.pending)
FROM (VALUES (1)) AS one
LEFT JOIN (SELECT position, recorded_at FROM {s}.events ORDER BY position DESC LIMIT 1) AS last ON true";

/// Gives positions to what waits for them. A snapshot has all of an append or nothing of it.
const DRAIN: &str = "
WITH taken AS (DELETE FROM {s}.pending RETURNING *),
counted AS (
    SELECT *, row_number() OVER (ORDER BY append, place) AS nth,
           row_number() OVER (PARTITION BY stream ORDER BY append, place) AS of_stream
    FROM taken
),
placed AS (
    INSERT INTO {s}.events (position, version, recorded_at, schema, stream, type, data, id, correlation, causation, metadata, tags)
    SELECT $1 + nth - 1,
           of_stream + coalesce((SELECT max(version) FROM {s}.events AS e WHERE e.stream = counted.stream), -1),
           $2, schema, stream, type, data, id, correlation, causation, metadata, tags
    FROM counted
),
taken_tags AS (
    DELETE FROM {s}.pending_tags AS t USING counted AS c
    WHERE (t.append, t.place) = (c.append, c.place)
    RETURNING c.nth, t.tag, c.type
),
tagged AS (INSERT INTO {s}.tags (position, tag, type) SELECT $1 + nth - 1, tag, type FROM taken_tags)
SELECT count(*) FROM counted";

/// How many events streams have.
const HEADS: &str = "
SELECT w.stream,
       coalesce((SELECT max(version) + 1 FROM {s}.events AS e WHERE e.stream = w.stream), 0)
       + (SELECT count(*) FROM {s}.pending AS p WHERE p.stream = w.stream)
FROM unnest($1::text[]) AS w (stream)";

/// The newest event with each of some tags of the store's own, and all that wait for their positions; the newest last.
const TAGGED: &str = "
SELECT w.tag, t.position, e.stream, e.type, e.data::text, 0::bigint, 0::bigint
FROM unnest($1::text[]) AS w (tag)
CROSS JOIN LATERAL (
    SELECT position FROM {s}.tags WHERE tags.tag = w.tag ORDER BY position DESC LIMIT 1
) AS t
JOIN {s}.events AS e ON e.position = t.position
UNION ALL
SELECT w.tag, NULL, p.stream, p.type, p.data::text, p.append, p.place
FROM unnest($1::text[]) AS w (tag)
JOIN {s}.pending_tags AS t ON t.tag = w.tag
JOIN {s}.pending AS p ON (p.append, p.place) = (t.append, t.place)
ORDER BY 2 NULLS LAST, 6, 7";

const OWNERS: &str = "SELECT owner, value FROM {s}.positions WHERE owner = ANY($1::text[])";

const EVENTS: &str = "
INSERT INTO {s}.events (position, version, recorded_at, schema, stream, type, data, id, correlation, causation, metadata, tags)
SELECT $1 + n - 1, version, $2, schema, stream, type, data::json, id, correlation, causation, metadata::json,
       string_to_array(tags, E'\\n')
FROM unnest($3::bigint[], $4::bigint[], $5::text[], $6::text[], $7::text[], $8::text[], $9::text[], $10::text[], $11::text[], $12::text[])
    WITH ORDINALITY AS u (version, schema, stream, type, data, id, correlation, causation, metadata, tags, n)";

const TAGS: &str = "
INSERT INTO {s}.tags (position, tag, type)
SELECT $1 + place, tag, type FROM unnest($2::bigint[], $3::text[], $4::text[]) AS u (place, tag, type)";

const SET_POSITIONS: &str = "
INSERT INTO {s}.positions (owner, value) SELECT * FROM unnest($1::text[], $2::bytea[])
ON CONFLICT (owner) DO UPDATE SET value = excluded.value";

const REMOVE_POSITIONS: &str = "DELETE FROM {s}.positions WHERE owner = ANY($1::text[])";

/// Whether a transaction was committed, on a server that may be another one by now: one that has taken its place may have given the
/// number of the transaction to another, but not with this event.
const FATE: &str = "
SELECT coalesce(pg_xact_status($1::text::xid8), 'aborted') = 'committed'
       AND ($2::bigint IS NULL OR EXISTS (
           SELECT FROM {s}.events WHERE position = $2 AND recorded_at = $3 AND stream = $4))";

/// The versions that streams had when the order went up to a place.
const VERSIONS: &str = "
SELECT (SELECT version FROM {s}.events AS e
        WHERE e.stream = w.stream AND e.position <= $2 ORDER BY version DESC LIMIT 1)
FROM unnest($1::text[]) WITH ORDINALITY AS w (stream, n) ORDER BY n";

const PENDING_NUMBER: &str = "SELECT nextval('{s}.pending_append_seq')";

const PENDING: &str = "
INSERT INTO {s}.pending (append, place, schema, stream, type, data, id, correlation, causation, metadata, tags)
SELECT $1, n - 1, schema, stream, type, data::json, id, correlation, causation, metadata::json, string_to_array(tags, E'\\n')
FROM unnest($2::bigint[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[], $8::text[], $9::text[], $10::text[])
    WITH ORDINALITY AS u (schema, stream, type, data, id, correlation, causation, metadata, tags, n)";

const PENDING_TAGS: &str = "
INSERT INTO {s}.pending_tags (append, place, tag)
SELECT $1, place, tag FROM unnest($2::bigint[], $3::text[]) AS u (place, tag)";

const END: &str = "
SELECT coalesce((SELECT position + 1 FROM {s}.events ORDER BY position DESC LIMIT 1), 0), EXISTS (SELECT FROM {s}.pending)";

/// What has become of a stream: the newest event that says so.
const LIFECYCLE: &str = "
SELECT e.type, e.data::text FROM {s}.tags AS t JOIN {s}.events AS e USING (position)
WHERE t.tag = ANY($1::text[]) ORDER BY position DESC LIMIT 1";

const POSITIONS: &str = "SELECT owner, value FROM {s}.positions WHERE owner ^@ $1 ORDER BY owner";

/// The position of a view, and the number of the transaction that asks.
const POSITION: &str = "
SELECT (SELECT value FROM {s}.positions WHERE owner = $1), pg_current_xact_id()::text";

const SET_POSITION: &str = "
INSERT INTO {s}.positions (owner, value) VALUES ($1, $2)
ON CONFLICT (owner) DO UPDATE SET value = excluded.value";

/// Whether a transaction that moved a view was committed.
const VIEW_FATE: &str = "SELECT coalesce(pg_xact_status($1::text::xid8), 'aborted') = 'committed'";

/// Tells whoever listens where the store ends, when the transaction is committed.
pub(super) const NOTIFY: &str = "SELECT pg_notify($1, $2)";

impl Sql {
    /// The statements of a turn of the funnel.
    pub(super) fn of_turn(&self) -> [&str; 11] {
        [
            &self.names,
            &self.order,
            &self.drain,
            &self.heads,
            &self.tagged,
            &self.owners,
            &self.events,
            &self.tags,
            &self.set_positions,
            &self.remove_positions,
            NOTIFY,
        ]
    }

    pub(super) fn new(schema: &str) -> Self {
        let (s, name) = (quoted(schema), literal(schema));
        let text = |text: &str| text.replace("{s}", &s).replace("{name}", &name);
        Self {
            channel: format!("headwater:{schema}"),
            begin: text(BEGIN),
            names: text(NAMES),
            names_wait: text(NAMES_WAIT),
            order: text(ORDER),
            drain: text(DRAIN),
            heads: text(HEADS),
            tagged: text(TAGGED),
            owners: text(OWNERS),
            events: text(EVENTS),
            tags: text(TAGS),
            set_positions: text(SET_POSITIONS),
            remove_positions: text(REMOVE_POSITIONS),
            fate: text(FATE),
            versions: text(VERSIONS),
            pending_number: text(&PENDING_NUMBER.replace(
                "'{s}.pending_append_seq'",
                &literal(&format!("{s}.pending_append_seq")),
            )),
            pending: text(PENDING),
            pending_tags: text(PENDING_TAGS),
            end: text(END),
            lifecycle: text(LIFECYCLE),
            positions: text(POSITIONS),
            position: text(POSITION),
            set_position: text(SET_POSITION),
            view_fate: text(VIEW_FATE),
            schema: s,
        }
    }
}
