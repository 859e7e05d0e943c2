-- Casts between numbers and texts. Where Postgres raises, or a text is not spelled plainly, the bridge answers.

-- The text of floats: the shortest that reads back, with an exponent below 1e-4 and from 1e15 (1e6 for real) on.
-- From 2^54 on a shortest form may lie on the bound of what is rounded to the float; Postgres takes a digit more there.
-- Powers of two are odd: their bounds are not alike, and DuckDB prints 2^81, 2^91 and 2^804 wrong.
CREATE MACRO pg_is_power_(x) AS abs(x) = pow(2, round(log2(greatest(abs(x), 1e-300))));
CREATE MACRO pg_plain_(t) AS CASE WHEN suffix(t, '.0') THEN left(t, -2) ELSE t END;
CREATE MACRO pg_e15_(t) AS regexp_replace(regexp_replace(t, '^(-?)(\d)(\d*)\.(\d*)$', '\1\2.\3\4'), '\.?0*$', '') || 'e+15';
CREATE MACRO pg_on_bound_(t, x) AS 2 * abs(CAST(CAST(t AS DECIMAL(38, 0)) AS HUGEINT) - CAST(x AS HUGEINT)) = CAST(pow(2, floor(log2(abs(x))) - 52) AS HUGEINT);
CREATE MACRO pg_large_text_(x) AS CASE WHEN NOT pg_on_bound_(CAST(x AS VARCHAR), x) THEN pg_plain_(CAST(x AS VARCHAR))
      WHEN CAST(printf('%.15e', x) AS DOUBLE) = x AND NOT pg_on_bound_(printf('%.15e', x), x) THEN printf('%.15e', x) ELSE printf('%.16e', x) END;
CREATE MACRO pg_float8_text(x) AS CASE WHEN abs(x) < 1e15 THEN pg_plain_(CAST(x AS VARCHAR)) WHEN abs(x) < 1e16 THEN pg_e15_(CAST(x AS VARCHAR)) WHEN abs(x) < 18014398509481984 THEN CAST(x AS VARCHAR)
      WHEN isnan(x) THEN 'NaN' WHEN isinf(x) THEN CASE WHEN x > 0 THEN 'Infinity' ELSE '-Infinity' END WHEN pg_is_power_(x) THEN error('bridge')
      WHEN abs(x) < 1e30 THEN pg_large_text_(x) WHEN abs(x) < 1e45 THEN error('bridge') ELSE CAST(x AS VARCHAR) END;
CREATE MACRO pg_reads_back_(t, x) AS CAST(t AS FLOAT) = x AND NOT (abs(x) >= 16777216 AND 2 * abs(CAST(t AS DOUBLE) - CAST(x AS DOUBLE)) = pow(2, floor(log2(greatest(abs(CAST(x AS DOUBLE)), 1))) - 23));
CREATE MACRO pg_float4_text(x) AS CASE WHEN NOT isfinite(x) THEN CASE WHEN isnan(x) THEN 'NaN' WHEN x > 0 THEN 'Infinity' ELSE '-Infinity' END
      WHEN x = 0 THEN pg_plain_(CAST(x AS VARCHAR)) WHEN abs(x) < CAST('1.1754944e-38' AS FLOAT) THEN error('bridge')
      WHEN abs(x) >= CAST(1e-4 AS FLOAT) AND abs(x) < 1e6 THEN CASE WHEN pg_reads_back_(printf('%.6g', x), x) THEN printf('%.6g', x) WHEN pg_reads_back_(printf('%.7g', x), x) THEN printf('%.7g', x) WHEN pg_reads_back_(printf('%.8g', x), x) THEN printf('%.8g', x) ELSE printf('%.9g', x) END
      ELSE regexp_replace(CASE WHEN pg_reads_back_(printf('%.5e', x), x) THEN printf('%.5e', x) WHEN pg_reads_back_(printf('%.6e', x), x) THEN printf('%.6e', x) WHEN pg_reads_back_(printf('%.7e', x), x) THEN printf('%.7e', x) WHEN pg_is_power_(x) THEN error('bridge') ELSE printf('%.8e', x) END, '\.?0*e', 'e') END;

-- A float as numeric: of as many digits as a float surely has. t: its text of so many, in exponential form where %g gives it.
CREATE MACRO pg_unpowered_(d, e) AS CASE WHEN e < 0 THEN '0.' || repeat('0', -e - 1) || d ELSE rpad(d, e + 1, '0') END;
CREATE MACRO pg_float_digits_(t, x) AS CASE WHEN x = 0 THEN '0' WHEN NOT isfinite(x) THEN error('bridge') WHEN NOT contains(t, 'e') THEN t
      ELSE CASE WHEN x < 0 THEN '-' ELSE '' END || pg_unpowered_(regexp_replace(t, '^-|[.]|e.*$', '', 'g'), CAST(regexp_extract(t, 'e(.*)$', 1) AS INTEGER)) END;
CREATE MACRO pg_float8_digits(x) AS pg_float_digits_(printf('%.15g', x), x);
CREATE MACRO pg_float4_digits(x) AS pg_float_digits_(printf('%.6g', x), x);
CREATE MACRO pg_float4(x) AS CASE WHEN (isinf(CAST(x AS FLOAT)) AND isfinite(x)) OR (CAST(x AS FLOAT) = 0 AND x <> 0) THEN error('22003') ELSE CAST(x AS FLOAT) END;

-- Texts as numbers, truth values, bytes.
CREATE MACRO pg_integer_of(t) AS CASE WHEN regexp_full_match(t, '\s*[+-]?[0-9]{1,19}\s*') THEN t WHEN t IS NOT NULL THEN error('bridge') END;
CREATE MACRO pg_numeric_of(t) AS CASE WHEN regexp_full_match(t, '(0|-?[1-9][0-9]*)(\.[0-9]+)?|-0\.[0-9]*[1-9][0-9]*') THEN t WHEN t IS NOT NULL THEN error('bridge') END;
CREATE MACRO pg_in_range_(r, t) AS CASE WHEN isinf(r) OR (r = 0 AND regexp_matches(t, '^[^eE]*[1-9]')) THEN error('bridge') ELSE r END;
CREATE MACRO pg_spelled_(t) AS CASE WHEN regexp_full_match(t, '\s*[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?\s*') THEN t WHEN t IS NOT NULL THEN error('bridge') END;
CREATE MACRO pg_float8_of(t) AS pg_in_range_(CAST(pg_spelled_(t) AS DOUBLE), t);
CREATE MACRO pg_float4_of(t) AS pg_in_range_(CAST(pg_spelled_(t) AS FLOAT), t);
CREATE MACRO pg_bool_of(t) AS CASE WHEN regexp_full_match(t, '(?i)\s*(t(r(ue?)?)?|y(es?)?|on|1)\s*') THEN true WHEN regexp_full_match(t, '(?i)\s*(f(a(l(se?)?)?)?|no?|off?|0)\s*') THEN false WHEN t IS NOT NULL THEN error('bridge') END;
CREATE MACRO pg_uuid_of(t) AS CASE WHEN regexp_full_match(t, '[0-9a-fA-F]{8}-([0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}') THEN CAST(t AS UUID) WHEN t IS NOT NULL THEN error('bridge') END;
CREATE MACRO pg_bytea_of(t) AS CASE WHEN regexp_full_match(t, '\\x([0-9a-fA-F]{2})*') THEN unhex(substr(t, 3)) WHEN t IS NOT NULL THEN error('bridge') END;
