-- What a table declares itself, and what it has from its parents: `\d+` and pg_dump tell.
SELECT c.oid::regclass, a.attname, a.attislocal, a.attinhcount
FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid
WHERE c.relnamespace::regnamespace::text IN ('family', 'family_parts') AND c.relkind IN ('r', 'p') AND a.attnum > 0
  AND c.relname <> 'stored'  -- a materialised view is a table in the lake
  AND NOT a.attisdropped ORDER BY c.relname, a.attname;
SELECT c.conrelid::regclass, c.conname, c.conislocal, c.coninhcount
FROM pg_constraint c WHERE c.connamespace::regnamespace::text IN ('family', 'family_parts') AND c.contype = 'n'
ORDER BY c.conrelid::regclass::text, c.conname;
