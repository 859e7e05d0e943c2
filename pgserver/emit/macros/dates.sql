-- Dates and timestamps: DuckDB's range is wider than Postgres' below, and for dates above; its years have a year 0.
CREATE MACRO pg_year(x) AS CASE WHEN year(x) > 0 THEN year(x) WHEN isinf(x) THEN error('bridge') ELSE year(x) - 1 END;
CREATE MACRO pg_date(d) AS CASE WHEN (d > DATE '5874897-12-31' OR d < DATE '4714-11-24 (BC)') AND isfinite(d) THEN error('22008') ELSE d END;
CREATE MACRO pg_days(a, b) AS CASE WHEN isinf(a) OR isinf(b) THEN error('22008') ELSE CAST(a - b AS INTEGER) END;
CREATE MACRO pg_timestamp(t) AS CASE WHEN t < TIMESTAMP '4714-11-24 (BC) 00:00:00' AND isfinite(t) THEN error('22008') ELSE t END;
CREATE MACRO pg_timestamptz(t) AS CASE WHEN t < TIMESTAMPTZ '4714-11-24 (BC) 00:00:00+00' AND isfinite(t) THEN error('22008') ELSE t END;
CREATE MACRO pg_trunc_(t, first) AS CASE WHEN isinf(t) THEN t WHEN year(t) < 1 THEN error('bridge') ELSE make_timestamp(first, 1, 1, 0, 0, 0) END;
CREATE MACRO pg_trunc_decade(t) AS CASE WHEN year(t) < 10 THEN error('bridge') ELSE pg_trunc_(t, (year(t) // 10) * 10) END;
CREATE MACRO pg_trunc_century(t) AS pg_trunc_(t, ((year(t) - 1) // 100) * 100 + 1);
CREATE MACRO pg_trunc_millennium(t) AS pg_trunc_(t, ((year(t) - 1) // 1000) * 1000 + 1);
CREATE MACRO pg_decade(x) AS CASE WHEN isinf(x) THEN error('bridge') WHEN year(x) >= 0 THEN year(x) // 10 ELSE - ((9 - year(x)) // 10) END;
CREATE MACRO pg_century(x) AS CASE WHEN isinf(x) THEN error('bridge') WHEN year(x) > 0 THEN (year(x) + 99) // 100 ELSE - ((100 - year(x)) // 100) END;
CREATE MACRO pg_millennium(x) AS CASE WHEN isinf(x) THEN error('bridge') WHEN year(x) > 0 THEN (year(x) + 999) // 1000 ELSE - ((1000 - year(x)) // 1000) END;
CREATE MACRO pg_isoyear(x) AS CASE WHEN isinf(x) THEN error('bridge') WHEN isoyear(x) > 0 THEN isoyear(x) ELSE isoyear(x) - 1 END;
CREATE MACRO pg_epoch_us(x) AS CASE WHEN isinf(x) THEN error('bridge') ELSE epoch_us(x) END;
CREATE MACRO pg_date_epoch(d) AS CASE WHEN isinf(d) THEN error('bridge') ELSE CAST(d - DATE '1970-01-01' AS BIGINT) * 86400 END;
CREATE MACRO pg_julian(d) AS CASE WHEN isinf(d) THEN error('bridge') ELSE CAST(julian(d) AS BIGINT) END;
CREATE MACRO pg_time_of_day(t) AS CASE WHEN isinf(t) THEN NULL ELSE CAST(t AS TIME) END;

-- A timestamp at fewer decimals of its seconds: `unit` microseconds; halves go away from 2000.
CREATE MACRO pg_rounded_(us, unit) AS CASE WHEN us >= 0 THEN (us + unit // 2) // unit * unit ELSE - ((unit // 2 - us) // unit * unit) END;
CREATE MACRO pg_timestamp_to(t, unit) AS CASE WHEN isinf(t) THEN t ELSE make_timestamp(pg_rounded_(epoch_us(t) - 946684800000000, unit) + 946684800000000) END;
CREATE MACRO pg_timestamptz_to(t, unit) AS CASE WHEN isinf(t) THEN t ELSE make_timestamptz(pg_rounded_(epoch_us(t) - 946684800000000, unit) + 946684800000000) END;

-- date_bin: the distance to the origin, in strides that begin at or before.
CREATE MACRO pg_bin(us, origin_us, stride_us) AS us - ((us - origin_us) % stride_us + stride_us) % stride_us;
CREATE MACRO pg_date_bin(stride_us, t, origin) AS CASE WHEN origin IS NULL THEN NULL WHEN isinf(t) THEN t WHEN isinf(origin) THEN error('22008') ELSE pg_timestamp(make_timestamp(pg_bin(epoch_us(t), epoch_us(origin), stride_us))) END;
CREATE MACRO pg_date_bin_zoned(stride_us, t, origin) AS CASE WHEN origin IS NULL THEN NULL WHEN isinf(t) THEN t WHEN isinf(origin) THEN error('22008') ELSE pg_timestamptz(make_timestamptz(pg_bin(epoch_us(t), epoch_us(origin), stride_us))) END;

-- Made of fields. Postgres takes 24:00:00 and second 60: rare, the bridge's.
CREATE MACRO pg_make_date(y, m, d) AS CASE WHEN y <= 0 THEN error('bridge') ELSE pg_date(make_date(y, m, d)) END;
CREATE MACRO pg_clock_us(h, m, s) AS CASE WHEN h NOT BETWEEN 0 AND 23 OR m NOT BETWEEN 0 AND 59 OR NOT (s >= 0 AND s < 59.999999) THEN error('bridge') ELSE (CAST(h AS BIGINT) * 60 + m) * 60000000 + CAST(s * 1000000 AS BIGINT) END;
CREATE MACRO pg_make_time(h, m, s) AS TIME '00:00:00' + to_microseconds(pg_clock_us(h, m, s));
CREATE MACRO pg_make_timestamp(y, mo, d, h, mi, s) AS CAST(pg_make_date(y, mo, d) AS TIMESTAMP) + to_microseconds(pg_clock_us(h, mi, s));
CREATE MACRO pg_from_epoch(x) AS CASE WHEN isinf(x) OR isnan(x) OR x < -200000000000 OR x > 9000000000000 THEN error('bridge')
      ELSE make_timestamptz(CAST((x - 946684800) * 1000000 AS BIGINT) + 946684800000000) END;

-- Two periods, each by its ends in either order. Of a period with one end unknown, the other is its begin.
CREATE MACRO pg_begins_in_(a, b, d) AS CASE WHEN d IS NULL THEN NULL WHEN a < d THEN true WHEN b IS NULL THEN NULL ELSE false END;
CREATE MACRO pg_overlap_(a, b, c, d) AS CASE WHEN a > c THEN pg_begins_in_(a, b, d) WHEN a < c THEN pg_begins_in_(c, d, b) WHEN b IS NULL OR d IS NULL OR a IS NULL OR c IS NULL THEN NULL ELSE true END;
CREATE MACRO pg_last_(a, b) AS CASE WHEN a IS NOT NULL AND b IS NOT NULL THEN greatest(a, b) END;
CREATE MACRO pg_overlaps(a, b, c, d) AS pg_overlap_(least(a, b), pg_last_(a, b), least(c, d), pg_last_(c, d));

-- Text, in DateStyle ISO.
CREATE MACRO pg_date_text(d) AS replace(CAST(d AS VARCHAR), ' (BC)', ' BC');
CREATE MACRO pg_local_text(t) AS CASE WHEN t < TIMESTAMP '0001-01-01 00:00:00' AND isfinite(t) THEN replace(CAST(t AS VARCHAR), ' (BC)', '') ELSE CAST(t AS VARCHAR) END;
CREATE MACRO pg_era(t) AS CASE WHEN t < TIMESTAMP '0001-01-01 00:00:00' AND isfinite(t) THEN ' BC' ELSE '' END;
CREATE MACRO pg_timestamp_text(t) AS pg_local_text(t) || pg_era(t);
CREATE MACRO pg_offset_text(s) AS CASE WHEN s < 0 THEN '-' ELSE '+' END || lpad(CAST(abs(s) // 3600 AS VARCHAR), 2, '0')
      || CASE WHEN s % 3600 = 0 THEN '' ELSE ':' || lpad(CAST(abs(s) // 60 % 60 AS VARCHAR), 2, '0') END || CASE WHEN s % 60 = 0 THEN '' ELSE ':' || lpad(CAST(abs(s) % 60 AS VARCHAR), 2, '0') END;
CREATE MACRO pg_timestamptz_text_(t, local) AS pg_local_text(local) || pg_offset_text((epoch_us(local) - epoch_us(t)) // 1000000) || pg_era(local);
CREATE MACRO pg_timestamptz_text(t) AS CASE WHEN isinf(t) THEN CAST(CAST(t AS TIMESTAMP) AS VARCHAR) ELSE list_transform([pg_local(t)], lambda l_: pg_timestamptz_text_(t, l_))[1] END;

-- Seconds as floats, rounded where Postgres rounds.
CREATE MACRO pg_float_second(us) AS CAST(us // 1000000 AS DOUBLE) + CAST(us % 1000000 AS DOUBLE) / CAST(1000000 AS DOUBLE);
CREATE MACRO pg_float_milliseconds(us) AS CAST(us // 1000000 AS DOUBLE) * CAST(1000 AS DOUBLE) + CAST(us % 1000000 AS DOUBLE) / CAST(1000 AS DOUBLE);
CREATE MACRO pg_float_epoch(us) AS CAST(us AS DOUBLE) / CAST(1000000 AS DOUBLE);

-- Texts as dates and times, in ISO's form, of the years 1 to 9999; and intervals of one unit.
CREATE MACRO pg_is_date_(t, tail) AS regexp_full_match(t, '(?:[0-9]{3}[1-9]|[0-9]{2}[1-9]0|[0-9][1-9]00|[1-9]000)-[0-9]{2}-[0-9]{2}' || tail);
CREATE MACRO pg_clock_form_() AS '(?:[01][0-9]|2[0-3]):[0-5][0-9](?::[0-5][0-9](?:[.][0-9]{1,6})?)?';
CREATE MACRO pg_date_of(t) AS CASE WHEN pg_is_date_(t, '') THEN CAST(t AS DATE) WHEN t IS NOT NULL THEN error('bridge') END;
CREATE MACRO pg_time_of(t) AS CASE WHEN regexp_full_match(t, pg_clock_form_()) THEN CAST(t AS TIME) WHEN t IS NOT NULL THEN error('bridge') END;
CREATE MACRO pg_timestamp_of(t) AS CASE WHEN pg_is_date_(t, '(?:[ T]' || pg_clock_form_() || ')?') THEN CAST(t AS TIMESTAMP) WHEN t IS NOT NULL THEN error('bridge') END;
