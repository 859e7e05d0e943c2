-- Dates and timestamps: DuckDB's range is wider than Postgres' below, and for dates above; its years have a year 0.
CREATE MACRO pg_year(x) AS CASE WHEN year(x) > 0 THEN year(x) WHEN isinf(x) THEN error('bridge') ELSE year(x) - 1 END;
CREATE MACRO pg_date(d) AS CASE WHEN (d > DATE '5874897-12-31' OR d < DATE '4714-11-24 (BC)') AND isfinite(d) THEN error('22008') ELSE d END;
CREATE MACRO pg_days(a, b) AS CASE WHEN isinf(a) OR isinf(b) THEN error('22008') ELSE CAST(a - b AS INTEGER) END;
CREATE MACRO pg_timestamp(t) AS CASE WHEN t < TIMESTAMP '4714-11-24 (BC) 00:00:00' AND isfinite(t) THEN error('22008') ELSE t END;
CREATE MACRO pg_timestamptz(t) AS CASE WHEN t < TIMESTAMPTZ '4714-11-24 (BC) 00:00:00+00' AND isfinite(t) THEN error('22008') ELSE t END;
-- An interval to add to an instant: DuckDB adds months, days and time in Postgres' order only where no part is negative.
CREATE MACRO pg_one_signed(i) AS CASE WHEN least(datepart('year', i), datepart('month', i), datepart('day', i), datepart('hour', i), datepart('minute', i), datepart('microsecond', i)) < 0
      AND greatest(datepart('year', i), datepart('month', i), datepart('day', i), datepart('hour', i), datepart('minute', i), datepart('microsecond', i)) > 0 THEN error('bridge') ELSE i END;
CREATE MACRO pg_trunc_(t, first) AS CASE WHEN isinf(t) THEN t WHEN year(t) < 1 THEN error('bridge') ELSE make_timestamp(first, 1, 1, 0, 0, 0) END;
CREATE MACRO pg_trunc_decade(t) AS CASE WHEN year(t) < 10 THEN error('bridge') ELSE pg_trunc_(t, (year(t) // 10) * 10) END;
CREATE MACRO pg_trunc_century(t) AS pg_trunc_(t, ((year(t) - 1) // 100) * 100 + 1);
CREATE MACRO pg_trunc_millennium(t) AS pg_trunc_(t, ((year(t) - 1) // 1000) * 1000 + 1);
