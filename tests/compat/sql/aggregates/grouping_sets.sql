-- GROUPING SETS, ROLLUP, CUBE, grouping().
SET search_path = nasty, public;
SELECT dept, active, count(*) FROM people GROUP BY GROUPING SETS ((dept), (active), ()) ORDER BY 1, 2, 3;
SELECT dept, active, count(*), grouping(dept), grouping(active), grouping(dept, active) FROM people GROUP BY ROLLUP (dept, active) ORDER BY 4, 5, 1, 2;
SELECT dept, active, sum(salary), grouping(dept, active) FROM people GROUP BY CUBE (dept, active) ORDER BY 4, 1, 2;
SELECT kind, day >= '2024-02-15' AS late, count(*) FROM events GROUP BY ROLLUP (kind, day >= '2024-02-15') ORDER BY 1, 2, 3;
SELECT kind, count(*) FROM events GROUP BY GROUPING SETS (kind, kind, ()) ORDER BY 1, 2;
SELECT kind, person_id, count(*) FROM events GROUP BY kind, ROLLUP (person_id) ORDER BY 1, 2, 3;
SELECT count(*) FROM people GROUP BY GROUPING SETS (());
SELECT count(*) FROM empty GROUP BY ROLLUP (t);
SELECT CASE WHEN grouping(dept) = 1 THEN 'all' ELSE dept END AS d, count(*) FROM people GROUP BY ROLLUP (dept) ORDER BY 1, 2;
SELECT dept, count(*) FROM people GROUP BY ROLLUP (dept) HAVING grouping(dept) = 1 OR count(*) > 2 ORDER BY 1;
SELECT l_returnflag, l_linestatus, sum(l_quantity) FROM lineitem GROUP BY CUBE (1, 2) ORDER BY 1, 2;
SELECT (dept), active, max(id) FROM people GROUP BY ROLLUP ((dept, active)) ORDER BY 1, 2, 3;
SELECT dept, active, count(*) FROM people GROUP BY DISTINCT ROLLUP (dept), ROLLUP (active) ORDER BY 1, 2, 3;
SELECT grouping(name) FROM people GROUP BY dept;
