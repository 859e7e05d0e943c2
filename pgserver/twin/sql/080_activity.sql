-- A lake statement runs outside the twin: its backend there is idle, or was last asked something of ours. So the session in
-- front tells what its clients run, in a setting of the observer's transaction (`session/observers.py`), of those sessions
-- that Postgres would show it. Other fields, and other backends, are the twin's own.

CREATE FUNCTION pg_toast.bemidb_activity(
  OUT pid integer, OUT client_addr inet, OUT client_port integer, OUT state text, OUT state_change timestamptz,
  OUT query text, OUT query_start timestamptz, OUT in_lake boolean
) RETURNS SETOF record
LANGUAGE sql STABLE PARALLEL RESTRICTED
BEGIN ATOMIC
  SELECT a.* FROM json_to_recordset(nullif(current_setting('bemidb.activity', true), '')::json)
    AS a(pid integer, client_addr inet, client_port integer, state text, state_change timestamptz,
         query text, query_start timestamptz, in_lake boolean);
END;

CREATE OR REPLACE VIEW pg_catalog.pg_stat_activity AS
SELECT s.datid, d.datname, s.pid, s.leader_pid, s.usesysid, u.rolname AS usename, s.application_name,
       coalesce(a.client_addr, s.client_addr) AS client_addr, s.client_hostname,
       coalesce(a.client_port, s.client_port) AS client_port, s.backend_start,
       coalesce(s.xact_start, CASE WHEN a.in_lake THEN a.query_start END) AS xact_start,
       coalesce(a.query_start, s.query_start) AS query_start, coalesce(a.state_change, s.state_change) AS state_change,
       CASE WHEN a.in_lake THEN NULL ELSE s.wait_event_type END AS wait_event_type,
       CASE WHEN a.in_lake THEN NULL ELSE s.wait_event END AS wait_event,
       coalesce(a.state, s.state) AS state, s.backend_xid, s.backend_xmin, s.query_id,
       coalesce(a.query, s.query) AS query, s.backend_type
FROM pg_catalog.pg_stat_get_activity(NULL) AS s
LEFT JOIN pg_catalog.pg_database AS d ON s.datid = d.oid
LEFT JOIN pg_catalog.pg_authid AS u ON s.usesysid = u.oid
LEFT JOIN pg_toast.bemidb_activity() AS a ON a.pid = s.pid;
