-- Formatting and reading by patterns.
-- th, st, nd, rd: by the last digit, but 11, 12 and 13.
CREATE MACRO pg_ordinal(s) AS CASE WHEN length(s) > 1 AND substr(s, -2, 1) = '1' THEN 'th' ELSE CASE right(s, 1) WHEN '1' THEN 'st' WHEN '2' THEN 'nd' WHEN '3' THEN 'rd' ELSE 'th' END END;
-- Whether an interval is there; one with a negative part is the bridge's.
CREATE MACRO pg_forward(x) AS CASE WHEN datepart('hour', x) < 0 OR datepart('minute', x) < 0 OR datepart('microsecond', x) < 0 OR datepart('day', x) < 0 OR datepart('month', x) < 0 OR datepart('year', x) < 0 THEN error('bridge') ELSE x IS NOT NULL END;
-- A text of exactly a form. Postgres reads a year 0 as 1 BC.
CREATE MACRO pg_read_time(s, form, code) AS CASE WHEN regexp_full_match(s, form) THEN CASE WHEN year(strptime(s, code)) < 1 THEN error('bridge') ELSE strptime(s, code) END WHEN s IS NOT NULL THEN error('bridge') END;

-- to_char of numbers. t is the number's text with the decimals of the pattern, `wide` what stands for one that has more places; `least` digits stand before the point, in groups of three if `grouped`.
CREATE MACRO pg_whole_digits(w, least, grouped) AS CASE WHEN w = '0' THEN repeat('0', least) WHEN length(w) < least THEN lpad(w, least, '0') WHEN grouped AND length(w) > 3 THEN format('{:,}', CAST(w AS BIGINT)) ELSE w END;
CREATE MACRO pg_signed_(t, plus) AS CASE WHEN starts_with(t, '-') THEN '-' ELSE plus END;
CREATE MACRO pg_number_padded_(t, w, wide, places, least, grouped, width) AS CASE WHEN length(w) > places THEN pg_signed_(t, ' ') || wide ELSE lpad(pg_signed_(t, ' ') || pg_whole_digits(w, least, grouped) || substr(t, length(w) + 1 + CAST(starts_with(t, '-') AS INTEGER)), width, ' ') END;
CREATE MACRO pg_number_padded(t, wide, places, least, grouped, width) AS list_transform([t], lambda n: pg_number_padded_(n, replace(split_part(n, '.', 1), '-', ''), wide, places, least, grouped, width))[1];
CREATE MACRO pg_number_short_(t, w, f, wide, places, least, grouped, kept) AS CASE WHEN length(w) > places THEN pg_signed_(t, '') || wide ELSE pg_signed_(t, '') || pg_whole_digits(w, CASE WHEN least + kept = 0 AND rtrim(f, '0') = '' THEN 1 ELSE least END, grouped) || CASE WHEN f = '' THEN '' ELSE '.' || left(f, kept) || rtrim(substr(f, kept + 1), '0') END END;
CREATE MACRO pg_number_short(t, wide, places, least, grouped, kept) AS list_transform([t], lambda n: pg_number_short_(n, replace(split_part(n, '.', 1), '-', ''), split_part(n, '.', 2), wide, places, least, grouped, kept))[1];
CREATE MACRO pg_fixed(x, form, bound) AS CASE WHEN abs(x) < bound - 1 THEN printf(form, CAST(x AS DOUBLE)) WHEN x IS NOT NULL THEN error('bridge') END;
