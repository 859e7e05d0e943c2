-- Values that break things, of every type: nulls, empty strings, extremes, NaN, infinities, unicode, negative zero,
-- leap days, BC, switches of time zones, padding. Loaded into the source, synced, compared.
CREATE SCHEMA nasty;
SET search_path = nasty;
SET TimeZone = 'UTC';
SET DateStyle = 'ISO, MDY';

CREATE TYPE mood AS ENUM ('so so', 'ok', 'Ünhappy', 'sad');
CREATE TYPE pair AS (x integer, label text);
CREATE DOMAIN positive AS integer CHECK (VALUE > 0);

CREATE TABLE numbers (
    id integer PRIMARY KEY,
    i2 smallint,
    i4 integer,
    i8 bigint,
    f4 real,
    f8 double precision,
    n0 numeric(38,0),
    n2 numeric(10,2),
    n10 numeric(38,10),
    n numeric,
    b boolean,
    o oid
);
COMMENT ON TABLE numbers IS 'Numbers: "nasty" ones, O''Reilly''s ☃';
COMMENT ON COLUMN numbers.n2 IS 'Money';
INSERT INTO numbers VALUES
    (1, 0, 0, 0, 0, 0, 0, 0, 0, 0, true, 0),
    (2, 1, 1, 1, 1, 1, 1, 1, 1, 1, false, 1),
    (3, -1, -1, -1, -1, -1, -1, -1, -1, -1, true, 4294967295),
    (4, 32767, 2147483647, 9223372036854775807, 3.4028235e38, 1.7976931348623157e308, 99999999999999999999999999999999999999, 99999999.99, 9999999999999999999999999999.9999999999, 12345678901234567890.123456789, false, 2147483648),
    (5, -32768, -2147483648, -9223372036854775808, -3.4028235e38, -1.7976931348623157e308, -99999999999999999999999999999999999999, -99999999.99, -9999999999999999999999999999.9999999999, -12345678901234567890.123456789, NULL, 16384),
    (6, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL),
    (7, 7, 7, 7, 'NaN', 'NaN', 7, 7.07, 7.0000000007, 7.70, true, 7),
    (8, 8, 8, 8, 'Infinity', 'Infinity', 8, 8.5, 8.5, 8.500, false, 8),
    (9, -9, -9, -9, '-Infinity', '-Infinity', -9, -9.5, -9.5, -9.5000, true, 9),
    (10, 10, 10, 10, '-0', '-0', 10, 0.005, 0.0000000001, 0.000001, false, 10),
    (11, 11, 11, 11, 1e-45, 5e-324, 11, 0.01, -0.0000000001, 1e-9, true, 11),
    (12, 100, 100000, 10000000000, 0.1, 0.1, 100, 0.10, 0.1, 0.1, false, 12),
    (13, 25, 25, 25, 2.5, 2.5, 25, 2.50, 2.5, 2.5, true, 13),
    (14, -25, -25, -25, -2.5, -2.5, -25, -2.50, -2.5, -2.5, false, 14),
    (15, 3, 3, 3, 0.5, 0.5, 3, 0.50, 0.5, 0.5, true, 15),
    (16, 3, 3, 3, 1.5, 1.5, 3, 1.50, 1.5, 1.5, true, 16),
    (17, 17, 16777217, 9007199254740993, 16777216, 9007199254740992, 17, 123.45, 123.4567890123, 123.4567890123, NULL, 17),
    (18, 18, 1234567, 1234567890123, 1e15, 1e15, 18, 1234.56, 1234.56, 1234.560, true, 18),
    (19, 19, -1234567, -1234567890123, 1e-5, 1e-5, 19, -1234.56, -1234.56, -1234.5600, false, 19),
    (20, 2, 2, 2, 1e16, 123456789012345.6, 2, 2.00, 2.0, 2.000, true, 20);

