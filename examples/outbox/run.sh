#!/bin/sh
# The outbox from end to end, with a PostgreSQL of its own: sh examples/outbox/run.sh
here=$(dirname "$0")
. "$here/../postgres.sh"

sql -f "$here/schema.sql"
# The first run makes the slot; from then on every event is read from the server's log.
sed "s|ADDRESS|$address|" "$here/outbox.toml" >"$place/outbox.toml"
headwater cdc run --once -c "$place/outbox.toml" 2>/dev/null
sql -f "$here/place.sql"
headwater cdc run --once -c "$place/outbox.toml" 2>/dev/null

headwater topic consume outbox.event.order -o :end -f '%k %h{%k=%v } %v\n' | sed 's/id=[-0-9a-f]* //'
echo "orders: $(sql -c 'SELECT id, amount FROM orders')"

# The events are a table like any other.
headwater sql -o csv -c "
CREATE TABLE order_events (customer STRING, amount DECIMAL(10, 2), who BYTES METADATA FROM 'key' VIRTUAL, seen BIGINT METADATA FROM 'offset' VIRTUAL)
WITH ('topic' = 'outbox.event.order');
SELECT CAST(who AS STRING) AS order_id, customer, amount FROM order_events ORDER BY seen" 2>/dev/null
