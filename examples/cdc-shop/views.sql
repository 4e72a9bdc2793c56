CREATE TABLE orders (id BIGINT, customer_id INT, amount DECIMAL(10, 2), status STRING, PRIMARY KEY (id) NOT ENFORCED)
WITH ('topic' = 'shop.public.orders');
CREATE TABLE customers (id INT, name STRING, city STRING, PRIMARY KEY (id) NOT ENFORCED)
WITH ('topic' = 'shop.public.customers');
CREATE MATERIALIZED VIEW revenue AS SELECT status, COUNT(*) AS orders, SUM(amount) AS amount FROM orders GROUP BY status;
