-- All events, in their order. Only whoever holds the lock of the order writes here.
CREATE TABLE {s}.events (
    position bigint PRIMARY KEY,
    version bigint NOT NULL,
    recorded_at timestamptz NOT NULL,
    schema bigint NOT NULL,
    stream text COLLATE "C" NOT NULL,
    type text COLLATE "C" NOT NULL,
    data json NOT NULL,
    id text COLLATE "C",
    correlation text COLLATE "C",
    causation text COLLATE "C",
    metadata json,
    tags text[] NOT NULL,
    UNIQUE (stream, version)
);
CREATE INDEX events_type_position_idx ON {s}.events (type, position);

-- What events can be found by, the store's own tags among it.
CREATE TABLE {s}.tags (
    position bigint NOT NULL,
    tag text COLLATE "C" NOT NULL,
    type text COLLATE "C" NOT NULL,
    PRIMARY KEY (tag, position)
);

-- How far whoever follows the events is.
CREATE TABLE {s}.positions (
    owner text COLLATE "C" PRIMARY KEY,
    value bytea NOT NULL
) WITH (fillfactor = 50);

-- Events that came with somebody's own transaction, until they are given their positions.
CREATE SEQUENCE {s}.pending_append_seq;
CREATE TABLE {s}.pending (
    append bigint NOT NULL,
    place bigint NOT NULL,
    schema bigint NOT NULL,
    stream text COLLATE "C" NOT NULL,
    type text COLLATE "C" NOT NULL,
    data json NOT NULL,
    id text COLLATE "C",
    correlation text COLLATE "C",
    causation text COLLATE "C",
    metadata json,
    tags text[] NOT NULL,
    PRIMARY KEY (append, place)
);
CREATE INDEX pending_stream_idx ON {s}.pending (stream);
CREATE TABLE {s}.pending_tags (
    append bigint NOT NULL,
    place bigint NOT NULL,
    tag text COLLATE "C" NOT NULL,
    PRIMARY KEY (tag, append, place)
);
CREATE INDEX pending_tags_place_idx ON {s}.pending_tags (append, place);

-- States that need not be made of all events again; can be thrown away.
CREATE TABLE {s}.snapshots (
    key text COLLATE "C" PRIMARY KEY,
    version bigint,
    next bigint NOT NULL,
    schema bigint NOT NULL,
    state bytea NOT NULL
) WITH (fillfactor = 50);
