BEGIN;
INSERT INTO orders VALUES (1, 'Ann', 12.50);
INSERT INTO outbox (aggregatetype, aggregateid, type, payload) VALUES ('order', 1, 'OrderPlaced', '{"customer": "Ann", "amount": 12.50}');
COMMIT;

-- What is rolled back was never said.
BEGIN;
INSERT INTO orders VALUES (2, 'Bob', 99.00);
INSERT INTO outbox (aggregatetype, aggregateid, type, payload) VALUES ('order', 2, 'OrderPlaced', '{"customer": "Bob", "amount": 99.00}');
ROLLBACK;

BEGIN;
UPDATE orders SET amount = 10.00 WHERE id = 1;
INSERT INTO outbox (aggregatetype, aggregateid, type, payload) VALUES ('order', 1, 'OrderChanged', '{"customer": "Ann", "amount": 10.00}');
COMMIT;
