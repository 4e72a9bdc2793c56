#!/usr/bin/env bash
# The same as run.sh of a MariaDB or a MySQL: what Debezium makes of the changes of its tables.
#   bench/peers/debezium/mariadb.sh          writes events.txt and events-schemas.txt beside setup.sql and changes.sql
#   bench/peers/debezium/mariadb.sh mysql    the same of MySQL, which `cargo xtask test` has fetched: mysql-events….txt
# Debezium's connector for MySQL reads both; that for MariaDB has the same values and differs by the name in `source`.
# Needs Java 17, Maven and MariaDB's server and client programs.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
fixtures=$(cd "$here/../../../crates/headwater-cdc/tests/mysql/debezium" && pwd)
mvn -q -B -f "$here/pom.xml" dependency:copy-dependencies -DoutputDirectory=target/lib
javac -d "$here/target/classes" -cp "$here/target/lib/*" "$here/src/main/java/Events.java"

work=$(mktemp -d /tmp/headwater-debezium-XXXXXX)
user=()
[ "$(id -u)" = 0 ] && { chown mysql "$work"; user=(--user=mysql); }
port=$((20000 + RANDOM % 10000))
common=(--datadir="$work/data" --tmpdir="$work" --socket="$work/s" --pid-file="$work/pid" --port="$port" --bind-address=127.0.0.1
    --server-id=1 --log-bin=binlog --binlog-format=ROW --binlog-row-image=FULL --binlog-row-metadata=FULL
    --character-set-server=utf8mb4 --skip-name-resolve --default-time-zone=+00:00 "${user[@]}")
prefix=
if [ "${1:-}" = mysql ]; then
    prefix=mysql-
    for base in "$here/../../../target/servers/mysql-8.0.33" /var/cache/headwater/servers/mysql-8.0.33; do [ -d "$base" ] && break; done
    echo "ALTER USER root@localhost IDENTIFIED WITH mysql_native_password BY ''" >"$work/init.sql"
    mysqld=("$base/bin/mysqld" --no-defaults --basedir="$base" --sql-mode= --default-authentication-plugin=mysql_native_password)
    "${mysqld[@]}" --initialize-insecure --init-file="$work/init.sql" --datadir="$work/data" "${user[@]}" 2>"$work/log"
    "${mysqld[@]}" "${common[@]}" --gtid-mode=ON --enforce-gtid-consistency=ON --mysqlx=OFF 2>"$work/log" &
else
    mariadb-install-db --no-defaults --skip-test-db --auth-root-authentication-method=normal --datadir="$work/data" "${user[@]}" >/dev/null
    # A number by which Debezium asks as it would ask an old MySQL, in words that MariaDB knows.
    mariadbd --no-defaults "${common[@]}" --gtid-strict-mode=ON --version=5.7.19-MariaDB 2>"$work/log" &
fi
server=$!
trap 'kill -9 "$server"; wait "$server" 2>/dev/null; rm -rf "$work"' EXIT
sql() { mariadb --no-defaults --default-character-set=utf8mb4 -S "$work/s" -u root "$@"; }
for _ in $(seq 300); do sql -e 'SELECT 1' >/dev/null 2>&1 && break; sleep 0.2; done
sql -e "CREATE USER headwater@'%' IDENTIFIED BY 'none'; GRANT ALL ON *.* TO headwater@'%'"

replicas() { sql -N -e 'SELECT count(*) FROM information_schema.processlist WHERE command LIKE "Binlog Dump%"'; }

for schemas in false true; do
    name=${prefix}events.txt
    [ "$schemas" = true ] && name=${prefix}events-schemas.txt
    # The connection of the last round is heard of no more when the server has noticed that.
    while [ "$(replicas)" != 0 ]; do
        sql -N -e 'SELECT CONCAT("KILL ", id) FROM information_schema.processlist WHERE command LIKE "Binlog Dump%"' | sql
        sleep 0.2
    done
    sql -e 'DROP DATABASE IF EXISTS shop; RESET MASTER; CREATE DATABASE shop'
    sql shop <"$fixtures/setup.sql"
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
    sql shop <"$fixtures/changes.sql"
    wait "$engine"
    cp "$work/$name" "$fixtures/$name"
    wc -l "$fixtures/$name"
done
