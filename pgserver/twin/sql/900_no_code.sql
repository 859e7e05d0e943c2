-- The last file, for the others use DO themselves: users have no procedural code. A language's USAGE stays as it is, for
-- an access list would show; instead what runs the code of DO is another function, which raises 0A000.

UPDATE pg_catalog.pg_proc
SET prolang = (SELECT oid FROM pg_catalog.pg_language WHERE lanname = 'internal'), prosrc = 'trigger_in', probin = NULL
WHERE oid = (SELECT laninline FROM pg_catalog.pg_language WHERE lanname = 'plpgsql');
