#!/bin/sh
# Tables of a PostgreSQL of its own as topics and views that follow them: sh examples/cdc-shop/run.sh
here=$(dirname "$0")
. "$here/../postgres.sh"

sql -f "$here/schema.sql"
headwater cdc check "$address" orders customers 2>&1 | sed "s|$address|the server|"
sed "s|ADDRESS|$address|" "$here/shop.toml" >"$place/shop.toml"
capture() {
    headwater cdc run --once -c "$place/shop.toml" 2>/dev/null
}
ask() {
    headwater sql -o csv -c "$1" 2>/dev/null
}

echo '-- what is in the tables'
capture
headwater sql -f "$here/views.sql" >/dev/null 2>&1
ask 'SELECT * FROM revenue ORDER BY status'

echo '-- after some transactions'
sql -f "$here/changes.sql"
capture
ask 'SELECT * FROM revenue ORDER BY status'
ask 'SELECT c.name, c.city, SUM(o.amount) AS spent FROM orders AS o JOIN customers AS c ON o.customer_id = c.id GROUP BY c.name, c.city ORDER BY c.name'
headwater topic consume shop.public.orders -o :end -f '%k %v\n'

echo '-- how far it is'
headwater cdc status -o csv 2>/dev/null | cut -d, -f1-4

echo '-- the same table straight from SQL, with its changes'
ask "
CREATE TABLE live WITH ('connector' = 'postgres-cdc', 'hostname' = '127.0.0.1', 'port' = '$port', 'username' = 'shop', 'password' = '',
  'database-name' = 'shop', 'table-name' = 'orders');
SELECT status, COUNT(*) AS orders FROM live GROUP BY status ORDER BY status"
