-- Intervals: months, days and microseconds, each with its own sign.
CREATE MACRO pg_months(i) AS datepart('year', i) * 12 + datepart('month', i);
CREATE MACRO pg_us(i) AS datepart('hour', i) * 3600000000 + datepart('minute', i) * 60000000 + datepart('microsecond', i);
-- Never compute with an interval that is a constant beside another: to DuckDB 1 month and 30 days are the same expression.
CREATE MACRO pg_interval(months, days, us) AS to_months(CAST(months AS INTEGER)) + to_days(CAST(days AS INTEGER)) + to_microseconds(CAST(us AS BIGINT));
CREATE MACRO pg_plus(a, b) AS pg_interval(pg_months(a) + pg_months(b), datepart('day', a) + datepart('day', b), pg_us(a) + pg_us(b));
CREATE MACRO pg_minus(a, b) AS pg_interval(pg_months(a) - pg_months(b), datepart('day', a) - datepart('day', b), pg_us(a) - pg_us(b));
-- A result: Arrow holds the time of an interval in nanoseconds.
CREATE MACRO pg_sent_interval(i) AS list_transform([CAST(i AS INTERVAL)], lambda i_: CASE WHEN pg_us(i_) NOT BETWEEN -9223372036854775 AND 9223372036854775 THEN error('bridge') ELSE i_ END)[1];

