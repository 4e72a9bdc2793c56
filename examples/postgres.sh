# Starts a PostgreSQL of its own in a folder that goes away with the script that reads this; `sql` speaks with its database
# `shop`, $address is what Headwater is told.

set -eu

programs=$(ls -d /usr/lib/postgresql/*/bin 2>/dev/null | sort -V | tail -n 1)
[ -n "$programs" ] || programs=$(dirname "$(command -v pg_ctl)")
place=$(mktemp -d)
# PostgreSQL refuses to run as root.
as=
if [ "$(id -u)" = 0 ]; then
    chown postgres "$place"
    as='runuser -u postgres --'
fi

leave() {
    (cd / && $as "$programs/pg_ctl" -D "$place/server" -m immediate stop >/dev/null 2>&1) || true
    rm -rf "$place"
}
trap leave EXIT
trap 'exit 130' INT TERM

(cd / && $as "$programs/initdb" -D "$place/server" -U shop --auth trust --encoding UTF8 --locale C >/dev/null)
for _ in 1 2 3 4 5; do
    port=$(($(od -An -N2 -tu2 /dev/urandom) % 40000 + 20000))
    options="-p $port -c wal_level=logical -c listen_addresses=127.0.0.1 -c unix_socket_directories=$place"
    if (cd / && $as "$programs/pg_ctl" -D "$place/server" -l "$place/log" -o "$options" -w start >/dev/null 2>&1); then
        break
    fi
done

sql() {
    "$programs/psql" -h 127.0.0.1 -p "$port" -U shop -d shop -qAtX -v ON_ERROR_STOP=1 "$@"
}
"$programs/createdb" -h 127.0.0.1 -p "$port" -U shop shop
address=postgres://shop@127.0.0.1:$port/shop
export HEADWATER_DATA="$place/headwater"
