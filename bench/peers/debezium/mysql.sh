#!/usr/bin/env bash
# How Debezium tells the transactions of a MySQL, which it does not of a MariaDB that it reads as one.
#   bench/peers/debezium/mysql.sh       writes transactions.txt and transactions-schemas.txt of transactions.sql, for the first two
#                                       tables of setup.sql
# Needs Java 17, Maven, the server's program (MYSQLD, unless it is mysqld of the path) and a client.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
fixtures=$(cd "$here/../../../crates/headwater-cdc/tests/mysql/debezium" && pwd)
mysqld=${MYSQLD:-mysqld}
mvn -q -B -f "$here/pom.xml" dependency:copy-dependencies -DoutputDirectory=target/lib
javac -d "$here/target/classes" -cp "$here/target/lib/*" "$here/src/main/java/Events.java"

work=$(mktemp -d /tmp/headwater-debezium-XXXXXX)
user=()
[ "$(id -u)" = 0 ] && { chown mysql "$work"; user=(--user=mysql); }
port=$((20000 + RANDOM % 10000))
"$mysqld" --no-defaults --initialize-insecure --datadir="$work/data" "${user[@]}" 2>"$work/log"
"$mysqld" --no-defaults --datadir="$work/data" --tmpdir="$work" --socket="$work/s" --pid-file="$work/pid" --port="$port" --bind-address=127.0.0.1 \
    --mysqlx=OFF --server-id=1 --log-bin=binlog --binlog-row-metadata=FULL --gtid-mode=ON --enforce-gtid-consistency=ON \
    --default-time-zone=+00:00 "${user[@]}" 2>>"$work/log" &
server=$!
trap 'kill -9 "$server"; wait "$server" 2>/dev/null; rm -rf "$work"' EXIT
sql() { mariadb --no-defaults --default-character-set=utf8mb4 -S "$work/s" -u root "$@"; }
for _ in $(seq 300); do sql -e 'SELECT 1' >/dev/null 2>&1 && break; sleep 0.2; done
sql -e "CREATE USER headwater@'%' IDENTIFIED WITH mysql_native_password BY 'none'; GRANT ALL ON *.* TO headwater@'%'"

replicas() { sql -N -e 'SELECT count(*) FROM information_schema.processlist WHERE command LIKE "Binlog Dump%"'; }

for schemas in false true; do
    name=transactions.txt
    [ "$schemas" = true ] && name=transactions-schemas.txt
    # The connection of the last round is heard of no more when the server has noticed that.
    while [ "$(replicas)" != 0 ]; do
        sql -N -e 'SELECT CONCAT("KILL ", id) FROM information_schema.processlist WHERE command LIKE "Binlog Dump%"' | sql
        sleep 0.2
    done
    sql -e 'DROP DATABASE IF EXISTS shop; RESET MASTER; CREATE DATABASE shop'
    grep -E '(TABLE|INTO) (orders|pairs) ' "$fixtures/setup.sql" | sql shop
    cat >"$work/$name.properties" <<P
name=events
connector.class=io.debezium.connector.mysql.MySqlConnector
offset.storage=org.apache.kafka.connect.storage.MemoryOffsetBackingStore
offset.flush.interval.ms=1000
database.hostname=127.0.0.1
database.port=$port
database.user=headwater
database.password=none
database.server.id=77
database.include.list=shop
topic.prefix=shop
include.schema.changes=false
provide.transaction.metadata=true
schema.history.internal=io.debezium.relational.history.MemorySchemaHistory
key.converter.schemas.enable=$schemas
value.converter.schemas.enable=$schemas
P
    java -cp "$here/target/classes:$here/target/lib/*" Events "$work/$name.properties" 8 >"$work/$name" 2>"$work/$name.log" &
    engine=$!
    # The stream begins when the server has a replica.
    for _ in $(seq 300); do
        [ "$(replicas)" = 1 ] && break
        kill -0 "$engine" 2>/dev/null || { cat "$work/$name.log" >&2; exit 1; }
        sleep 0.2
    done
    sleep 1
    sql shop <"$fixtures/transactions.sql"
    wait "$engine"
    cp "$work/$name" "$fixtures/$name"
    wc -l "$fixtures/$name"
done
