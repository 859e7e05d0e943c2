-- Tables that are made of others: partitions of every kind and depth, with columns in another order, inheritance, views.
SET TimeZone = 'UTC';
CREATE SCHEMA family;
CREATE SCHEMA family_parts;
SET search_path = family, public;

CREATE TYPE state AS ENUM ('new', 'paid', 'sent');
CREATE TABLE measured (
    id integer NOT NULL,
    at timestamptz NOT NULL,
    amount numeric,
    state state,
    note text CHECK (note <> 'never'),
    PRIMARY KEY (id, at)
) PARTITION BY RANGE (at);
COMMENT ON TABLE measured IS 'all of them';
CREATE TABLE family_parts.january PARTITION OF measured FOR VALUES FROM ('2024-01-01') TO ('2024-02-01');
CREATE TABLE family_parts.february (
    gone text, note text CHECK (note <> 'never'), state state, at timestamptz NOT NULL, amount numeric, id integer NOT NULL
);
ALTER TABLE family_parts.february DROP gone;
ALTER TABLE family_parts.february RENAME CONSTRAINT february_note_check TO measured_note_check;
ALTER TABLE measured ATTACH PARTITION family_parts.february FOR VALUES FROM ('2024-02-01') TO ('2024-03-01');
CREATE TABLE family_parts.march PARTITION OF measured FOR VALUES FROM ('2024-03-01') TO ('2024-03-20');  -- stays empty
CREATE TABLE family_parts.rest PARTITION OF measured DEFAULT PARTITION BY HASH (id);
CREATE TABLE family_parts.rest_0 PARTITION OF family_parts.rest FOR VALUES WITH (MODULUS 2, REMAINDER 0);
CREATE TABLE family_parts.rest_1 PARTITION OF family_parts.rest FOR VALUES WITH (MODULUS 2, REMAINDER 1);
INSERT INTO measured
    SELECT i, timestamptz '2024-01-10 12:00+00' + i * CASE WHEN i > 8 THEN interval '9 days' ELSE interval '5 days' END,
           i * 1.25, (ARRAY['new', 'paid', 'sent', NULL])[1 + i % 4]::state, 'note ' || i
    FROM generate_series(1, 20) i;

-- Numerics of one column that keep different scales, and a date that no Iceberg has, in other partitions.
CREATE TABLE scaled (kind text, amount numeric, day date) PARTITION BY LIST (kind);
CREATE TABLE family_parts.scaled_a PARTITION OF scaled FOR VALUES IN ('a', NULL);
CREATE TABLE family_parts.scaled_b PARTITION OF scaled FOR VALUES IN ('b');
CREATE TABLE family_parts.scaled_c PARTITION OF scaled FOR VALUES IN ('c');
INSERT INTO scaled VALUES ('a', 1.5, '2024-01-01'), (NULL, 2.5, NULL), ('b', 3, 'infinity'), ('b', 4, '0044-03-15 BC'), ('c', 'NaN', NULL);
CREATE TABLE no_partitions (id integer, amount numeric) PARTITION BY RANGE (id);

CREATE TABLE animals (name text PRIMARY KEY, legs integer CHECK (legs >= 0));
CREATE TABLE dogs (breed text) INHERITS (animals);
CREATE TABLE pets (owner text, legs integer);
CREATE TABLE pet_dogs (born date) INHERITS (dogs, pets);
INSERT INTO animals VALUES ('ant', 6), ('snake', 0);
INSERT INTO dogs VALUES ('rex', 4, 'shepherd');
INSERT INTO pets VALUES ('ann', 2);
INSERT INTO pet_dogs VALUES ('fido', 4, 'pug', 'bob', '2020-02-29');

CREATE TABLE "no columns" ();
INSERT INTO "no columns" DEFAULT VALUES;
INSERT INTO "no columns" DEFAULT VALUES;
INSERT INTO "no columns" DEFAULT VALUES;

CREATE VIEW paid AS SELECT id, at, amount FROM measured WHERE state = 'paid';
COMMENT ON VIEW paid IS 'what came in';
CREATE VIEW by_month (month, "How many", total) WITH (security_barrier = true) AS
    SELECT date_trunc('month', at, 'UTC'), count(*), sum(amount) FROM paid GROUP BY 1;
CREATE VIEW legs AS SELECT a.name, a.legs, p.owner FROM animals a LEFT JOIN ONLY pets p ON p.legs = a.legs;
CREATE VIEW one AS SELECT 1 AS x, 'text' AS t;
CREATE MATERIALIZED VIEW stored AS SELECT state, count(*) AS n FROM measured GROUP BY 1;
ANALYZE;
