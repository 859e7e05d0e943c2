-- The view of the extension pg_stat_statements, over what the server writes down (`pgserver/statistics.py`). Besides the
-- extension's columns that mean something here it has the way that a statement took and the bytes that it read. Clients list
-- the relations of all schemas: it is made when somebody first asks for it, as the extension would be.

CREATE VIEW pg_catalog.pg_stat_statements AS
SELECT u.oid AS userid, d.oid AS dbid, true AS toplevel,
  CASE WHEN v.visible THEN pg_catalog.hashtextextended(s.query, 0) END AS queryid,
  CASE WHEN v.visible THEN s.query ELSE '<insufficient privilege>' END AS query,
  s.calls, s.total_exec_time, s.min_exec_time, s.max_exec_time, s.mean_exec_time, s.stddev_exec_time, s.rows,
  s.way, s.read_bytes
FROM pg_catalog.json_to_recordset(pg_toast.bemidb_statements()::pg_catalog.json) AS s(
  username text, way text, query text, calls bigint, total_exec_time double precision, min_exec_time double precision,
  max_exec_time double precision, mean_exec_time double precision, stddev_exec_time double precision, rows bigint,
  read_bytes bigint)
JOIN pg_catalog.pg_database d ON d.datname = current_database()
LEFT JOIN pg_catalog.pg_roles u ON u.rolname = s.username
CROSS JOIN LATERAL (
  SELECT s.username = session_user OR pg_catalog.pg_has_role('pg_read_all_stats', 'USAGE') AS visible
) v;

GRANT SELECT ON pg_catalog.pg_stat_statements TO PUBLIC;
