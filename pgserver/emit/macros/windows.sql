-- A time from which no frame's distance leads below the first date of Postgres, which DuckDB's calendar goes beyond.
CREATE MACRO pg_not_ancient(t) AS CASE WHEN t < DATE '4000-01-01 (BC)' AND isfinite(t) THEN error('bridge') ELSE t END;
