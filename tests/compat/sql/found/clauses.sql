-- Found by tests/compat/generator, shrunk: each gave other rows, or an error of the emitter's own.
SELECT CAST(i2 AS oid) FROM nasty.numbers WHERE i2 >= 0;
SELECT CAST(i2 AS oid) FROM nasty.numbers;
SELECT CAST((-1)::smallint AS oid) FROM nasty.numbers;
SELECT b, b, count(*) FROM nasty.numbers GROUP BY ROLLUP (1, 2);
SELECT CAST((SELECT 1.5::float8 FROM nasty.events e ORDER BY e.id LIMIT 1) AS smallint), true FROM nasty.events GROUP BY CUBE (1);
SELECT 'a' AS word, count(*) FROM nasty.events GROUP BY ROLLUP (1);
SELECT t, t NOT LIKE E'%\\' FROM nasty.texts WHERE id < 3;
SELECT t LIKE E'%\\\\' FROM nasty.texts;
SELECT DISTINCT ON ('true'::text) id FROM nasty.texts ORDER BY 'true'::text, id;
SELECT string_agg(DISTINCT (SELECT e.kind FROM nasty.texts x ORDER BY x.id LIMIT 1), '; ') FROM nasty.events e;
SELECT p.active FROM nasty.people p LEFT JOIN nasty.people q ON p.id = q.id AND q.active = ANY (SELECT q.active FROM nasty.numbers WHERE p.active);
SELECT (SELECT n.id FROM nasty.numbers n WHERE p.active ORDER BY n.id LIMIT 1), true FROM nasty.people p GROUP BY 1;
SELECT n10 / 0.5 FROM nasty.numbers UNION ALL SELECT n10 FROM nasty.numbers;
SELECT DISTINCT ON (CAST('a'::"char" AS varchar)) id FROM nasty.events ORDER BY CAST('a'::"char" AS varchar), id;
SELECT n.id, (SELECT n.f4 FROM nasty.numbers m ORDER BY m.id LIMIT 1) FROM nasty.numbers n;
SELECT (SELECT n.id FROM nasty.numbers n WHERE "overlaps"(t.at, t.at + interval '0', t.at, t.at + interval '30 days') ORDER BY n.id LIMIT 1) FROM nasty.events t;
SELECT (SELECT e.id FROM nasty.events e WHERE (e.at - t.at) * 2 > interval '0' ORDER BY e.id LIMIT 1) FROM nasty.events t;
SELECT (SELECT e.id FROM nasty.events e WHERE justify_hours(t.at - t.at) / 2 >= interval '0' ORDER BY e.id LIMIT 1) FROM nasty.events t;
