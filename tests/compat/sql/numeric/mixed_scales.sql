-- Columns of type numeric without a scale: each value keeps its own, and NaN is one of them.
SELECT id, n, n + 1, n - 0.5, -n, abs(n) FROM nasty.numbers ORDER BY id;
SELECT id FROM nasty.numbers WHERE n > 5 ORDER BY n, id;
SELECT id, n FROM nasty.numbers WHERE n BETWEEN -3 AND 100 AND n <> 10 ORDER BY n DESC, id;
SELECT count(n), sum(n), min(n), max(n), avg(n) FROM nasty.numbers WHERE abs(n) < 1000;
SELECT sum(n), avg(n), count(DISTINCT n) FROM nasty.numbers;
SELECT b, sum(n), count(*) FILTER (WHERE n > 0) FROM nasty.numbers GROUP BY b ORDER BY b;
SELECT id, round(n, 1), round(n), trunc(n, 2), scale(n), n::numeric(20,3), n::text, n::float8, sign(n) FROM nasty.numbers WHERE abs(n) < 1e6 ORDER BY id;
SELECT id, n * 2, n / 3, n % 7, coalesce(n, 0), CASE WHEN b THEN n ELSE 0.00 END, greatest(n, 1.0), nullif(n, 7.7) FROM nasty.numbers WHERE abs(n) < 1e6 OR n IS NULL ORDER BY id;
SELECT n, count(*) FROM nasty.numbers GROUP BY n ORDER BY n, 2;
SELECT DISTINCT n FROM nasty.numbers ORDER BY n;
SELECT a.id, b.id FROM nasty.numbers a JOIN nasty.numbers b ON a.n = b.n2 ORDER BY 1, 2;
SELECT id, n, sum(n) OVER (ORDER BY id), lag(n) OVER (ORDER BY id) FROM nasty.numbers WHERE abs(n) < 1e6 ORDER BY id;
SELECT n IN (1, 7.7, 8.50), n = ANY (ARRAY[7.70, 0]), n IS NULL, n IS DISTINCT FROM 1 FROM nasty.numbers ORDER BY id;
SELECT s.m + 1, s.k FROM (SELECT max(n) AS m, b AS k FROM nasty.numbers WHERE n < 100 GROUP BY b) s ORDER BY s.k;
SELECT n FROM nasty.numbers WHERE n < 100 UNION ALL SELECT n2 FROM nasty.numbers WHERE n2 < 100 ORDER BY 1;
SELECT json_build_object('n', n), to_jsonb(n) FROM nasty.numbers WHERE abs(n) < 1e6 ORDER BY id;
SELECT amount, amount + 1 FROM nasty.events WHERE amount > (SELECT min(n) FROM nasty.numbers) ORDER BY id LIMIT 5;
