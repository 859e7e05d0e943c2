-- What PUBLIC may do in a new database, less what could get round the session in front of this one.
-- Left as Postgres has it: reading files, directories, logs, the configuration and backend memory, resetting statistics,
-- signalling other roles' backends (refused to PUBLIC by Postgres itself; tests/integration/twin holds it to that).

DO $$
DECLARE
  signature regprocedure;
BEGIN
  FOR signature IN
    SELECT p.oid::regprocedure
    FROM pg_catalog.pg_proc p
    WHERE p.pronamespace = 'pg_catalog'::regnamespace
      AND (
        -- Run SQL from a string, or read a table by its name: they would see the lake's tables empty.
        p.proname IN (
          'query_to_xml', 'query_to_xmlschema', 'query_to_xml_and_xmlschema',
          'cursor_to_xml', 'cursor_to_xmlschema',
          'table_to_xml', 'table_to_xmlschema', 'table_to_xml_and_xmlschema',
          'schema_to_xml', 'schema_to_xmlschema', 'schema_to_xml_and_xmlschema',
          'database_to_xml', 'database_to_xmlschema', 'database_to_xml_and_xmlschema',
          'ts_stat', 'currtid2'
        )
        OR (p.proname = 'ts_rewrite' AND p.pronargs = 2)
        -- Make or change large objects. Those that read stay: there are none, so they answer 42704 as Postgres does.
        OR p.proname IN (
          'lo_creat', 'lo_create', 'lo_from_bytea', 'lo_import', 'lo_export', 'lo_put', 'lowrite',
          'lo_truncate', 'lo_truncate64', 'lo_unlink'
        )
        -- Write what only a subscriber would read: the write-ahead log would grow for nothing.
        OR p.proname = 'pg_logical_emit_message'
      )
  LOOP
    EXECUTE format('REVOKE EXECUTE ON FUNCTION %s FROM PUBLIC', signature);
  END LOOP;
END $$;

-- pg_dump prints what differs from the privileges that a cluster was made with: these are ours from the start.
INSERT INTO pg_catalog.pg_init_privs (objoid, classoid, objsubid, privtype, initprivs)
SELECT p.oid, 'pg_catalog.pg_proc'::regclass, 0, 'i', p.proacl
FROM pg_catalog.pg_proc p
WHERE p.pronamespace = 'pg_catalog'::regnamespace AND p.proacl IS NOT NULL
  AND NOT EXISTS (SELECT FROM pg_catalog.pg_init_privs i
                  WHERE i.objoid = p.oid AND i.classoid = 'pg_catalog.pg_proc'::regclass);
