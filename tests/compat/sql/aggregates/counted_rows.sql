-- Rows are counted whole: one of NULLs is a row, and two of them are the same one.
SET search_path = nasty, public;
SELECT count(DISTINCT (k, v)) FROM dupes;
SELECT count((k, v)), count(ROW(k)), count(DISTINCT ROW(k)) FROM dupes;
SELECT count(DISTINCT (boss_id, dept)) FILTER (WHERE id > 2) FROM people;
SELECT dept, count(DISTINCT (boss_id, active, born)) FROM people GROUP BY dept ORDER BY dept;
SELECT count(DISTINCT (o_custkey, o_orderstatus)) FROM orders;
SELECT count(DISTINCT (l_linenumber, l_tax, l_returnflag, l_shipmode)) FROM lineitem;
SELECT count(DISTINCT (c, v, t)) FROM texts;
SELECT count(DISTINCT (n2, i4)), count(DISTINCT (n, i4)) FROM numbers;
SELECT count(DISTINCT (f8, i4)) FROM numbers;
SELECT count(DISTINCT (jb, u)) FROM things;
SELECT count(DISTINCT (tz, d)) FROM times;
SELECT count(p), count(DISTINCT p) FROM people p;
SELECT count(d), count(DISTINCT d), count(e) FROM dupes d, dupes2 e;
SELECT count(e), count(d) FROM dupes d LEFT JOIN dupes2 e ON d.k = e.k;
SELECT count(s), count(DISTINCT s) FROM (SELECT k, v FROM dupes) s;
SELECT count(DISTINCT (k, (k, v))) FROM dupes;
SELECT count(e) OVER (ORDER BY id) FROM (SELECT * FROM people WHERE id < 4) e;
