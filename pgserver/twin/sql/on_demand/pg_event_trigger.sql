-- The gate's event triggers are no user's: not in psql's \dy, and not in a dump. Postgres itself reads their catalog by
-- index; queries are rewritten. So the catalog gets the rule that a view of no rows has, which CREATE RULE refuses a
-- table. Clients list what pg_class says of all relations: it says so when somebody first asks for this one.

CREATE VIEW pg_toast.bemidb_no_event_triggers AS
SELECT NULL::oid AS oid, NULL::name AS evtname, NULL::name AS evtevent, NULL::oid AS evtowner, NULL::oid AS evtfoid,
  NULL::"char" AS evtenabled, NULL::text[] AS evttags
WHERE false;

DELETE FROM pg_catalog.pg_depend
WHERE classid = 'pg_catalog.pg_rewrite'::regclass
  AND objid = (SELECT oid FROM pg_catalog.pg_rewrite WHERE ev_class = 'pg_toast.bemidb_no_event_triggers'::regclass);
UPDATE pg_catalog.pg_rewrite SET ev_class = 'pg_catalog.pg_event_trigger'::regclass
WHERE ev_class = 'pg_toast.bemidb_no_event_triggers'::regclass;
UPDATE pg_catalog.pg_class SET relhasrules = true WHERE oid = 'pg_catalog.pg_event_trigger'::regclass;
DROP VIEW pg_toast.bemidb_no_event_triggers;
