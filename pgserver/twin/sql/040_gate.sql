-- The lake's tables, schemas and the database belong to those who log in, as at the source, so that no access list is
-- needed to read them. What an owner could do with them is stopped here, whatever the session in front lets through:
-- users make and change temporary objects only, and no code. Our own connections run with `event_triggers = off`.
-- Commands that fire no event trigger (ALTER DATABASE, REASSIGN OWNED, VACUUM, TRUNCATE, DO, ...) are refused by
-- `plan/gate.py`; all that they could reach here is an empty copy.

CREATE FUNCTION pg_toast.bemidb_gate() RETURNS event_trigger
LANGUAGE plpgsql
SET search_path = pg_catalog
AS $$
DECLARE
  refused text;
BEGIN
  IF current_setting('is_superuser')::boolean THEN
    RETURN;
  END IF;
  IF TG_EVENT = 'sql_drop' THEN
    SELECT object_type INTO refused FROM pg_event_trigger_dropped_objects()
    WHERE original AND NOT is_temporary LIMIT 1;
  ELSE
    SELECT object_type INTO refused FROM pg_event_trigger_ddl_commands()
    WHERE schema_name IS DISTINCT FROM 'pg_temp' OR object_type IN ('function', 'procedure', 'aggregate') LIMIT 1;
  END IF;
  IF FOUND THEN
    RAISE insufficient_privilege USING
      MESSAGE = format('permission denied to %s', lower(TG_TAG)),
      HINT = 'Only temporary tables, views, indexes, sequences and types can be made and changed here.';
  END IF;
END $$;

CREATE EVENT TRIGGER lake_is_read_only ON ddl_command_end EXECUTE FUNCTION pg_toast.bemidb_gate();
CREATE EVENT TRIGGER lake_is_read_only_too ON sql_drop EXECUTE FUNCTION pg_toast.bemidb_gate();
