-- What the server writes down of the statements that it has run: `on_demand/pg_stat_statements.sql` shows it.

CREATE FUNCTION pg_toast.bemidb_statements() RETURNS text
LANGUAGE sql VOLATILE PARALLEL UNSAFE SECURITY DEFINER
BEGIN ATOMIC
  SELECT coalesce(pg_catalog.pg_read_file('bemidb_statements.json', true), '[]');
END;
