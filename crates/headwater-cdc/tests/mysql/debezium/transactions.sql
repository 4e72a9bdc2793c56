INSERT INTO orders (id, customer) VALUES (3, 'Eve');

BEGIN;

INSERT INTO pairs (a, b) VALUES ('z', 3), ('u', 4);

UPDATE orders SET customer = 'Ida' WHERE id = 1;

UPDATE pairs SET a = 'yy' WHERE b = 2;

DELETE FROM pairs WHERE b = 1;

COMMIT;

BEGIN;

SAVEPOINT one;

INSERT INTO orders (id, customer) VALUES (4, 'gone');

ROLLBACK TO one;

INSERT INTO orders (id, customer) VALUES (5, 'stays');

COMMIT;

BEGIN;

INSERT INTO orders (id, customer) VALUES (6, 'gone');

ROLLBACK;

DELETE FROM orders WHERE id = 3;
