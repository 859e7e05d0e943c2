-- Found by tests/compat/generator, shrunk: keys that are constants, and what DuckDB folds away.
SELECT 'a'::text, avg(n.n2) FROM nasty.numbers n GROUP BY 1;
SELECT 'a'::text, 1.5, count(*) FROM nasty.empty GROUP BY 1, 2;
SELECT 'a'::text, b, avg(i4) FROM nasty.numbers GROUP BY 1, 2;
SELECT id FROM nasty.numbers WHERE CAST(i8 AS smallint) <= 1;
SELECT CAST(i8 AS smallint) <= 1 FROM nasty.numbers WHERE abs(i8) < 1000;
SELECT any_value(DISTINCT i8) FROM nasty.numbers;
SELECT array_agg(DISTINCT day + 1) FROM nasty.events;
SELECT n0 % 123456789.123456789 FROM nasty.numbers;
SELECT n10 % n2 FROM nasty.numbers WHERE n2 <> 0;