-- What remains of a larger unit gets its sign: `part` of `size` under `whole`.
CREATE MACRO pg_borrow(whole, part) AS CASE WHEN whole > 0 AND part < 0 THEN 1 WHEN whole < 0 AND part > 0 THEN -1 ELSE 0 END;
CREATE MACRO pg_days_time(months, days, us, borrowed) AS pg_interval(months, days - borrowed, us + borrowed * 86400000000);
CREATE MACRO pg_months_days(months, days, us, borrowed) AS pg_interval(months - borrowed, days + borrowed * 30, us);
CREATE MACRO pg_justify_hours_(m, d, u) AS pg_days_time(m, d, u, pg_borrow(d, u));
CREATE MACRO pg_justify_days_(m, d, u) AS pg_months_days(m, d, u, pg_borrow(m, d));
CREATE MACRO pg_justify_both_(m, d, u, borrowed) AS pg_days_time(m - borrowed, d + borrowed * 30, u, pg_borrow(d + borrowed * 30, u));
CREATE MACRO pg_justify_interval_(m, d, u) AS pg_justify_both_(m, d, u, CASE WHEN d = 0 THEN pg_borrow(m, u) ELSE pg_borrow(m, d) END);
CREATE MACRO pg_justify_whole_days_(m, d, u) AS pg_justify_interval_(m + d // 30, d % 30, u);
CREATE MACRO pg_justify_hours(i) AS pg_justify_hours_(pg_months(i), datepart('day', i) + pg_us(i) // 86400000000, pg_us(i) % 86400000000);
CREATE MACRO pg_justify_days(i) AS pg_justify_days_(pg_months(i) + datepart('day', i) // 30, datepart('day', i) % 30, pg_us(i));
CREATE MACRO pg_justify_interval(i) AS list_transform([i], lambda j_: pg_justify_whole_days_(pg_months(j_), datepart('day', j_) + pg_us(j_) // 86400000000, pg_us(j_) % 86400000000))[1];

-- Differences of timestamps: whole days and time, of one sign.
CREATE MACRO pg_elapsed_(us) AS to_days(CAST(us // 86400000000 AS INTEGER)) + to_microseconds(us % 86400000000);
CREATE MACRO pg_elapsed(a, b) AS CASE WHEN isinf(a) OR isinf(b) THEN error('bridge') ELSE pg_elapsed_(epoch_us(a) - epoch_us(b)) END;
CREATE MACRO pg_elapsed_us(a, b) AS CASE WHEN isinf(a) OR isinf(b) THEN error('bridge') ELSE epoch_us(a) - epoch_us(b) END;
CREATE MACRO pg_elapsed_float_epoch(us) AS pg_float_epoch(us % 86400000000) + CAST(86400 AS DOUBLE) * (us // 86400000000);
CREATE MACRO pg_age_zoned(a, b) AS CASE WHEN isinf(a) OR isinf(b) THEN error('bridge') ELSE age(pg_local(a), pg_local(b)) END;
CREATE MACRO pg_age(a, b) AS CASE WHEN isinf(a) OR isinf(b) THEN error('bridge') ELSE age(a, b) END;
CREATE MACRO pg_make_interval(y, mo, w, d, h, mi, s) AS pg_interval(CAST(y AS BIGINT) * 12 + mo, CAST(w AS BIGINT) * 7 + d, CAST(h AS BIGINT) * 3600000000 + CAST(mi AS BIGINT) * 60000000 + pg_rounded_us(s * 1000000));

-- Products and quotients by a float: what is left of a month becomes days, what is left of a day time. m, d, u: the floats of each part.
CREATE MACRO pg_rounded_us(x) AS CASE WHEN abs(x) <= CAST(9007199254740992 AS DOUBLE) THEN CAST(x AS BIGINT) ELSE error('bridge') END;
CREATE MACRO pg_at_microseconds(x) AS CAST(CAST(x * 1000000 AS BIGINT) AS DOUBLE) / 1000000;
CREATE MACRO pg_spilled_days(m) AS pg_at_microseconds((m - trunc(m)) * 30);
CREATE MACRO pg_spilled_seconds(d, spilled) AS pg_at_microseconds((d - trunc(d) + spilled - trunc(spilled)) * 86400);
CREATE MACRO pg_spilled_(m, d, u, spilled, seconds) AS pg_interval(trunc(m), CAST(trunc(d) AS BIGINT) + CAST(trunc(spilled) AS BIGINT) + CAST(trunc(seconds / 86400) AS BIGINT), u + (seconds - trunc(seconds / 86400) * 86400) * 1000000);
CREATE MACRO pg_spilled_from_days_(m, d, u, spilled) AS pg_spilled_(m, d, u, spilled, pg_spilled_seconds(d, spilled));
CREATE MACRO pg_spilled(m, d, u) AS pg_spilled_from_days_(m, d, u, pg_spilled_days(m));
CREATE MACRO pg_times(i, f) AS list_transform([{'i': coalesce(i), 'f': coalesce(f)}], lambda m_: pg_spilled(pg_months(m_['i']) * m_['f'], datepart('day', m_['i']) * m_['f'], pg_us(m_['i']) * m_['f']))[1];
CREATE MACRO pg_days_spilled_(d, seconds) AS pg_interval(0, CAST(trunc(d) AS BIGINT) + CAST(trunc(seconds / 86400) AS BIGINT), (seconds - trunc(seconds / 86400) * 86400) * 1000000);
CREATE MACRO pg_days_spilled(d) AS pg_days_spilled_(d, pg_at_microseconds((d - trunc(d)) * 86400));
CREATE MACRO pg_over(i, f) AS list_transform([{'i': coalesce(i), 'f': coalesce(f)}], lambda m_: CASE WHEN m_['f'] = 0 AND m_['i'] IS NOT NULL THEN error('22012') ELSE pg_spilled(pg_months(m_['i']) / m_['f'], datepart('day', m_['i']) / m_['f'], pg_us(m_['i']) / m_['f']) END)[1];

-- Text, in IntervalStyle postgres.
CREATE MACRO pg_interval_part(n, unit, after) AS CASE WHEN n = 0 THEN '' ELSE CASE WHEN after AND n > 0 THEN '+' ELSE '' END || n || ' ' || unit || CASE WHEN n = 1 THEN ' ' ELSE 's ' END END;
CREATE MACRO pg_clock(us) AS CASE WHEN us < 36000000000 THEN '0' ELSE '' END || us // 3600000000 || ':' || lpad(CAST(us // 60000000 % 60 AS VARCHAR), 2, '0')
      || ':' || lpad(CAST(us // 1000000 % 60 AS VARCHAR), 2, '0') || CASE WHEN us % 1000000 = 0 THEN '' ELSE '.' || rtrim(lpad(CAST(us % 1000000 AS VARCHAR), 6, '0'), '0') END;
CREATE MACRO pg_interval_text_(y, m, d, u) AS rtrim(pg_interval_part(y, 'year', false) || pg_interval_part(m, 'mon', y < 0) || pg_interval_part(d, 'day', CASE WHEN m = 0 THEN y < 0 ELSE m < 0 END)
      || CASE WHEN u = 0 AND (y <> 0 OR m <> 0 OR d <> 0) THEN '' ELSE CASE WHEN u < 0 THEN '-' WHEN d < 0 OR (d = 0 AND (m < 0 OR (m = 0 AND y < 0))) THEN '+' ELSE '' END || pg_clock(abs(u)) END);
CREATE MACRO pg_interval_text(i) AS list_transform([i], lambda p_: pg_interval_text_(datepart('year', p_), datepart('month', p_), datepart('day', p_), pg_us(p_)))[1];

-- Fields.
CREATE MACRO pg_quarter(i) AS CASE WHEN pg_months(i) < 0 THEN error('bridge') ELSE datepart('month', i) // 3 + 1 END;
CREATE MACRO pg_interval_epoch(i) AS CAST(CAST((datepart('year', i) * 31557600 + datepart('month', i) * 2592000 + datepart('day', i) * 86400) AS HUGEINT) * 1000000 + pg_us(i) AS DECIMAL(24, 0)) * CAST('0.000001' AS DECIMAL(6, 6));
CREATE MACRO pg_interval_float_epoch(i) AS pg_float_epoch(pg_us(i)) + CAST(31557600 AS DOUBLE) * datepart('year', i) + CAST(2592000 AS DOUBLE) * datepart('month', i) + CAST(86400 AS DOUBLE) * datepart('day', i);

-- Text of one unit.
CREATE MACRO pg_interval_of_(n, unit) AS CASE unit WHEN 'year' THEN pg_interval(n * 12, 0, 0) WHEN 'mon' THEN pg_interval(n, 0, 0) WHEN 'month' THEN pg_interval(n, 0, 0) WHEN 'week' THEN pg_interval(0, n * 7, 0)
      WHEN 'day' THEN pg_interval(0, n, 0) WHEN 'hour' THEN pg_interval(0, 0, n * 3600000000) WHEN 'minute' THEN pg_interval(0, 0, n * 60000000) WHEN 'second' THEN pg_interval(0, 0, n * 1000000) END;
CREATE MACRO pg_interval_of(t) AS CASE WHEN regexp_full_match(t, '[+-]?[0-9]{1,6} ?(?:year|month|mon|week|day|hour|minute|second)s?')
      THEN pg_interval_of_(CAST(regexp_extract(t, '[+-]?[0-9]+') AS BIGINT), regexp_extract(t, '([a-z]+?)s?$', 1)) WHEN t IS NOT NULL THEN error('bridge') END;
