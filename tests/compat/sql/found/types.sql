-- Found by tests/compat/generator, shrunk: values of one type.
SELECT 0.5::text, CAST(-0.5 AS varchar), trim_scale(0.50), 0.000 FROM nasty.numbers WHERE id = 1;
SELECT CAST(CAST(n2 AS numeric(3,3)) AS text) FROM nasty.numbers WHERE n2 BETWEEN 0 AND 0.5;
SELECT 0.000 FROM nasty.things UNION ALL SELECT 0.0 FROM nasty.texts;
SELECT concat_ws('|', 1e-10, 99.995) FROM nasty.texts;
SELECT id, tz3 + interval '13 months -40 days 100 hours', tz3 - interval '13 months -40 days 7 hours' FROM nasty.times WHERE id IN (1, 3, 4, 12, 13, 14);
SELECT id, tz + interval '-1 month 40 days -3 hours', tz + interval '1 month 1 day' FROM nasty.times WHERE id IN (1, 3, 4, 12, 13, 14);
SELECT id, avg(n2 / 1e-10) FROM nasty.numbers WHERE abs(n2) < 1000 GROUP BY id;
SELECT id, (n2 / 3) / 7, avg(n2 / 3.000000) FROM nasty.numbers WHERE abs(n2) < 1000 GROUP BY id;
SELECT id, make_interval(hours => 2147483647 - id), make_interval(hours => -2562047 - id) FROM nasty.numbers WHERE id < 3;
SELECT array_agg(make_interval(hours => 2147483647 - id) ORDER BY id) FROM nasty.numbers;
SELECT id, interval '2562049 hours' FROM nasty.numbers WHERE id = 1;
SELECT interval '1 month', interval '30 days', interval '720 hours' FROM nasty.times WHERE id = 1;
SELECT id, CASE WHEN id = 1 THEN interval '1 month' END, CASE WHEN id = 1 THEN interval '30 days' END FROM nasty.times WHERE id < 4;
SELECT id, ts + interval '1 month', ts - interval '-30 days' FROM nasty.times WHERE id IN (1, 3);
SELECT id, CASE WHEN id = 1 THEN '-0'::float8 END, CASE WHEN id = 1 THEN '0'::float8 END, '-0'::float4 FROM nasty.times WHERE id < 4;
SELECT 'NaN'::float4 / f8, f8 / NULL::float4, f4 / f8 FROM nasty.numbers WHERE f8 IS NULL OR f8 = 'NaN';
SELECT ((t1.jb - '{"",NULL}'::text[]) #>> '{a,NULL}'::text[]) FROM nasty.things t1;
SELECT jb #>> '{a,NULL}', jb #> NULL, (jb -> 'a') #> '{NULL}' FROM nasty.things ORDER BY id;
