INSERT INTO orders VALUES (3, 'Eve', -0.01, true, '1999-12-31 23:59:59');

UPDATE orders SET amount = 13, paid = false WHERE id = 1;

UPDATE orders SET id = 20 WHERE id = 2;

DELETE FROM orders WHERE id = 3;

BEGIN;

INSERT INTO pairs VALUES ('z', 3, NULL), ('zz', 4, 1);

UPDATE pairs SET n = 11 WHERE b IN (1, 4);

UPDATE pairs SET a = 'yy' WHERE b = 2;

DELETE FROM pairs WHERE b = 1;

COMMIT;

INSERT INTO numbers SELECT id + 10, i1, u1, i2, u2, i3, u3, i4, u4, i8, u8, z4, f4, f8, fu, d, d0, dd, du, b, b1, b10, b64, y FROM numbers ORDER BY id;

INSERT INTO times SELECT id + 10, d, t, t3, t6, dt, dt3, dt6, ts, ts3, ts6, dt1, dt4, t1 FROM times ORDER BY id;

INSERT INTO texts SELECT id + 10, c, v, tt, t, lt, l1, bi, vb, bl, e, s, j FROM texts ORDER BY id;

INSERT INTO shapes SELECT id + 10, p, g, l FROM shapes ORDER BY id;

INSERT INTO odd (id, now) SELECT id + 10, '2000-01-01' FROM odd ORDER BY id;

DELETE FROM odd WHERE id = 2;

INSERT INTO zeroes SELECT id + 10, d, dt, ts, dn, dtn, tsn, y, dd, od, ts6, m FROM zeroes;

UPDATE uniques SET a = 2;

UPDATE uniques SET c = 3;

DELETE FROM texts WHERE id = 2;
