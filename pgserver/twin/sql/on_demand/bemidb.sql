-- What the syncs did, and how fresh the lake's tables are. The rows are labels, see `state.py`: those of the tables are
-- there anyway, the runs are told when a client asks for them.

CREATE SCHEMA IF NOT EXISTS bemidb;
COMMENT ON SCHEMA bemidb IS 'what the syncs did';

CREATE VIEW bemidb.sync_runs AS
SELECT r.*
FROM pg_catalog.pg_seclabel l, json_to_recordset(l.label::json) AS r(
  run_id uuid, started_at timestamptz, ended_at timestamptz, outcome text, source_system text, source_database text,
  source_lsn pg_lsn, tables integer, tables_failed integer, tables_unchanged integer, rows bigint, bytes bigint, error text
)
WHERE l.objoid = 0 AND l.classoid = 0 AND l.provider = 'bemidb runs';
COMMENT ON VIEW bemidb.sync_runs IS 'a row for each run of the syncer';

CREATE VIEW bemidb.tables AS
SELECT t.namespace AS table_schema, t.name AS table_name, t.row_count AS rows, t.byte_count AS bytes, t.file_count AS files,
       t.snapshot_id, t.source_database, t.source_lsn, t.synced_at, now() - t.synced_at AS lag, t.gone_since
FROM pg_catalog.pg_seclabel l, json_to_record(l.label::json) AS t(
  namespace name, name name, kind text, row_count bigint, byte_count bigint, file_count integer, snapshot_id bigint,
  source_database name, source_lsn pg_lsn, synced_at timestamptz, gone_since timestamptz
)
WHERE l.classoid = 0 AND l.provider = 'bemidb table' AND t.kind = 'r';
COMMENT ON VIEW bemidb.tables IS 'how fresh each table of the lake is; gone_since: the source has no such table any more';

GRANT USAGE ON SCHEMA bemidb TO PUBLIC;
GRANT SELECT ON ALL TABLES IN SCHEMA bemidb TO PUBLIC;
