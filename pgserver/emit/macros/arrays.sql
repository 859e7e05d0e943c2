-- Arrays: DuckDB's list_has_all overlooks NULLs in what it looks for.
CREATE MACRO pg_array_contains(a, b) AS CASE WHEN a IS NULL THEN NULL WHEN list_count(b) < len(b) THEN false ELSE list_has_all(a, b) END;
-- Joined: NULL adds nothing.
CREATE MACRO pg_array_cat(a, b) AS CASE WHEN b IS NULL THEN a WHEN a IS NULL THEN b ELSE list_concat(a, b) END;
-- x = ANY (a), and x op ANY (a), x op ALL (a) of the list of all results.
CREATE MACRO pg_array_has(a, x) AS CASE WHEN list_contains(a, x) THEN true WHEN len(a) = 0 THEN false WHEN a IS NULL OR x IS NULL OR list_count(a) < len(a) THEN NULL ELSE false END;
CREATE MACRO pg_any(results) AS CASE WHEN list_contains(results, true) THEN true WHEN list_count(results) < len(results) THEN NULL WHEN results IS NOT NULL THEN false END;
CREATE MACRO pg_all(results) AS CASE WHEN list_contains(results, false) THEN false WHEN list_count(results) < len(results) THEN NULL WHEN results IS NOT NULL THEN true END;
CREATE MACRO pg_series(a, b, step) AS CASE WHEN step = 0 THEN error('22023') ELSE generate_series(a, b, step) END;
CREATE MACRO pg_time_series(a, b, step) AS CASE WHEN isinf(a) OR isinf(b) OR to_microseconds(0) = step THEN error('bridge') ELSE generate_series(a, b, step) END;
CREATE MACRO pg_array_length(a, dimension) AS CASE WHEN dimension = 1 AND len(a) > 0 THEN CAST(len(a) AS INTEGER) END;
CREATE MACRO pg_array_positions(a, x) AS CASE WHEN a IS NOT NULL THEN list_transform(list_filter(list_zip(a, generate_series(1, len(a))), lambda p_: p_[1] IS NOT DISTINCT FROM x), lambda p_: CAST(p_[2] AS INTEGER)) END;
-- A slice without NULLs of an array with some still says in binary that it may have some: only Postgres writes that.
CREATE MACRO pg_array_slice(a, first, last) AS CASE WHEN list_count(a) < len(a) AND len(a[first:last]) > 0 AND list_count(a[first:last]) = len(a[first:last]) THEN error('bridge') ELSE a[first:last] END;
CREATE MACRO pg_trim_array(a, n) AS CASE WHEN n < 0 OR n > len(a) THEN error('2202E') WHEN n IS NOT NULL THEN pg_array_slice(a, 1, len(a) - n) END;
