-- Text.
CREATE MACRO pg_substr2(s, f) AS CASE WHEN f IS NOT NULL THEN substr(s, greatest(f, 1)) END;
CREATE MACRO pg_substr3(s, f, n) AS CASE WHEN f IS NULL OR n IS NULL THEN NULL WHEN n < 0 THEN error('22011') ELSE substr(s, greatest(f, 1), greatest(CAST(f AS BIGINT) + n - greatest(f, 1), 0)) END;
