INSERT INTO orders VALUES (3, 'Eve', -0.01, true, '1999-12-31 23:59:59+00');

UPDATE orders SET amount = 13, paid = false WHERE id = 1;

UPDATE orders SET id = 20 WHERE id = 2;

DELETE FROM orders WHERE id = 3;

BEGIN;
INSERT INTO pairs VALUES ('z', 3, NULL);
UPDATE pairs SET n = 11 WHERE b = 1;
UPDATE pairs SET a = 'yy' WHERE b = 2;
DELETE FROM pairs WHERE b = 1;
COMMIT;

INSERT INTO numbers SELECT id + 10, i2, i4, i8, o, f4, f8, n, nz, nv, m, b, p FROM numbers ORDER BY id;

INSERT INTO times SELECT id + 10, d, t, t3, tz, ts, ts3, ts0, tstz, iv FROM times ORDER BY id;

INSERT INTO texts SELECT id + 10, t, c, v, x, j, jb, u, by, e, ip, net, mac, r, nr, tr, b1, b10, bv, pt, ia, ta, ea FROM texts ORDER BY id;

INSERT INTO times (id, ts, tstz, d) VALUES (20, 'infinity', 'infinity', '0044-03-15 BC'), (21, '-infinity', '-infinity', '10000-01-01');

DELETE FROM texts WHERE id = 2;

UPDATE docs SET n = 1 WHERE id = 1;

DELETE FROM docs WHERE id = 1;

INSERT INTO odd (id) SELECT id + 10 FROM odd ORDER BY id;

DELETE FROM odd WHERE id = 2;

INSERT INTO times (id, d) VALUES (22, 'infinity'), (23, '0001-01-01'), (24, '1500-02-28');

INSERT INTO times (id, ts) VALUES (25, '1500-02-28 12:00'), (26, '0044-03-15 12:00:00.5 BC');

INSERT INTO times (id, tstz) VALUES (27, '1500-02-28 12:00+00'), (28, '0044-03-15 12:00:00.5+00 BC'), (29, '12345-01-01 00:00+00');
