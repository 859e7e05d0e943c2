-- Time zones: between an instant and what a clock of the session's zone shows. DuckDB's conversions go through ICU (about 0.5 us
-- a row); in UTC, the usual zone, both are the same number. Bounds keep clear of the ends of both calendars.
CREATE MACRO pg_utc() AS current_setting('TimeZone') IN ('UTC', 'Etc/UTC', 'GMT', 'Etc/GMT');
CREATE MACRO pg_local_of_finite(t) AS CASE WHEN pg_utc() THEN make_timestamp(epoch_us(t)) ELSE CAST(t AS TIMESTAMP) END;
CREATE MACRO pg_instant_of_finite(t) AS CASE WHEN pg_utc() THEN make_timestamptz(epoch_us(t)) ELSE CAST(t AS TIMESTAMPTZ) END;
CREATE MACRO pg_local(t) AS CASE WHEN pg_utc() AND isfinite(t) THEN make_timestamp(epoch_us(t)) WHEN t >= TIMESTAMPTZ '294240-01-01 00:00:00+00' AND isfinite(t) THEN error('bridge') ELSE CAST(t AS TIMESTAMP) END;
CREATE MACRO pg_instant(t) AS CASE WHEN t >= TIMESTAMP '4713-01-03 (BC) 00:00:00' AND t < TIMESTAMP '294240-01-01 00:00:00' THEN pg_instant_of_finite(t)
      WHEN isfinite(t) THEN error('bridge') ELSE CAST(t AS TIMESTAMPTZ) END;
-- Midnight of a date, and the time of day.
CREATE MACRO pg_midnight(d) AS pg_instant(CAST(d AS TIMESTAMP));
CREATE MACRO pg_local_time(t) AS CASE WHEN isfinite(t) THEN CAST(pg_local(t) AS TIME) END;
-- The same for a zone that the statement names.
CREATE MACRO pg_local_in(zone, t) AS CASE WHEN t >= TIMESTAMPTZ '294240-01-01 00:00:00+00' AND isfinite(t) THEN error('bridge') ELSE timezone(zone, t) END;
CREATE MACRO pg_local_utc(t) AS CASE WHEN isinf(t) THEN CAST(t AS TIMESTAMP) ELSE make_timestamp(epoch_us(t)) END;
CREATE MACRO pg_instant_utc(t) AS CASE WHEN isinf(t) THEN CAST(t AS TIMESTAMPTZ) ELSE pg_timestamptz(make_timestamptz(epoch_us(t))) END;
CREATE MACRO pg_local_at(t, us) AS CASE WHEN isinf(t) THEN CAST(t AS TIMESTAMP) ELSE pg_timestamp(make_timestamp(epoch_us(t) + us)) END;
CREATE MACRO pg_instant_at(t, us) AS CASE WHEN isinf(t) THEN CAST(t AS TIMESTAMPTZ) ELSE pg_timestamptz(make_timestamptz(epoch_us(t) - us)) END;
CREATE MACRO pg_instant_in(zone, t) AS CASE WHEN t >= TIMESTAMP '4713-01-03 (BC) 00:00:00' AND t < TIMESTAMP '294240-01-01 00:00:00' THEN timezone(zone, t)
      WHEN isfinite(t) THEN error('bridge') ELSE CAST(t AS TIMESTAMPTZ) END;
-- Seconds east of UTC.
CREATE MACRO pg_offset(t) AS (epoch_us(pg_local(t)) - epoch_us(t)) // 1000000;
CREATE MACRO pg_remote(t) AS t < TIMESTAMPTZ '0001-01-03 00:00:00+00' OR t >= TIMESTAMPTZ '294240-01-01 00:00:00+00';

-- date_trunc: units of a day and more begin by the zone's clock; shorter ones keep the offset that the instant has.
CREATE MACRO pg_trunc_zoned(unit, t) AS CASE WHEN t >= TIMESTAMPTZ '4700-01-01 (BC) 00:00:00+00' AND t < TIMESTAMPTZ '294240-01-01 00:00:00+00'
      THEN pg_instant_of_finite(date_trunc(unit, pg_local_of_finite(t))) WHEN isfinite(t) THEN error('bridge') ELSE t END;
-- Of midnight the date is cut, but where a zone has skipped a whole day since 1900.
CREATE MACRO pg_skips_days() AS current_setting('TimeZone') IN ('Kwajalein', 'Pacific/Kwajalein', 'Pacific/Apia', 'Pacific/Fakaofo', 'Pacific/Enderbury', 'Pacific/Kanton', 'Pacific/Kiritimati');
CREATE MACRO pg_is_skipped(d) AS pg_skips_days() AND d IN (DATE '1993-08-21', DATE '1994-12-31', DATE '1995-01-01', DATE '2011-12-30');
CREATE MACRO pg_trunc_midnight(unit, d) AS CASE WHEN d >= CASE WHEN pg_utc() THEN DATE '4700-01-01 (BC)' ELSE DATE '1900-01-01' END AND d < DATE '290000-01-01' AND NOT pg_is_skipped(d)
      THEN pg_instant_of_finite(date_trunc(unit, CAST(d AS TIMESTAMP))) WHEN isfinite(d) THEN error('bridge') ELSE CAST(CAST(d AS TIMESTAMP) AS TIMESTAMPTZ) END;
