INSERT INTO users SELECT id + 10, mail, phone, short, padded, card, note, code, n FROM users ORDER BY id;

UPDATE users SET n = 7 WHERE id = 1;

UPDATE keyed SET n = 2 WHERE a = 1;

UPDATE keyed SET b = 'y' WHERE a = 1;

UPDATE keyed SET b = 'z' WHERE a = 2;

DELETE FROM keyed WHERE a = 2;

INSERT INTO times SELECT id + 10, d, t, t3, t6, dt, dt3, dt6, ts, ts3, ts6, dt1, dt4, t1, y FROM times ORDER BY id;

INSERT INTO bounds SELECT id + 10, d, t, dt, ts, dd, dti, ddt, dts, od FROM bounds ORDER BY id;

INSERT INTO times (id, t) VALUES (20, '-00:00:01'), (21, '838:59:59');
