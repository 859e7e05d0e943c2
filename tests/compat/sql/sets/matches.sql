-- regexp_matches: a row for each match, none where there is none.
SET search_path = nasty;
SELECT id, regexp_matches(t, '([a-z])([a-z])') FROM texts ORDER BY id;
SELECT id, (regexp_matches(t, '^(\w)'))[1] FROM texts ORDER BY id;
SELECT id, regexp_matches(t, 'HELLO', 'i') FROM texts ORDER BY id;
SELECT id, m[1], m[2] FROM texts, regexp_matches(t, '([0-9])([0-9])') AS m ORDER BY id;
SELECT id, regexp_matches(t, '[a-z]', 'g') FROM texts ORDER BY id;
SELECT id, (regexp_matches(t, '([0-9])[0-9]', 'g'))[1] FROM texts ORDER BY id;
SELECT m[1] AS word, count(*) FROM texts, regexp_matches(lower(t), '[[:alpha:]]+', 'g') AS m GROUP BY 1 ORDER BY 1;
SELECT id, n, m FROM texts, regexp_matches(t, 'O', 'gi') WITH ORDINALITY AS x(m, n) ORDER BY id, n;
SELECT id, regexp_matches(t, '([a-z])([0-9])', 'g') FROM texts ORDER BY id;
SELECT id, regexp_matches(t, 'x*', 'g') FROM texts WHERE id < 5 ORDER BY id;
SELECT id, regexp_matches(t, NULL), regexp_matches(t, 'a', NULL) FROM texts ORDER BY id;
