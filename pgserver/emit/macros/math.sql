-- Floats: Postgres raises where a finite operation gives infinity or loses a non-zero value, and for a zero divisor.
CREATE MACRO pg_fchk(r, finite) AS CASE WHEN isinf(r) AND finite THEN error('22003') ELSE r END;
CREATE MACRO pg_fdiv(a, b) AS CASE WHEN b = 0 AND NOT isnan(a) THEN error('22012') WHEN isnan(a) THEN a WHEN isinf(a / b) AND isfinite(a) THEN error('22003') WHEN a / b = 0 AND a <> 0 AND isfinite(b) THEN error('22003') ELSE a / b END;
CREATE MACRO pg_fmul(a, b) AS CASE WHEN isinf(a * b) AND isfinite(a) AND isfinite(b) THEN error('22003') WHEN a * b = 0 AND a <> 0 AND b <> 0 THEN error('22003') ELSE a * b END;

-- A sum of floats that is infinite: of finite values that is an error, which the bridge finds out.
CREATE MACRO pg_finite(x) AS CASE WHEN isinf(x) THEN error('bridge') ELSE x END;
