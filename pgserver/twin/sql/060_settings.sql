-- How the twin itself is run (no fsync, no autovacuum, timeouts that the server in front has) is not what users ask
-- pg_settings for: such settings are shown at their defaults. SHOW and current_setting tell the truth. The keepalives
-- are those of the client's socket, which the server in front says at the login (`session/login.py`).

UPDATE pg_catalog.pg_proc
SET pronamespace = 'pg_toast'::regnamespace
WHERE pronamespace = 'pg_catalog'::regnamespace AND proname = 'pg_show_all_settings';

CREATE FUNCTION pg_catalog.pg_show_all_settings(
  OUT name text, OUT setting text, OUT unit text, OUT category text, OUT short_desc text, OUT extra_desc text,
  OUT context text, OUT vartype text, OUT source text, OUT min_val text, OUT max_val text, OUT enumvals text[],
  OUT boot_val text, OUT reset_val text, OUT sourcefile text, OUT sourceline integer, OUT pending_restart boolean
) RETURNS SETOF record
LANGUAGE sql STABLE STRICT PARALLEL SAFE
BEGIN ATOMIC
  SELECT s.name, CASE WHEN o.ours THEN s.boot_val ELSE coalesce(k.setting, s.setting) END, s.unit, s.category, s.short_desc, s.extra_desc,
         s.context, s.vartype, CASE WHEN o.ours THEN 'default' ELSE s.source END, s.min_val, s.max_val, s.enumvals,
         s.boot_val, CASE WHEN o.ours THEN s.boot_val ELSE s.reset_val END, s.sourcefile, s.sourceline,
         s.pending_restart
  FROM pg_toast.pg_show_all_settings() s,
  LATERAL (SELECT s.source IN ('configuration file', 'command line') AND s.boot_val IS NOT NULL AND s.name NOT IN (
    'DateStyle', 'TimeZone', 'default_text_search_config', 'fsync', 'lc_messages', 'lc_monetary', 'lc_numeric',
    'lc_time', 'listen_addresses', 'log_timezone', 'max_connections', 'port'
  )) o(ours),
  LATERAL (SELECT nullif(split_part(current_setting('bemidb.tcp_keepalives', true), ' ', CASE s.name
    WHEN 'tcp_keepalives_idle' THEN 1 WHEN 'tcp_keepalives_interval' THEN 2 WHEN 'tcp_keepalives_count' THEN 3 ELSE 4
  END), '')) k(setting);
END;

COMMENT ON FUNCTION pg_catalog.pg_show_all_settings() IS 'SHOW ALL as a function';

CREATE OR REPLACE VIEW pg_catalog.pg_settings AS SELECT * FROM pg_catalog.pg_show_all_settings() AS a;
