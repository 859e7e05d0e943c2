-- Sizes tell what the lake holds. A built-in is called by its OID, so that another body for it has no effect: it moves to
-- pg_toast and ours stands under its name. Tables of the lake have the bytes of their data files, their indexes none.

UPDATE pg_catalog.pg_proc
SET pronamespace = 'pg_toast'::regnamespace
WHERE pronamespace = 'pg_catalog'::regnamespace
  AND proname IN ('pg_relation_size', 'pg_table_size', 'pg_indexes_size', 'pg_total_relation_size', 'pg_database_size');

CREATE FUNCTION pg_toast.bemidb_bytes(relation oid) RETURNS bigint
LANGUAGE sql STABLE STRICT PARALLEL SAFE
BEGIN ATOMIC
  SELECT (l.label::json ->> 'byte_count')::bigint FROM pg_catalog.pg_seclabel l
  WHERE l.objoid = relation AND l.classoid = 0 AND l.objsubid = 0 AND l.provider = 'bemidb table'
  UNION ALL
  SELECT 0 FROM pg_catalog.pg_index i
  JOIN pg_catalog.pg_seclabel l ON l.objoid = i.indrelid AND l.classoid = 0 AND l.provider = 'bemidb table'
  WHERE i.indexrelid = relation;
END;

CREATE FUNCTION pg_toast.bemidb_database_bytes() RETURNS bigint
LANGUAGE sql STABLE PARALLEL SAFE
BEGIN ATOMIC
  SELECT coalesce(sum((label::json ->> 'byte_count')::bigint), 0)::bigint
  FROM pg_catalog.pg_seclabel WHERE classoid = 0 AND provider = 'bemidb table';
END;

CREATE FUNCTION pg_catalog.pg_relation_size(regclass, text) RETURNS bigint
LANGUAGE sql VOLATILE STRICT PARALLEL SAFE
BEGIN ATOMIC
  SELECT CASE WHEN $2 = 'main' THEN coalesce(pg_toast.bemidb_bytes($1), pg_toast.pg_relation_size($1, $2))
              ELSE pg_toast.pg_relation_size($1, $2) END;
END;

CREATE FUNCTION pg_catalog.pg_relation_size(regclass) RETURNS bigint
LANGUAGE sql VOLATILE STRICT PARALLEL SAFE
BEGIN ATOMIC
  SELECT coalesce(pg_toast.bemidb_bytes($1), pg_toast.pg_relation_size($1, 'main'));
END;

CREATE FUNCTION pg_catalog.pg_table_size(regclass) RETURNS bigint
LANGUAGE sql VOLATILE STRICT PARALLEL SAFE
BEGIN ATOMIC
  SELECT coalesce(pg_toast.bemidb_bytes($1), pg_toast.pg_table_size($1));
END;

CREATE FUNCTION pg_catalog.pg_indexes_size(regclass) RETURNS bigint
LANGUAGE sql VOLATILE STRICT PARALLEL SAFE
BEGIN ATOMIC
  SELECT CASE WHEN pg_toast.bemidb_bytes($1) IS NULL THEN pg_toast.pg_indexes_size($1) ELSE 0 END;
END;

CREATE FUNCTION pg_catalog.pg_total_relation_size(regclass) RETURNS bigint
LANGUAGE sql VOLATILE STRICT PARALLEL SAFE
BEGIN ATOMIC
  SELECT coalesce(pg_toast.bemidb_bytes($1), pg_toast.pg_total_relation_size($1));
END;

-- The bytes of the lake alone: those of the twin's own catalog are none of its user's.
CREATE FUNCTION pg_catalog.pg_database_size(oid) RETURNS bigint
LANGUAGE sql VOLATILE STRICT PARALLEL SAFE
BEGIN ATOMIC
  SELECT CASE WHEN $1 = (SELECT d.oid FROM pg_catalog.pg_database d WHERE d.datname = current_database())
              THEN pg_toast.bemidb_database_bytes() ELSE pg_toast.pg_database_size($1) END;
END;

CREATE FUNCTION pg_catalog.pg_database_size(name) RETURNS bigint
LANGUAGE sql VOLATILE STRICT PARALLEL SAFE
BEGIN ATOMIC
  SELECT CASE WHEN $1 = current_database() THEN pg_toast.bemidb_database_bytes() ELSE pg_toast.pg_database_size($1) END;
END;

-- Ours are described as the built-ins are.
DO $$
DECLARE
  builtin record;
BEGIN
  FOR builtin IN
    SELECT p.proname, pg_get_function_identity_arguments(p.oid) AS arguments, obj_description(p.oid, 'pg_proc') AS description
    FROM pg_catalog.pg_proc p
    WHERE p.pronamespace = 'pg_toast'::regnamespace AND p.oid < 16384
  LOOP
    EXECUTE format('COMMENT ON FUNCTION pg_catalog.%I(%s) IS %L', builtin.proname, builtin.arguments, builtin.description);
  END LOOP;
END $$;
