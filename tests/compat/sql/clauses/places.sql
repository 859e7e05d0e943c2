-- Ranges of ctid that have all rows of a table, or none.
SET search_path = nasty, family, public;
SELECT count(*) FROM lineitem WHERE ctid BETWEEN '(0,0)' AND '(4294967295,0)';
SELECT count(*), min(id) FROM people WHERE ctid >= '(0,0)' AND ctid < '(100000,0)' AND id > 2;
SELECT id FROM people WHERE ctid BETWEEN '(100000,0)'::tid AND '(200000,0)'::tid ORDER BY id;
SELECT count(*) FROM people WHERE ctid < '(0,0)';
SELECT count(*) FROM people WHERE ctid <= '(0,0)';
SELECT count(*) FROM people WHERE ctid > '(50000,3)';
SELECT count(*) FROM people WHERE ctid > NULL;
SELECT count(*) FROM people WHERE ctid <> '(0,0)';
SELECT count(*) FROM people p LEFT JOIN events e ON e.person_id = p.id AND e.id < 0 WHERE e.ctid >= '(0,0)';
SELECT count(*) FROM people p JOIN events e ON e.person_id = p.id WHERE e.ctid >= '(0,0)' AND p.ctid < '(9999,1)';
SELECT count(*) FROM measured WHERE ctid >= '(0,0)';
