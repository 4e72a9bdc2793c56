CREATE TABLE customers (id int PRIMARY KEY, name text NOT NULL, city text);
CREATE TABLE orders (
    id bigint PRIMARY KEY,
    customer_id int NOT NULL REFERENCES customers,
    amount numeric(10, 2) NOT NULL,
    status text NOT NULL
);
INSERT INTO customers VALUES (1, 'Ann', 'Rome'), (2, 'Bob', 'Oslo');
INSERT INTO orders VALUES (1, 1, 12.50, 'new'), (2, 1, 20.00, 'paid'), (3, 2, 7.25, 'new');
