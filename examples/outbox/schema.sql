CREATE TABLE orders (id int PRIMARY KEY, customer text NOT NULL, amount numeric(10, 2) NOT NULL);

-- Events are written here, in the transactions that change the orders.
CREATE TABLE outbox (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    aggregatetype text NOT NULL,
    aggregateid text NOT NULL,
    type text NOT NULL,
    payload jsonb
);
