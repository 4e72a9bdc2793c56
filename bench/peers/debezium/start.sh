# Sourced by the scripts beside it: what they all begin with. Builds the program that prints events, and has functions that start a
# server of one's own, which is gone when the script ends.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
tests=$(cd "$here/../../../crates/headwater-cdc/tests" && pwd)
mvn -q -B -f "$here/pom.xml" dependency:copy-dependencies -DoutputDirectory=target/lib
javac -d "$here/target/classes" -cp "$here/target/lib/*" "$here/src/main/java/Events.java"
work=$(mktemp -d /tmp/headwater-debezium-XXXXXX)
cd "$work"
port=$((20000 + RANDOM % 10000))
is_root() { [ "$(id -u)" = 0 ]; }

# What all connectors are told of the server; the rest comes after it.
common_properties() {
    cat <<P
offset.storage=org.apache.kafka.connect.storage.MemoryOffsetBackingStore
offset.flush.interval.ms=1000
database.hostname=127.0.0.1
database.port=$port
database.user=headwater
database.password=none
topic.prefix=shop
P
}

# Prints the events of a connector with the properties of this file until nothing has come for so many seconds.
engine() { java -cp "$here/target/classes:$here/target/lib/*" Events "$1" "$2"; }

# start_postgres -c setting=value …
start_postgres() {
    local programs
    programs=$(ls -d /usr/lib/postgresql/*/bin | sort -V | tail -1)
    as() { if is_root; then runuser -u postgres -- "$@"; else "$@"; fi; }
    if is_root; then chown postgres "$work"; fi
    trap "as '$programs/pg_ctl' -s -D '$work/data' -m immediate stop; rm -rf '$work'" EXIT
    as "$programs/initdb" --auth trust --username headwater --encoding UTF8 --locale C --no-sync --pgdata "$work/data" >/dev/null
    as "$programs/pg_ctl" -s -w -D "$work/data" -l "$work/log" \
        -o "-p $port -c wal_level=logical -c listen_addresses=127.0.0.1 -c unix_socket_directories=$work -c timezone=UTC $*" start
}
psql_() { psql -q -At -h 127.0.0.1 -p "$port" -U headwater -d postgres -v ON_ERROR_STOP=1 "$@"; }

# start_mysql mariadb|mysql
start_mysql() {
    local user=() common
    if is_root; then chown mysql "$work"; user=(--user=mysql); fi
    common=(--datadir="$work/data" --tmpdir="$work" --socket="$work/s" --pid-file="$work/pid" --port="$port" --bind-address=127.0.0.1
        --server-id=1 --log-bin=binlog --binlog-format=ROW --binlog-row-image=FULL --binlog-row-metadata=FULL
        --character-set-server=utf8mb4 --skip-name-resolve --default-time-zone=+00:00 "${user[@]}")
    if [ "$1" = mysql ]; then
        local base mysqld
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
    trap 'kill -9 "$server"; wait "$server" 2>/dev/null || true; rm -rf "$work"' EXIT
    for _ in $(seq 300); do mysql_ -e 'SELECT 1' >/dev/null 2>&1 && break; sleep 0.2; done
    mysql_ -e "CREATE USER headwater@'%' IDENTIFIED BY 'none'; GRANT ALL ON *.* TO headwater@'%'"
}
mysql_() { mariadb --no-defaults --default-character-set=utf8mb4 -S "$work/s" -u root "$@"; }
