-- Averages whose digits are made of the rows that a LIMIT leaves.
SELECT l_suppkey, count(*) AS c, avg(l_quantity), avg(l_linenumber) FROM lineitem GROUP BY 1 ORDER BY c DESC, 1 LIMIT 5;
SELECT l_suppkey, avg(l_quantity) AS a FROM lineitem GROUP BY 1 ORDER BY a DESC, 1 LIMIT 3;
SELECT avg(l_quantity), avg(l_discount) + 1 FROM lineitem LIMIT 1;
WITH w AS (SELECT o_custkey AS k, avg(o_totalprice) AS a FROM orders GROUP BY 1 ORDER BY 1 LIMIT 4) SELECT * FROM w ORDER BY k;
SELECT o_custkey, avg(o_totalprice) FILTER (WHERE o_orderkey < 0), avg(o_shippriority::bigint) FROM orders GROUP BY 1 ORDER BY 1 LIMIT 4 OFFSET 2;
SELECT DISTINCT avg(l_tax) FROM lineitem GROUP BY l_returnflag ORDER BY 1 LIMIT 2;
SELECT avg(sum(l_quantity)) OVER (ORDER BY l_returnflag) FROM lineitem GROUP BY l_returnflag ORDER BY l_returnflag LIMIT 2;
SELECT round(avg(l_tax), 3), -avg(l_tax), avg(l_tax)::text, coalesce(avg(l_tax), 0) FROM lineitem GROUP BY l_returnflag ORDER BY l_returnflag LIMIT 2;
