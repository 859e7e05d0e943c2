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
-- Groups of numerics that show different scales: the engine's, unless equal ones do so within a group.
SET search_path = nasty;
SELECT coalesce(amount, 0) AS a, sum(score), min(coalesce(amount, 0)) FROM events GROUP BY coalesce(amount, 0) HAVING coalesce(amount, 0) < 50 ORDER BY a;
SELECT coalesce(amount, 0) * 2 AS a, count(*) FROM events GROUP BY coalesce(amount, 0) ORDER BY a;
SELECT DISTINCT coalesce(amount, 0) AS a, kind FROM events ORDER BY 1, 2;
SELECT DISTINCT coalesce(amount, 0) AS a, 1, 'x' FROM events ORDER BY 1;
SELECT DISTINCT amount / 10 AS a FROM events ORDER BY 1;
SELECT DISTINCT ON (coalesce(salary, 1)) coalesce(salary, 1) AS a, id FROM people ORDER BY coalesce(salary, 1), id;
SELECT count(*) OVER (PARTITION BY coalesce(salary, 0)), rank() OVER (ORDER BY coalesce(salary, 0)) FROM people ORDER BY id;
SELECT a, count(*) FROM (SELECT avg(amount) AS a FROM events GROUP BY kind) s GROUP BY a ORDER BY a;
SELECT amount / 10 AS a, count(*) FROM events GROUP BY 1 ORDER BY 1;
SELECT coalesce(salary, 1) AS s, dept, grouping(coalesce(salary, 1)), count(*) FROM people GROUP BY ROLLUP (coalesce(salary, 1), dept) ORDER BY 1, 2, 3;
SELECT amount FROM events UNION SELECT salary::numeric(12,1) FROM people ORDER BY 1;
SELECT amount FROM events UNION SELECT 0 ORDER BY 1;
SELECT dept, avg(salary) FROM people GROUP BY dept UNION SELECT 'all', avg(salary) FROM people UNION SELECT kind, sum(amount) FROM events GROUP BY kind ORDER BY 1, 2;
SELECT salary FROM people UNION ALL SELECT 1.5 UNION SELECT amount FROM events ORDER BY 1;
SELECT count(*), sum(a) FROM (SELECT coalesce(amount, 0) AS a FROM events UNION SELECT 1.5) s;
SELECT p.id, (SELECT count(*) FROM events e WHERE e.amount = coalesce(p.salary, 1)) FROM people p GROUP BY p.id, coalesce(p.salary, 1) ORDER BY 1;
-- A group of unlike ones among more than the engine sends at once.
SELECT x, count(*) FROM (SELECT CASE WHEN o_orderkey = 1 THEN 5 WHEN o_orderkey = 2 THEN 5.00 ELSE o_totalprice END AS x FROM public.orders) s GROUP BY x;
SELECT DISTINCT CASE WHEN o_orderkey = 1 THEN 5 WHEN o_orderkey = 2 THEN 5.00 ELSE o_totalprice END AS x FROM public.orders;
