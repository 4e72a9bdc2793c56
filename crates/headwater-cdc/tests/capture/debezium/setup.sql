CREATE TYPE mood AS ENUM ('sad', 'so so');

CREATE DOMAIN price AS numeric(8,3) CHECK (value > 0);

CREATE TABLE orders (id bigint PRIMARY KEY, customer varchar(20) NOT NULL, amount numeric(10,2), paid boolean NOT NULL DEFAULT false, at timestamptz);

INSERT INTO orders VALUES (1, 'Ann', 12.50, true, '2026-11-26 01:02:03.5+01'), (2, 'Bob "B" Ü', NULL, false, NULL);

CREATE TABLE pairs (a text, b int, n int, PRIMARY KEY (b, a));

ALTER TABLE pairs REPLICA IDENTITY FULL;

INSERT INTO pairs VALUES ('x', 1, 10), ('y', 2, 20);

CREATE TABLE numbers (id int PRIMARY KEY, i2 smallint, i4 int, i8 bigint, o oid, f4 real, f8 double precision, n numeric(20,4), nz numeric(5), nv numeric, m money, b boolean, p price);

INSERT INTO numbers VALUES (1, -32768, 2147483647, -9223372036854775808, 4294967295, 1.5, 1e300, 1234567890123456.7891, 12345, 12345678901234567890.12345678900, 1234.5, true, 1.5);

INSERT INTO numbers VALUES (2, 0, -1, 1, 0, -0.1, 0.1, -0.0001, -128, 1e10, -0.01, false, 255.255);

INSERT INTO numbers VALUES (3);

CREATE TABLE times (id int PRIMARY KEY, d date, t time, t3 time(3), tz timetz, ts timestamp, ts3 timestamp(3), ts0 timestamp(0), tstz timestamptz, iv interval);

INSERT INTO times VALUES (1, '2026-11-26', '23:59:59.999999', '01:02:03.004', '01:02:03.5+05:30', '2026-11-26 01:02:03.000004', '2026-11-26 01:02:03.004', '2026-11-26 01:02:03', '2026-11-26 01:02:03.120456+01', '1 year -2 days 03:04:05.6');

INSERT INTO times VALUES (2, '1969-12-31', '00:00:00', '00:00:00', '00:00:00+00', '1969-12-31 23:59:59.999999', '1969-12-31 23:59:59.999', '1900-01-01', '1960-01-01 00:00:00+00', '-1 month');

INSERT INTO times VALUES (3, '9999-12-31', '12:00', '12:00', '23:00-08', '9999-12-31 00:00:00', '9999-12-31', '9999-12-31', '9999-12-31 00:00:00+00', '10 days');

CREATE TABLE texts (id int PRIMARY KEY, t text, c char(4), v varchar(3), x xml, j json, jb jsonb, u uuid, by bytea, e mood, ip inet, net cidr, mac macaddr, r int4range, nr numrange, tr tstzrange, b1 bit(1), b10 bit(10), bv bit varying(12), pt point, ia int[], ta text[], ea mood[]);

INSERT INTO texts VALUES (1, E'a"\\\nü\u0001/', 'ab', 'abc', '<a>1</a>', '{"b": 1,  "a": null}', '{"b": 1, "a": [1.50]}', '00112233-4455-6677-8899-aabbccddeeff', '\x00ff10', 'so so', '10.0.0.1/8', '10.0.0.0/8', '08:00:2b:01:02:03', '[1,5)', '[1.5,2)', '[2026-01-01 00:00:00+00,)', B'1', B'1000000001', B'101', '(1,2.5)', '{1,NULL,3}', ARRAY['a,b', '"', NULL, ''], '{sad}');

INSERT INTO texts VALUES (2);

CREATE TABLE docs (id int PRIMARY KEY, n int, body text, items text[], doc jsonb);

ALTER TABLE docs ALTER body SET STORAGE EXTERNAL;

INSERT INTO docs VALUES (1, 0, repeat('x', 3000), NULL, NULL);

CREATE TABLE odd (id int PRIMARY KEY, by bytea NOT NULL DEFAULT '\x01', n numeric(6,2) NOT NULL DEFAULT -1.5, name text NOT NULL DEFAULT 'it''s', i int NOT NULL DEFAULT 7, ts timestamp NOT NULL DEFAULT now(), b bit(10), f real, d double precision, t time, da date[], na numeric(5,1)[], tsa timestamptz[], ba boolean[], fa double precision[], lsn pg_lsn, tv tsvector, bx box, ci int[][]);

INSERT INTO odd VALUES (1, '\x', 0, '', 0, '2000-01-01', B'0000000001', 'NaN', 'Infinity', '24:00', '{2026-11-26,NULL}', '{1.5,-12}', '{2026-11-26 01:02:03+00}', '{t,f}', '{1.5,NaN}', '16/B374D848', 'a:1 b', '(2,2),(1,1)', '{{1,2},{3,4}}');

INSERT INTO odd (id, b) VALUES (2, B'0000000000');
