#!/usr/bin/env bash
# What Debezium makes of the changes of a database: the fixtures that Headwater's own envelopes are compared with. Starts a server of its
# own with the tables of setup.sql, lets Debezium read them, and then makes the changes of changes.sql.
#   bench/peers/debezium/events.sh postgres    writes these, each with schemas (…-schemas.txt) too, below tests/capture/debezium:
#                                              events.txt; transactions.txt of transactions.sql, which tell transactions; treated.txt
#                                              of treated-setup.sql and treated-changes.sql: what treated.properties has done to values
#   bench/peers/debezium/events.sh mariadb     events.txt and treated.txt below tests/mysql/debezium
#   bench/peers/debezium/events.sh mysql       the same of MySQL, which `cargo xtask test` has fetched: mysql-events.txt,
#                                              mysql-treated.txt and transactions.txt, which Debezium does not tell of a MariaDB
#   … events.sh SERVER treated                 writes one of them alone
# Debezium's connector for MySQL reads both; that for MariaDB has the same values and differs by the name in `source`.
# Needs Java 17, Maven and the programs of the server and its client.
kind=${1:?postgres, mariadb or mysql}
# shellcheck source=start.sh
. "$(dirname "$0")/start.sh"

# What a round is called, and its files: events, transactions or treated, perhaps with schemas.
setup_of() { case $1 in treated) echo treated-setup.sql ;; *) echo setup.sql ;; esac; }
changes_of() { case $1 in events) echo changes.sql ;; treated) echo treated-changes.sql ;; *) echo "$1.sql" ;; esac; }

# properties ROUND SCHEMAS
properties() {
    common_properties
    printf 'name=events\nkey.converter.schemas.enable=%s\nvalue.converter.schemas.enable=%s\n' "$2" "$2"
    [ "$1" != transactions ] || echo provide.transaction.metadata=true
    [ "$1" != treated ] || cat "$fixtures/treated.properties"
}

begin_postgres() {
    psql_ -c 'DROP SCHEMA public CASCADE; CREATE SCHEMA public' 2>/dev/null
    psql_ -f "$fixtures/$(setup_of "$1")"
    slot=debezium_${1}_$2
    tables=$(psql_ -c "SELECT string_agg('public.' || relname, ',') FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace")
    cat <<P
connector.class=io.debezium.connector.postgresql.PostgresConnector
database.dbname=postgres
plugin.name=pgoutput
slot.name=$slot
publication.name=$slot
publication.autocreate.mode=filtered
table.include.list=$tables
P
}
# The tables are read, and the stream begins, when the slot is in use.
streams_postgres() { [ "$(psql_ -c "SELECT count(*) FROM pg_replication_slots WHERE slot_name LIKE 'debezium\_$1\_$2' AND active")" = 1 ]; }
change_postgres() { psql_ -f "$fixtures/$(changes_of "$1")"; }

replicas() { mysql_ -N -e 'SELECT count(*) FROM information_schema.processlist WHERE command LIKE "Binlog Dump%"'; }
begin_mysql() {
    # The connection of the last round is heard of no more when the server has noticed that.
    while [ "$(replicas)" != 0 ]; do
        mysql_ -N -e 'SELECT CONCAT("KILL ", id) FROM information_schema.processlist WHERE command LIKE "Binlog Dump%"' | mysql_
        sleep 0.2
    done
    mysql_ -e 'DROP DATABASE IF EXISTS shop; RESET MASTER; CREATE DATABASE shop'
    case $1 in
        transactions) grep -E '(TABLE|INTO) (orders|pairs) ' "$fixtures/setup.sql" | mysql_ shop ;;
        *) mysql_ shop <"$fixtures/$(setup_of "$1")" ;;
    esac
    cat <<P
connector.class=io.debezium.connector.mysql.MySqlConnector
database.server.id=77
database.include.list=shop
include.schema.changes=false
schema.history.internal=io.debezium.relational.history.MemorySchemaHistory
P
}
streams_mysql() { [ "$(replicas)" = 1 ]; }
change_mysql() { mysql_ shop <"$fixtures/$(changes_of "$1")"; }

# round NAME SCHEMAS
round() {
    local name=$1
    # Transactions are told of MySQL alone.
    [ "$kind" != mysql ] || [ "$1" = transactions ] || name=mysql-$1
    [ "$2" = false ] || name=$name-schemas
    { "begin_$of" "$1" "$2"; properties "$1" "$2"; } >"$work/properties"
    engine "$work/properties" 8 >"$work/$name" 2>"$work/$name.log" &
    local engine=$!
    for _ in $(seq 300); do
        "streams_$of" "$1" "$2" && break
        kill -0 "$engine" 2>/dev/null || { cat "$work/$name.log" >&2; exit 1; }
        sleep 0.2
    done
    sleep 3
    "change_$of" "$1"
    wait "$engine"
    cp "$work/$name" "$fixtures/$name.txt"
    wc -l "$fixtures/$name.txt"
}

case $kind in
    postgres) of=postgres fixtures=$tests/capture/debezium rounds="events transactions treated" && start_postgres ;;
    mariadb) of=mysql fixtures=$tests/mysql/debezium rounds="events treated" && start_mysql mariadb ;;
    mysql) of=mysql fixtures=$tests/mysql/debezium rounds="events transactions treated" && start_mysql mysql ;;
esac
for name in ${2:-$rounds}; do
    round "$name" false
    round "$name" true
done
