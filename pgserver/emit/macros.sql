-- Macros that the emitter's rules name. The engine runs this file when a DuckDB starts.
-- An error('22012') is one of Postgres' SQLSTATEs; error('bridge') asks for the bridge.

-- Integer division and modulo: DuckDB gives NULL for a zero divisor.
CREATE MACRO pg_idiv(a, b) AS CASE WHEN b = 0 THEN error('22012') ELSE a // b END;
CREATE MACRO pg_mod(a, b) AS CASE WHEN b = 0 THEN error('22012') ELSE a % b END;
CREATE MACRO pg_imod(a, b) AS CASE WHEN b = 0 THEN error('22012') WHEN b = -1 THEN a - a ELSE a % b END;

-- A decimal's text, written with `scale` decimals, cut to the `shown` ones that Postgres keeps (the rest are zeros).
CREATE MACRO pg_shown(t, scale, shown) AS CASE WHEN shown = scale THEN t WHEN shown = 0 THEN left(t, CAST(-(scale + 1) AS BIGINT)) ELSE left(t, CAST(shown - scale AS BIGINT)) END;

-- A numeric of which we have Postgres' text: its number of decimals, and its value with at most 20 of them.
CREATE MACRO pg_text_scale(t) AS CAST(CASE WHEN contains(t, '.') THEN length(t) - instr(t, '.') ELSE 0 END AS INTEGER);
CREATE MACRO pg_text_number(t) AS CASE WHEN pg_text_scale(t) > 20 THEN error('bridge') ELSE CAST(t AS DECIMAL(38, 20)) END;

-- Numeric division. a / 10^sa by b / 10^sb as Postgres prints it; `shown` is the least number of decimals.
CREATE MACRO pg_pow10(k) AS list_extract([1::HUGEINT,10::HUGEINT,100::HUGEINT,1000::HUGEINT,10000::HUGEINT,100000::HUGEINT,1000000::HUGEINT,10000000::HUGEINT,100000000::HUGEINT,1000000000::HUGEINT,10000000000::HUGEINT,100000000000::HUGEINT,1000000000000::HUGEINT,10000000000000::HUGEINT,100000000000000::HUGEINT,1000000000000000::HUGEINT,10000000000000000::HUGEINT,100000000000000000::HUGEINT,1000000000000000000::HUGEINT,10000000000000000000::HUGEINT,100000000000000000000::HUGEINT,1000000000000000000000::HUGEINT,10000000000000000000000::HUGEINT,100000000000000000000000::HUGEINT,1000000000000000000000000::HUGEINT,10000000000000000000000000::HUGEINT,100000000000000000000000000::HUGEINT,1000000000000000000000000000::HUGEINT,10000000000000000000000000000::HUGEINT,100000000000000000000000000000::HUGEINT,1000000000000000000000000000000::HUGEINT,10000000000000000000000000000000::HUGEINT,100000000000000000000000000000000::HUGEINT,1000000000000000000000000000000000::HUGEINT,10000000000000000000000000000000000::HUGEINT,100000000000000000000000000000000000::HUGEINT,1000000000000000000000000000000000000::HUGEINT,10000000000000000000000000000000000000::HUGEINT,100000000000000000000000000000000000000::HUGEINT], CAST(k AS BIGINT) + 1);
CREATE MACRO pg_exponent(a, s) AS length(CAST(a AS VARCHAR)) - 1 - s + 400;
CREATE MACRO pg_first_digit(a, e) AS CAST(left(CAST(a AS VARCHAR) || '000', CAST(e % 4 + 1 AS INTEGER)) AS INTEGER);
CREATE MACRO pg_quotient_scale(a, sa, b, sb, shown) AS greatest(0, shown, 16 - 4 * (
      CASE WHEN a = 0 THEN 0 ELSE pg_exponent(a, sa) // 4 - 100 END - (pg_exponent(b, sb) // 4 - 100)
      - CASE WHEN a = 0 OR pg_first_digit(a, pg_exponent(a, sa)) <= pg_first_digit(b, pg_exponent(b, sb)) THEN 1 ELSE 0 END));
CREATE MACRO pg_rounded_quotient(n, d) AS n // d + CASE WHEN n % d >= d - n % d THEN 1 ELSE 0 END;
CREATE MACRO pg_scaled_text(neg, q, r) AS CASE WHEN neg AND q <> 0 THEN '-' ELSE '' END || CASE WHEN r = 0 THEN CAST(q AS VARCHAR) ELSE left(lpad(CAST(q AS VARCHAR), CAST(greatest(r + 1, length(CAST(q AS VARCHAR))) AS INTEGER), '0'), -r) || '.' || right(lpad(CAST(q AS VARCHAR), CAST(greatest(r + 1, length(CAST(q AS VARCHAR))) AS INTEGER), '0'), r) END;
CREATE MACRO pg_quotient_digits(neg, a, sa, b, sb, r) AS list_transform([pg_rounded_quotient(a * pg_pow10(r + sb - sa), b)], lambda q_: pg_scaled_text(neg, q_, r))[1];
CREATE MACRO pg_quotient_parts(a, sa, b, sb, shown) AS list_transform([pg_quotient_scale(abs(a), sa, abs(b), sb, shown)], lambda r_: pg_quotient_digits((a < 0) <> (b < 0), abs(a), sa, abs(b), sb, r_))[1];
CREATE MACRO pg_quotient(x, sx, y, sy, shown) AS list_transform([{'a': CAST(x AS HUGEINT), 'b': CAST(y AS HUGEINT)}], lambda v_:
      CASE WHEN v_.a IS NULL OR v_.b IS NULL THEN NULL WHEN v_.b = 0 THEN error('22012') ELSE pg_quotient_parts(v_.a, sx, v_.b, sy, shown) END)[1];

-- Floats: Postgres raises where a finite operation gives infinity or loses a non-zero value, and for a zero divisor.
CREATE MACRO pg_fchk(r, finite) AS CASE WHEN isinf(r) AND finite THEN error('22003') ELSE r END;
CREATE MACRO pg_fdiv(a, b) AS CASE WHEN b = 0 AND NOT isnan(a) THEN error('22012') WHEN isnan(a) THEN a WHEN isinf(a / b) AND isfinite(a) THEN error('22003') WHEN a / b = 0 AND a <> 0 AND isfinite(b) THEN error('22003') ELSE a / b END;
CREATE MACRO pg_fmul(a, b) AS CASE WHEN isinf(a * b) AND isfinite(a) AND isfinite(b) THEN error('22003') WHEN a * b = 0 AND a <> 0 AND b <> 0 THEN error('22003') ELSE a * b END;

-- Text.
CREATE MACRO pg_substr2(s, f) AS CASE WHEN f IS NOT NULL THEN substr(s, greatest(f, 1)) END;
CREATE MACRO pg_substr3(s, f, n) AS CASE WHEN f IS NULL OR n IS NULL THEN NULL WHEN n < 0 THEN error('22011') ELSE substr(s, greatest(f, 1), greatest(CAST(f AS BIGINT) + n - greatest(f, 1), 0)) END;
