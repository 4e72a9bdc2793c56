#!/usr/bin/env bash
# What Debezium makes of the changes of a database: the fixtures that Headwater's own envelopes are compared with.
# Starts a PostgreSQL of its own, with the tables of setup.sql, lets Debezium read them, and then makes the changes of changes.sql.
#   bench/peers/debezium/run.sh       writes events.txt and events-schemas.txt beside them, and with the changes of
#                                     transactions.sql transactions.txt and transactions-schemas.txt, which tell transactions
# Needs Java 17, Maven and PostgreSQL's server programs.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
fixtures=$(cd "$here/../../../crates/headwater-cdc/tests/capture/debezium" && pwd)
programs=$(ls -d /usr/lib/postgresql/*/bin | sort -V | tail -1)
mvn -q -B -f "$here/pom.xml" dependency:copy-dependencies -DoutputDirectory=target/lib
javac -d "$here/target/classes" -cp "$here/target/lib/*" "$here/src/main/java/Events.java"

work=$(mktemp -d /tmp/headwater-debezium-XXXXXX)
as() { if [ "$(id -u)" = 0 ]; then runuser -u postgres -- "$@"; else "$@"; fi; }
[ "$(id -u)" = 0 ] && chown postgres "$work"
port=$((20000 + RANDOM % 10000))
trap 'as "$programs/pg_ctl" -s -D "$work/data" -m immediate stop; rm -rf "$work"' EXIT
cd "$work"
as "$programs/initdb" --auth trust --username headwater --encoding UTF8 --locale C --no-sync --pgdata "$work/data" >/dev/null
as "$programs/pg_ctl" -s -w -D "$work/data" -l "$work/log" \
    -o "-p $port -c wal_level=logical -c listen_addresses=127.0.0.1 -c unix_socket_directories=$work -c timezone=UTC" start
sql() { psql -q -h 127.0.0.1 -p "$port" -U headwater -d postgres -v ON_ERROR_STOP=1 -f "$1"; }

sql "$fixtures/setup.sql"
for round in events events-schemas transactions transactions-schemas; do
    name=$round.txt schemas=false transactions=false slot=debezium_${round//-/_}
    [ "${round%-schemas}" = "$round" ] || schemas=true
    [ "${round%-schemas}" = events ] || transactions=true
    if [ "$round" != events ]; then
        psql -q -h 127.0.0.1 -p "$port" -U headwater -d postgres -c 'DROP SCHEMA public CASCADE; CREATE SCHEMA public' 2>/dev/null
        sql "$fixtures/setup.sql"
    fi
    cat >"$work/$name.properties" <<P
name=events
connector.class=io.debezium.connector.postgresql.PostgresConnector
offset.storage=org.apache.kafka.connect.storage.MemoryOffsetBackingStore
offset.flush.interval.ms=1000
database.hostname=127.0.0.1
database.port=$port
database.user=headwater
database.password=none
database.dbname=postgres
topic.prefix=shop
plugin.name=pgoutput
slot.name=$slot
publication.name=$slot
publication.autocreate.mode=filtered
table.include.list=public.orders,public.pairs,public.numbers,public.times,public.texts,public.docs,public.odd
key.converter.schemas.enable=$schemas
value.converter.schemas.enable=$schemas
provide.transaction.metadata=$transactions
P
    java -cp "$here/target/classes:$here/target/lib/*" Events "$work/$name.properties" 8 >"$work/$name" 2>"$work/$name.log" &
    engine=$!
    # The tables are read, and the stream begins, when the slot is in use and the last table has come.
    for _ in $(seq 300); do
        grep -q '^shop.public.times' "$work/$name" 2>/dev/null && break
        active=$(psql -At -h 127.0.0.1 -p "$port" -U headwater -d postgres -c "SELECT count(*) FROM pg_replication_slots WHERE slot_name = '$slot' AND active")
        [ "$active" = 1 ] && break
        sleep 0.2
    done
    sleep 3
    changes=changes.sql
    [ "$transactions" = true ] && changes=transactions.sql
    sql "$fixtures/$changes"
    wait "$engine"
    cp "$work/$name" "$fixtures/$name"
    wc -l "$fixtures/$name"
done
