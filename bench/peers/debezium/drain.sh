#!/usr/bin/env bash
# How many changes Debezium's embedded engine takes over in a CPU second: the backlog of `headwater bench cdc`, 500,000 changes in
# transactions of ten, as JSON without schemas to nowhere. What the engine takes to start and stop is measured by an empty backlog, and
# taken off.
#   bench/peers/debezium/drain.sh       prints changes, CPU seconds and changes a CPU second
# Needs Java 17, Maven and PostgreSQL's server programs.
# shellcheck source=start.sh
. "$(dirname "$0")/start.sh"
start_postgres -c max_wal_size=16GB
sql() { psql_ -c "$1"; }

sql "CREATE TABLE drained (id bigint PRIMARY KEY, customer int NOT NULL, status text, amount numeric(12,2), at timestamptz)"
sql "CREATE PUBLICATION drained FOR TABLE drained"
changes=500000

# The CPU seconds of an engine that takes over what its slot has.
drain() {
    { common_properties && cat <<P
name=$1
connector.class=io.debezium.connector.postgresql.PostgresConnector
database.dbname=postgres
plugin.name=pgoutput
slot.name=$1
publication.name=drained
publication.autocreate.mode=disabled
table.include.list=public.drained
snapshot.mode=no_data
key.converter.schemas.enable=false
value.converter.schemas.enable=false
P
    } >"$work/$1.properties"
    TIMEFORMAT='%U %S'
    { time engine "$work/$1.properties" 5 2>"$work/$1.log" | wc -l >"$work/$1.count"; } 2>&1 \
        | awk '{ print $1 + $2 }'
}

for slot in empty full; do sql "SELECT pg_create_logical_replication_slot('$slot', 'pgoutput')" >/dev/null; done
empty=$(drain empty)
PGOPTIONS="-c synchronous_commit=off" sql "DO \$\$ BEGIN FOR i IN 0..$((changes / 10 - 1)) LOOP
    INSERT INTO drained SELECT n, n % 1000, 'in progress', n / 7.0, now() FROM generate_series(i * 10, i * 10 + 9) n; COMMIT; END LOOP; END \$\$"
full=$(drain full)
[ "$(cat "$work/full.count")" = "$changes" ] || { echo "Debezium gave $(cat "$work/full.count") of $changes changes" >&2; tail -5 "$work/full.log" >&2; exit 1; }
awk -v n="$changes" -v full="$full" -v empty="$empty" \
    'BEGIN { printf "%d changes, %.1f CPU seconds (%.1f to start and stop taken off), %d changes a CPU second\n", n, full - empty, empty, n / (full - empty) }'
