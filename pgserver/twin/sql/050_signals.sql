-- A lake statement runs outside the twin: its backend there is idle, and a cancel signal would be lost on it. So
-- pg_cancel_backend also tells the server, by a notice that the session in front of this backend keeps to itself.
-- Only this function can raise it: users have no procedural language.

UPDATE pg_catalog.pg_proc
SET pronamespace = 'pg_toast'::regnamespace
WHERE pronamespace = 'pg_catalog'::regnamespace AND proname = 'pg_cancel_backend';

CREATE FUNCTION pg_toast.bemidb_tell_canceled(pid integer) RETURNS boolean
LANGUAGE plpgsql VOLATILE STRICT PARALLEL UNSAFE
SET client_min_messages = notice
AS $$
BEGIN
  RAISE NOTICE USING ERRCODE = 'BD001', MESSAGE = pid::text;
  RETURN true;
END $$;

-- Who may signal whom is the built-in's to say: it raises, or returns false.
CREATE FUNCTION pg_catalog.pg_cancel_backend(pid integer) RETURNS boolean
LANGUAGE sql VOLATILE STRICT PARALLEL UNSAFE
BEGIN ATOMIC
  SELECT CASE WHEN pg_toast.pg_cancel_backend($1) THEN pg_toast.bemidb_tell_canceled($1) ELSE false END;
END;

COMMENT ON FUNCTION pg_catalog.pg_cancel_backend(integer) IS 'cancel a server process'' current query';