CREATE TABLE texts (
    id integer PRIMARY KEY,
    t text,
    v varchar(30),
    c char(10),
    c1 char(1),
    q "char",
    nm name
);
INSERT INTO texts VALUES
    (1, '', '', '', '', 'a', ''),
    (2, NULL, NULL, NULL, NULL, NULL, NULL),
    (3, 'hello', 'hello', 'hello', 'h', 'h', 'hello'),
    (4, 'Hello World', 'Hello World', 'Hello Worl', 'H', 'H', 'Hello World'),
    (5, '  padded  ', '  padded  ', '  pad  ', ' ', ' ', '  padded'),
    (6, 'Zoë ☃ 𝄞 ß İ', 'Zoë ☃ 𝄞 ß', 'Zoë ☃ 𝄞 ß', 'ß', 'z', 'Größe'),
    (7, E'tab\there\nline\r\n', E'tab\there', E'a\tb', E'\t', NULL, 'tab'),
    (8, E'back\\slash', E'back\\slash', E'\\', E'\\', E'\\', 'back'),
    (9, 'quote''s "double"', 'quote''s "double"', '"''', '''', '"', 'q"q'),
    (10, '100%', '50%_off', '100%', '%', '%', 'pct'),
    (11, 'a_b', 'a_b', 'a_b', '_', '_', 'a_b'),
    (12, 'NULL', 'null', 'NULL', 'N', 'N', 'NULL'),
    (13, E'\\N', E'\\.', E'\\N', 'x', 'x', 'n'),
    (14, 'a,b;c|d', 'a,b;c', 'a,b', ',', ',', 'comma'),
    (15, 'foo123bar456', '123', '123', '1', '1', 'foo123'),
    (16, 'ABC', 'abc', 'Abc', 'A', 'A', 'ABC'),
    (17, 'abc', 'ABC', 'abc', 'a', 'a', 'abc'),
    (18, 'äöü ÄÖÜ éèê', 'äöü', 'äöü', 'ä', 'u', 'äöü'),
    (19, '2024-02-29', '42', '42', '4', '4', 'date'),
    (20, 'the quick brown fox', 'quick', 'quick', 'q', 'q', 'fox'),
    (21, 'e' || chr(769) || ' combining', chr(233), chr(233), chr(233), 'e', 'comb'),
    (22, '{"a": 1}', '[1, 2]', '{}', '{', '{', 'json');

CREATE TABLE times (
    id integer PRIMARY KEY,
    d date,
    ts timestamp,
    tz timestamptz,
    t time,
    ts0 timestamp(0),
    tz3 timestamptz(3)
);
INSERT INTO times VALUES
    (1, '2000-01-01', '2000-01-01 00:00:00', '2000-01-01 00:00:00+00', '00:00', '2000-01-01 00:00:00', '2000-01-01 00:00:00+00'),
    (2, NULL, NULL, NULL, NULL, NULL, NULL),
    (3, '2024-02-29', '2024-02-29 12:34:56.789', '2024-02-29 12:34:56.789+00', '12:34:56.789', '2024-02-29 12:34:57', '2024-02-29 12:34:56.789+00'),
    (4, '1999-12-31', '1999-12-31 23:59:59.999999', '1999-12-31 23:59:59.999999+00', '23:59:59.999999', '1999-12-31 23:59:59', '1999-12-31 23:59:59.999+00'),
    (5, 'infinity', 'infinity', 'infinity', '24:00:00', 'infinity', 'infinity'),
    (6, '-infinity', '-infinity', '-infinity', '00:00:00.000001', '-infinity', '-infinity'),
    (7, '0001-01-01', '0001-01-01 00:00:00', '0001-01-01 00:00:00+00', '01:02:03', '0001-01-01', '0001-01-01 00:00:00+00'),
    (8, '0044-03-15 BC', '0044-03-15 11:00:00 BC', '0044-03-15 11:00:00+00 BC', '11:00', '0044-03-15 11:00:00 BC', '0044-03-15 11:00:00+00 BC'),
    (9, '4713-01-01 BC', '4713-01-01 00:00:00 BC', '4713-01-01 00:00:00+00 BC', '04:05:06.7', '4713-01-01 BC', '4713-01-01 00:00:00+00 BC'),
    (10, '9999-12-31', '9999-12-31 23:59:59', '9999-12-31 23:59:59+00', '09:09:09', '9999-12-31 23:59:59', '9999-12-31 23:59:59+00'),
    (11, '5874897-12-31', '294246-12-31 23:59:59.999999', '294246-12-31 23:59:59.999999+00', '15:00', '294246-12-31 23:59:59', '294246-12-31 23:59:59+00'),
    (12, '2024-03-31', '2024-03-31 02:30:00', '2024-03-31 00:59:59.999999+00', '02:30', '2024-03-31 02:30:00', '2024-03-31 01:00:00+00'),
    (13, '2024-10-27', '2024-10-27 02:30:00', '2024-10-27 00:30:00+00', '02:30', '2024-10-27 02:30:00', '2024-10-27 01:30:00+00'),
    (14, '2024-03-10', '2024-03-10 02:30:00', '2024-03-10 07:00:00+00', '02:30', '2024-03-10 02:30:00', '2024-03-10 06:59:59.999+00'),
    (15, '1970-01-01', '1970-01-01 00:00:00.000001', '1970-01-01 00:00:00.000001+00', '00:00:01', '1970-01-01 00:00:00', '1970-01-01 00:00:00.001+00'),
    (16, '1900-03-01', '1900-03-01 12:00:00', '1900-03-01 12:00:00+00', '12:00', '1900-03-01 12:00:00', '1900-03-01 12:00:00+00'),
    (17, '2021-01-03', '2021-01-03 23:00:00', '2021-01-03 23:00:00+00', '23:00', '2021-01-03 23:00:00', '2021-01-03 23:00:00+00'),
    (18, '2020-12-31', '2020-12-31 18:15:30.25', '2020-12-31 18:15:30.25+00', '18:15:30.25', '2020-12-31 18:15:30', '2020-12-31 18:15:30.25+00'),
    (19, '2023-05-17', '2023-05-17 06:07:08.000009', '2023-05-17 06:07:08.000009+00', '06:07:08.000009', '2023-05-17 06:07:08', '2023-05-17 06:07:08+00'),
    (20, '1582-10-15', '1582-10-10 00:00:00', '1582-10-10 00:00:00+00', '20:20:20.20', '1582-10-10', '1582-10-10 00:00:00+00');

CREATE TABLE things (
    id integer PRIMARY KEY,
    u uuid,
    by bytea,
    j json,
    jb jsonb,
    m mood,
    p positive
);
INSERT INTO things VALUES
    (1, '00000000-0000-0000-0000-000000000000', '\x', '{}', '{}', 'ok', 1),
    (2, NULL, NULL, NULL, NULL, NULL, NULL),
    (3, 'ffffffff-ffff-ffff-ffff-ffffffffffff', '\x00', '[]', '[]', 'so so', 2147483647),
    (4, 'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11', '\xdeadbeef', 'null', 'null', 'Ünhappy', 4),
    (5, 'A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A12', '\x5c27220a', '"x"', '"x"', 'sad', 5),
    (6, '01234567-89ab-cdef-0123-456789abcdef', 'plain', '1.50', '1.50', 'ok', 6),
    (7, '01234567-89ab-cdef-0123-456789abcdef', 'back\\slash', '{ "a" :1,"a":2 }', '{ "a" :1,"a":2 }', 'ok', 7),
    (8, NULL, '\xff00ff', '{"a": 1, "b": [1, 2, {"c": null}]}', '{"a": 1, "b": [1, 2, {"c": null}]}', 'sad', 8),
    (9, NULL, 'Größe', '{"k\"ey": "v\nw", "ü": "☃"}', '{"k\"ey": "v\nw", "ü": "☃"}', NULL, 9),
    (10, NULL, '1', '[1, "two", 3.0, true, null]', '[1, "two", 3.0, true, null]', 'so so', 10),
    (11, NULL, '2', '{"a": {"b": {"c": [10, 20, 30]}}}', '{"a": {"b": {"c": [10, 20, 30]}}}', 'ok', 11),
    (12, NULL, '3', '{"n": 12345678901234567890.12, "e": 1e3, "neg": -0.0}', '{"n": 12345678901234567890.12, "e": 1e3, "neg": -0.0}', 'ok', 12),
    (13, NULL, '4', 'true', 'true', 'ok', 13),
    (14, NULL, '5', '{"a": "", "": "empty key", "t": "text", "n": null}', '{"a": "", "": "empty key", "t": "text", "n": null}', 'ok', 14),
    (15, NULL, '6', '[[1, 2], [3, 4]]', '[[1, 2], [3, 4]]', 'ok', 15);

CREATE TABLE arrays (
    id integer PRIMARY KEY,
    ints integer[],
    bigs bigint[],
    texts text[],
    nums numeric(10,2)[],
    floats double precision[],
    bools boolean[],
    dates date[],
    stamps timestamp[],
    zoned timestamptz[],
    uuids uuid[],
    blobs bytea[],
    chars char(3)[],
    moods mood[],
    docs jsonb[]
);
INSERT INTO arrays VALUES
    (1, '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}'),
    (2, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL),
    (3, '{1,2,3}', '{1,9223372036854775807}', '{a,b,c}', '{1.00,2.50}', '{1,2.5,NaN}', '{t,f}', '{2024-02-29,infinity}', '{"2024-02-29 12:00:00",-infinity}', '{"2024-02-29 12:00:00+00"}', '{a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11}', '{"\\x00","\\xdeadbeef"}', '{a,ab,abc}', '{ok,"so so"}', '{"{\"a\": 1}","[1, 2]"}'),
    (4, '{NULL}', '{NULL}', '{NULL}', '{NULL}', '{NULL}', '{NULL}', '{NULL}', '{NULL}', '{NULL}', '{NULL}', '{NULL}', '{NULL}', '{NULL}', '{NULL}'),
    (5, '{3,1,2,NULL,2}', '{-1,0,1}', '{"",NULL,"NULL","a,b","q\"q","b\\s"," pad "}', '{0.00,-1.50,NULL}', '{-0,Infinity,-Infinity,1e-5,1e15}', '{t,NULL,f}', '{0044-03-15 BC,NULL}', '{NULL,"0001-01-01 00:00:00 BC"}', '{NULL,infinity}', '{NULL,ffffffff-ffff-ffff-ffff-ffffffffffff}', '{NULL,"\\x"}', '{NULL,""}', '{NULL,"Ünhappy"}', '{NULL,"null","\"x\""}'),
    (6, '{2147483647,-2147483648}', '{-9223372036854775808}', '{"Zoë ☃","{brace}"}', '{99999999.99}', '{0.1}', '{f}', '{1999-12-31}', '{"1999-12-31 23:59:59.999999"}', '{"2024-10-27 00:30:00+00","2024-10-27 01:30:00+00"}', '{00000000-0000-0000-0000-000000000000}', '{"\\x5c27220a"}', '{"é"}', '{sad}', '{"1.50"}'),
    (7, '{1,2}', '{1,2}', '{a,b}', '{1.00,2.00}', '{1,2}', '{t,t}', '{2000-01-01,2000-01-02}', '{"2000-01-01 00:00:00"}', '{"2000-01-01 00:00:00+00"}', '{}', '{}', '{x}', '{ok,ok}', '{"{}"}'),
    (8, '{5}', '{5}', '{x}', '{5.00}', '{5}', '{t}', '{2024-01-01}', '{"2024-01-01 01:02:03"}', '{"2024-01-01 01:02:03+00"}', '{a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11,a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11}', '{"\\xff"}', '{abc}', '{ok}', '{"{\"a\": {\"b\": 2}}"}');

-- Types that DuckDB does not have: stored as Postgres' text, typed in the twin.
CREATE TABLE odd_types (
    id integer PRIMARY KEY,
    ip inet,
    net cidr,
    mac macaddr,
    span interval,
    r4 int4range,
    rt tstzrange,
    mr int4multirange,
    bits bit(8),
    vbits bit varying(16),
    price money,
    ttz timetz,
    pt point,
    bx box,
    doc tsvector,
    tq tsquery,
    lsn pg_lsn,
    wide numeric(60,30),
    nan numeric,
    grid integer[],
    p pair,
    mac8 macaddr8,
    path_ jsonpath
);
INSERT INTO odd_types VALUES
    (1, '192.168.1.5/24', '192.168.1.0/24', '08:00:2b:01:02:03', '1 year 2 mons 3 days 04:05:06.789', '[1,10)', '[2024-01-01 00:00+00,2024-02-01 00:00+00)', '{[1,3),[5,8)}', B'10101010', B'101', '12.34', '12:00:00+02', '(1,2)', '((0,0),(1,1))', 'a:1 cat:3', 'a & cat', '16/B374D848', 123456789012345678901234567890.123456789012345678901234567890, 'NaN', '{{1,2},{3,4}}', '(1,one)', '08:00:2b:01:02:03:04:05', '$.a'),
    (2, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL),
    (3, '::1', '2001:db8::/32', 'ff:ff:ff:ff:ff:ff', '-1 mons +1 day -00:00:01', 'empty', '(,)', '{}', B'00000000', B'', '-0.01', '00:00:00-12:30', '(-1.5,1e10)', '((-1,-1),(1,1))', '', '!a', '0/0', -0.000000000000000000000000000001, 'Infinity', '{}', '(,)', 'ff:ff:ff:ff:ff:ff:ff:ff', '$'),
    (4, '10.0.0.1', '10.0.0.0/8', '00:00:00:00:00:00', '0', '(,5]', '[2024-01-01 00:00+00,)', '{(,)}', B'11111111', B'1111000011110000', '92233720368547758.07', '23:59:59.999999+00', '(0,0)', '((2,2),(3,3))', '''quo''''te'':2', 'a | b', 'FFFFFFFF/FFFFFFFF', 0, '-Infinity', '{{{1},{2}},{{3},{4}}}', '(-5,"a ""q"", b")', '00:00:00:00:00:00:00:00', '$[*] ? (@ > 1)'),
    (5, '192.168.1.5', '192.168.1.5/32', '08:00:2b:01:02:03', '178000000 years', '[5,6)', 'empty', '{[1,2)}', B'00001111', B'1', '0', '12:00:00+02', '(NaN,Infinity)', '((0,0),(0,0))', 'fat:2A', '''fat'' <-> cat', '1/0', 1.5, 1.50, '[0:1]={7,8}', '(0,"")', '00:00:00:00:00:00:00:01', '$."key"');

-- Names of every spelling.
CREATE TABLE "Odd Names" (
    "Id" integer PRIMARY KEY,
    id integer,
    "ID" integer,
    "select" text,
    "with space" text,
    "quo""te" text,
    "Größe" numeric(5,1),
    "☃" text,
    "a.b" text,
    "at" text,
    "lambda" text,
    "pivot" text,
    "order" integer,
    "$dollar" text,
    "a_very_long_name_that_fills_all_of_the_sixty_three_bytes_it_may_h" text
);
COMMENT ON COLUMN "Odd Names"."with space" IS 'it''s spaced';
INSERT INTO "Odd Names" VALUES
    (1, 10, 100, 's1', 'w1', 'q1', 1.5, '☃1', 'ab1', 'at1', 'l1', 'p1', 3, '$1', 'long1'),
    (2, 20, 200, 's2', NULL, 'q2', -1.5, '☃2', 'ab2', 'at2', 'l2', 'p2', 1, '$2', 'long2'),
    (3, 30, 300, '', 'w3', NULL, NULL, '', 'ab3', 'at3', 'l3', 'p3', 2, NULL, 'long3');
CREATE TABLE "odd names" (x integer);
INSERT INTO "odd names" VALUES (1), (2);
CREATE TABLE empty (id integer PRIMARY KEY, t text, n numeric(8,3), d date, a integer[]);
CREATE TABLE dupes (k integer, v text);
INSERT INTO dupes VALUES (1, 'a'), (1, 'a'), (1, 'b'), (2, NULL), (2, NULL), (NULL, 'x'), (NULL, NULL), (NULL, NULL), (3, 'c'), (3, 'A');
CREATE TABLE dupes2 (k integer, w text);
INSERT INTO dupes2 VALUES (1, 'one'), (1, 'uno'), (2, 'two'), (NULL, 'none'), (4, 'four');

-- What a report is made of.
CREATE TABLE people (
    id integer PRIMARY KEY,
    boss_id integer REFERENCES people,
    name text NOT NULL,
    dept varchar(20),
    salary numeric(10,2),
    born date,
    hired timestamptz,
    active boolean NOT NULL DEFAULT true
);
CREATE UNIQUE INDEX people_name ON people (name);
INSERT INTO people VALUES
    (1, NULL, 'Ada', 'board', 9000.00, '1960-12-10', '1990-01-01 09:00+00', true),
    (2, 1, 'Brian', 'it', 7000.50, '1970-02-28', '1995-06-15 08:30+00', true),
    (3, 1, 'Cem', 'sales', 7000.50, '1972-02-29', '1999-12-31 23:59:59+00', true),
    (4, 2, 'Dörte', 'it', 5200.00, '1980-07-04', '2004-02-29 12:00+00', true),
    (5, 2, 'Émile', 'it', NULL, '1985-01-31', '2010-03-28 00:30+00', false),
    (6, 3, 'Fatma', 'sales', 4800.25, '1990-10-27', '2012-10-28 00:30+00', true),
    (7, 3, 'george', 'sales', 4800.25, NULL, '2015-07-01 00:00+00', true),
    (8, 4, 'Hui', 'it', 3100.00, '1995-05-05', '2020-02-29 10:10:10.5+00', true),
    (9, 4, 'Ines', NULL, 3100.99, '1999-09-09', NULL, false),
    (10, 6, 'Jörg', '', 0.00, '2001-01-01', '2024-01-01 00:00+00', true);

CREATE TABLE events (
    id bigint PRIMARY KEY,
    person_id integer REFERENCES people,
    at timestamptz NOT NULL,
    day date NOT NULL,
    kind text NOT NULL,
    amount numeric(12,2),
    score double precision,
    payload jsonb,
    tags text[]
);
INSERT INTO events
    SELECT i, CASE WHEN i % 7 = 0 THEN NULL ELSE 1 + i % 10 END,
           timestamptz '2024-01-30 22:15:00+00' + i * interval '1 day 5 hours 7 minutes',
           date '2024-01-30' + i, (ARRAY['buy', 'sell', 'view', 'Refund'])[1 + i % 4],
           CASE WHEN i % 5 = 0 THEN NULL ELSE (i * 37 % 101) * 1.25 - 20 END, (i % 8) / 4.0,
           jsonb_build_object('n', i, 'kind', (ARRAY['buy', 'sell'])[1 + i % 2], 'nested', jsonb_build_object('ok', i % 2 = 0)),
           CASE WHEN i % 6 = 0 THEN NULL ELSE (ARRAY['red', 'green', 'blue'])[1:i % 4] END
    FROM generate_series(1, 30) AS i;
ANALYZE;
