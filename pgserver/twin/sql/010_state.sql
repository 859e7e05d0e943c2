-- What the twin holds of the lake, kept where no client looks: `pg_toast` is in no search path, psql's lists and
-- information_schema leave it out, and nobody but the owner has a privilege on these tables.

CREATE TABLE pg_toast.bemidb_state (key text PRIMARY KEY, value text NOT NULL);

CREATE TABLE pg_toast.bemidb_lake (
  relid oid PRIMARY KEY,
  namespace text NOT NULL,
  name text NOT NULL,
  structure text NOT NULL,  -- fingerprint of what a change of means a new table
  comments text NOT NULL,   -- fingerprint of what COMMENT ON changes
  row_count bigint NOT NULL,
  byte_count bigint NOT NULL,
  UNIQUE (namespace, name)
);

CREATE TABLE pg_toast.bemidb_types (
  typid oid PRIMARY KEY,
  namespace text NOT NULL,
  name text NOT NULL,
  fingerprint text NOT NULL,
  UNIQUE (namespace, name)
);
