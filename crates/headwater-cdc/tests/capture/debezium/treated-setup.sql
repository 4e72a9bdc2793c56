CREATE TABLE users (id int PRIMARY KEY, mail varchar(99), phone text, short varchar(10), padded char(12), card text, note text, code varchar(20), n int);

INSERT INTO users VALUES (1, 'me@example.org', '0123 456', 'abc', 'ab', '4111-Ü', 'ünlängst 😀', 'A😀BCDE', 1), (2, '', '', '', '', '', '', '', 2), (3, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL);

CREATE TABLE keyed (a int PRIMARY KEY, b text, n int);

ALTER TABLE keyed REPLICA IDENTITY FULL;

INSERT INTO keyed VALUES (1, 'x', 1), (2, NULL, 2);

CREATE TABLE times (id int PRIMARY KEY, d date, t time, t3 time(3), tz timetz, ts timestamp, ts3 timestamp(3), ts0 timestamp(0), tstz timestamptz, iv interval, da date[], tsa timestamp[], ta time[], iva interval[]);

INSERT INTO times VALUES (1, '2026-11-26', '23:59:59.999999', '01:02:03.004', '01:02:03.5+05:30', '2026-11-26 01:02:03.000004', '2026-11-26 01:02:03.004', '2026-11-26 01:02:03', '2026-11-26 01:02:03.120456+01', '1 year -2 days 03:04:05.6', '{2026-11-26,NULL}', '{2026-11-26 01:02:03.5}', '{01:02:03.5}', '{1 day}');

INSERT INTO times VALUES (2, '1969-12-31', '00:00:00', '00:00:00', '00:00:00+00', '1969-12-31 23:59:59.999999', '1969-12-31 23:59:59.999', '1900-01-01', '1960-01-01 00:00:00+00', '-1 month');

INSERT INTO times VALUES (3, '9999-12-31', '12:00', '12:00:00.1', '23:00-08', '9999-12-31 00:00:00', '9999-12-31', '9999-12-31', '9999-12-31 00:00:00+00', '10 days');

INSERT INTO times (id, iv) VALUES (4, '00:00:00'), (5, '-00:00:00.5'), (6, '1 mon -1 day'), (7, '-1 year -2 mons +3 days -04:05:06.000007'), (8, '100:00:01');

CREATE TABLE bounds (id int PRIMARY KEY, d date NOT NULL, t time NOT NULL, ts timestamp NOT NULL, tstz timestamptz NOT NULL, tz timetz NOT NULL, iv interval NOT NULL, dd date NOT NULL DEFAULT '2000-01-02', dt time(3) NOT NULL DEFAULT '01:02:03', dts timestamp NOT NULL DEFAULT '2000-01-02 03:04:05.5', div interval NOT NULL DEFAULT '1 day');

INSERT INTO bounds VALUES (1, '2026-01-01', '00:00', '2026-01-01', '2026-01-01 00:00+00', '00:00+00', '0');
