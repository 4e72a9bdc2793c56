INSERT INTO orders VALUES (3, 'Eve', -0.01, true, NULL);

BEGIN;
INSERT INTO pairs VALUES ('z', 3, NULL);
UPDATE orders SET paid = false WHERE id = 1;
SELECT pg_logical_emit_message(true, 'audit', 'within');
UPDATE pairs SET a = 'yy' WHERE b = 2;
DELETE FROM pairs WHERE b = 1;
COMMIT;

BEGIN;
SAVEPOINT one;
INSERT INTO orders VALUES (4, 'gone', 1, true, NULL);
ROLLBACK TO one;
INSERT INTO orders VALUES (5, 'stays', 1, true, NULL);
COMMIT;

BEGIN;
INSERT INTO orders VALUES (6, 'gone', 1, true, NULL);
ROLLBACK;

CREATE TABLE apart (id int PRIMARY KEY);

INSERT INTO apart VALUES (1);

SELECT pg_logical_emit_message(false, 'audit', E'\\xff00'::bytea);

SELECT pg_logical_emit_message(true, 'alone', '');

TRUNCATE pairs;

DELETE FROM orders WHERE id = 3;
