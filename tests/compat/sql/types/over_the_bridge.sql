-- Rows that reach PostgreSQL over the bridge are those of the source: random() has no rule, and is below 1 for all of them.
SET search_path = nasty, public;
SELECT * FROM numbers WHERE random() < 1 ORDER BY id;
SELECT * FROM texts WHERE random() < 1 ORDER BY id;
SELECT * FROM times WHERE random() < 1 ORDER BY id;
SELECT * FROM things WHERE random() < 1 ORDER BY id;
SELECT * FROM arrays WHERE random() < 1 ORDER BY id;
SELECT * FROM odd_types WHERE random() < 1 ORDER BY id;
SELECT * FROM people WHERE random() < 1 ORDER BY id;
SELECT * FROM events WHERE random() < 1 ORDER BY id;
SELECT * FROM empty WHERE random() < 1;
SELECT * FROM dupes WHERE random() < 1;
SELECT id, b, i2, i4, i8, f4, f8 FROM numbers WHERE random() < 1 ORDER BY id;
SELECT id, t, v, c, c1 FROM texts WHERE random() < 1 ORDER BY id;
SELECT * FROM lineitem WHERE l_orderkey < 200 AND random() < 1 ORDER BY l_orderkey, l_linenumber;
SELECT * FROM clickbench.hits WHERE random() < 1 ORDER BY WatchID LIMIT 20;
SET client_encoding = 'LATIN1';
SELECT name, dept FROM people WHERE id < 3 AND random() < 1 ORDER BY id;