CREATE MACRO pg_trunc_zoned_us(width, t) AS CASE WHEN isinf(t) THEN t WHEN t >= TIMESTAMPTZ '294240-01-01 00:00:00+00' THEN error('bridge') ELSE make_timestamptz(epoch_us(t) - (epoch_us(pg_local_of_finite(t)) % width + width) % width) END;
CREATE MACRO pg_trunc_us(width, t) AS CASE WHEN isinf(t) THEN t ELSE make_timestamptz(epoch_us(t) - (epoch_us(t) % width + width) % width) END;
CREATE MACRO pg_trunc_in(zone, unit, t) AS CASE WHEN t >= TIMESTAMPTZ '4700-01-01 (BC) 00:00:00+00' AND t < TIMESTAMPTZ '294240-01-01 00:00:00+00'
      THEN timezone(zone, date_trunc(unit, timezone(zone, t))) WHEN isfinite(t) THEN error('bridge') ELSE t END;
CREATE MACRO pg_trunc_zoned_(t, first) AS CASE WHEN isinf(t) THEN t WHEN pg_remote(t) THEN error('bridge') ELSE pg_instant_of_finite(make_timestamp(first, 1, 1, 0, 0, 0)) END;
CREATE MACRO pg_trunc_zoned_decade(t) AS CASE WHEN t < TIMESTAMPTZ '0010-01-03 00:00:00+00' AND isfinite(t) THEN error('bridge') ELSE pg_trunc_zoned_(t, (year(pg_local(t)) // 10) * 10) END;
CREATE MACRO pg_trunc_zoned_century(t) AS pg_trunc_zoned_(t, ((year(pg_local(t)) - 1) // 100) * 100 + 1);
CREATE MACRO pg_trunc_zoned_millennium(t) AS pg_trunc_zoned_(t, ((year(pg_local(t)) - 1) // 1000) * 1000 + 1);

-- Sums with an interval: months by the zone's clock, then days by it, then time. `summed` is the sum of an instant far from the ends.
CREATE MACRO pg_within(t, summed) AS CASE WHEN t >= TIMESTAMPTZ '1700-01-01 (BC) 00:00:00+00' AND t < TIMESTAMPTZ '290000-01-01 00:00:00+00' THEN summed WHEN isfinite(t) THEN error('bridge') ELSE t END;
CREATE MACRO pg_months_later(t, n) AS pg_instant_of_finite(pg_local_of_finite(t) + to_months(n));
CREATE MACRO pg_days_later(t, n) AS pg_instant_of_finite(to_days(n) + pg_local_of_finite(t));  -- 30 days + t is not t + 1 month, which are the same to DuckDB
CREATE MACRO pg_later(t, us) AS make_timestamptz(epoch_us(t) + us);
CREATE MACRO pg_sum_(t, m, d, us) AS CASE WHEN abs(m) > 12000 OR abs(d) > 365000 OR abs(us) > 30000000000000000 OR (m <> 0 AND d <> 0) THEN error('bridge')
      WHEN m = 0 AND d = 0 THEN pg_later(t, us) WHEN d = 0 THEN pg_later(pg_months_later(t, CAST(m AS INTEGER)), us) ELSE pg_later(pg_days_later(t, CAST(d AS INTEGER)), us) END;
CREATE MACRO pg_sum(t, i) AS list_transform([i], lambda a_: CASE WHEN a_ IS NOT NULL THEN pg_within(t, pg_sum_(t, pg_months(a_), datepart('day', a_), pg_us(a_))) END)[1];
CREATE MACRO pg_difference(t, i) AS list_transform([i], lambda a_: CASE WHEN a_ IS NOT NULL THEN pg_within(t, pg_sum_(t, - pg_months(a_), - datepart('day', a_), - pg_us(a_))) END)[1];

CREATE MACRO pg_local_now_to(t, unit) AS pg_timestamp_to(pg_local(t), unit);
-- Text in ISO's form, with or without an offset.
CREATE MACRO pg_timestamptz_of(t) AS CASE WHEN pg_is_date_(t, '(?:[ T]' || pg_clock_form_() || ')?') THEN pg_instant(CAST(t AS TIMESTAMP))
      WHEN pg_is_date_(t, '[ T]' || pg_clock_form_() || '(?:Z|[+-](?:0[0-9]|1[0-4])(?::[0-5][0-9])?)') THEN CAST(t AS TIMESTAMPTZ) WHEN t IS NOT NULL THEN error('bridge') END;
