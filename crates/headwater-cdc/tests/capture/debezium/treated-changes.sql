INSERT INTO users SELECT id + 10, mail, phone, short, padded, card, note, code, n FROM users ORDER BY id;

UPDATE users SET n = 7 WHERE id = 1;

UPDATE keyed SET n = 2 WHERE a = 1;

UPDATE keyed SET b = 'y' WHERE a = 1;

UPDATE keyed SET b = 'z' WHERE a = 2;

DELETE FROM keyed WHERE a = 2;

INSERT INTO times SELECT id + 10, d, t, t3, tz, ts, ts3, ts0, tstz, iv, da, tsa, ta, iva FROM times ORDER BY id;

INSERT INTO times (id, ts, tstz, d) VALUES (20, 'infinity', 'infinity', '0044-03-15 BC');

INSERT INTO times (id, ts, tstz, d) VALUES (21, '-infinity', '-infinity', '10000-01-01');

INSERT INTO times (id, d) VALUES (22, 'infinity'), (23, '0001-01-01'), (24, '1500-02-28');

INSERT INTO times (id, ts) VALUES (25, '1500-02-28 12:00'), (26, '0044-03-15 12:00:00.5 BC'), (27, '12345-01-01 00:00');

INSERT INTO times (id, t) VALUES (28, '24:00');

DELETE FROM bounds WHERE id = 1;
