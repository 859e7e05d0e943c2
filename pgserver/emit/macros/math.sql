-- Floats: Postgres raises where a finite operation gives infinity or loses a non-zero value, and for a zero divisor.
CREATE MACRO pg_fchk(r, finite) AS CASE WHEN isinf(r) AND finite THEN error('22003') ELSE r END;
CREATE MACRO pg_fdiv(a, b) AS CASE WHEN b = 0 AND NOT isnan(a) THEN error('22012') WHEN isnan(a) THEN a + b WHEN isinf(a / b) AND isfinite(a) THEN error('22003') WHEN a / b = 0 AND a <> 0 AND isfinite(b) THEN error('22003') ELSE a / b END;
CREATE MACRO pg_fmul(a, b) AS CASE WHEN isinf(a * b) AND isfinite(a) AND isfinite(b) THEN error('22003') WHEN a * b = 0 AND a <> 0 AND b <> 0 THEN error('22003') ELSE a * b END;

-- A sum of floats that is infinite: of finite values that is an error, which the bridge finds out.
CREATE MACRO pg_finite(x) AS CASE WHEN isinf(x) THEN error('bridge') ELSE x END;

-- libm: Postgres raises where a result overflows or underflows; what glibc says of denormal results is for it to tell.
CREATE MACRO pg_ranged_(r, finite) AS CASE WHEN finite AND (isinf(r) OR abs(r) < CAST('2.2250738585072014e-308' AS DOUBLE)) THEN error('bridge') ELSE r END;
CREATE MACRO pg_exp(x) AS pg_ranged_(exp(x), isfinite(x));
CREATE MACRO pg_pow(x, y) AS CASE WHEN (x = 0 AND y < 0) OR (x < 0 AND isfinite(y) AND floor(y) <> y) THEN error('2201F') ELSE pg_ranged_(pow(x, y), x <> 0 AND isfinite(x) AND isfinite(y)) END;
CREATE MACRO pg_acosh(x) AS CASE WHEN x < 1 THEN error('22003') ELSE acosh(x) END;
CREATE MACRO pg_atanh(x) AS CASE WHEN x = -1 THEN CAST('-infinity' AS DOUBLE) ELSE atanh(x) END;  -- of -1, DuckDB says infinity

-- Half to even, as rint(): round_even() is wrong between 2^51 and 2^52. Above 2^52 floats are whole numbers.
CREATE MACRO pg_rint(x) AS CASE WHEN x = 0 OR abs(x) >= CAST(4503599627370496 AS DOUBLE) THEN x WHEN x > 0 THEN (x + CAST(4503599627370496 AS DOUBLE)) - CAST(4503599627370496 AS DOUBLE)
      ELSE - ((CAST(4503599627370496 AS DOUBLE) - x) - CAST(4503599627370496 AS DOUBLE)) END;

CREATE MACRO pg_factorial(n) AS CASE WHEN n < 0 OR n > 33 THEN error('bridge') ELSE factorial(CAST(n AS INTEGER)) END;

-- The bucket of x among n equal ones from lo to hi, 0 below and n + 1 above them: of whole numbers, and of floats.
CREATE MACRO pg_bucket(x, lo, hi, n) AS CASE WHEN x IS NULL OR lo IS NULL OR hi IS NULL OR n IS NULL THEN NULL WHEN n <= 0 OR lo = hi THEN error('2201G')
      WHEN (lo < hi AND x < lo) OR (lo > hi AND x > lo) THEN 0 WHEN (lo < hi AND x >= hi) OR (lo > hi AND x <= hi) THEN CAST(n + 1 AS INTEGER)
      ELSE CAST((x - lo) * n // (hi - lo) AS INTEGER) + 1 END;
CREATE MACRO pg_float_bucket(x, lo, hi, n) AS CASE WHEN x IS NULL OR lo IS NULL OR hi IS NULL OR n IS NULL THEN NULL WHEN n <= 0 OR lo = hi OR isnan(x) OR isnan(lo) OR isnan(hi) THEN error('2201G') WHEN isinf(lo - hi) THEN error('bridge')
      WHEN (lo < hi AND x < lo) OR (lo > hi AND x > lo) THEN 0 WHEN (lo < hi AND x >= hi) OR (lo > hi AND x <= hi) THEN CAST(n + 1 AS INTEGER)
      WHEN lo < hi THEN least(CAST(trunc(n * ((x - lo) / (hi - lo))) AS INTEGER), n - 1) + 1 ELSE least(CAST(trunc(n * ((lo - x) / (lo - hi))) AS INTEGER), n - 1) + 1 END;
