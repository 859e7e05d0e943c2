-- Macros that the rules of the emitter name: numeric. The engine runs the files of this folder when a DuckDB starts.
-- An error('22012') is one of Postgres' SQLSTATEs; error('bridge') asks for the bridge.
-- A field is coalesce(x), not x: were x a macro's call, DuckDB would forget the field's name when it binds a correlated subquery again.

-- An integer that must fit: a bare CAST is left out of comparisons.
CREATE MACRO pg_int2(x) AS CASE WHEN x < -32768 OR x > 32767 THEN error('22003') ELSE CAST(x AS SMALLINT) END;
CREATE MACRO pg_int4(x) AS CASE WHEN x < -2147483648 OR x > 2147483647 THEN error('22003') ELSE CAST(x AS INTEGER) END;

-- Integer division and modulo: DuckDB gives NULL for a zero divisor.
CREATE MACRO pg_idiv(a, b) AS CASE WHEN b = 0 THEN error('22012') ELSE a // b END;
CREATE MACRO pg_mod(a, b) AS CASE WHEN b = 0 THEN error('22012') ELSE a % b END;
CREATE MACRO pg_imod(a, b) AS CASE WHEN b = 0 THEN error('22012') WHEN b = -1 THEN a - a ELSE a % b END;

-- A decimal's text, written with `scale` decimals, cut to the `shown` ones that Postgres keeps (the rest are zeros).
CREATE MACRO pg_shown(t, scale, shown) AS CASE WHEN shown = scale THEN t WHEN shown = 0 THEN left(t, CAST(-(scale + 1) AS BIGINT)) ELSE left(t, CAST(shown - scale AS BIGINT)) END;

-- A numeric of which we have Postgres' text: its number of decimals, and its value with at most 20 of them.
CREATE MACRO pg_text_scale(t) AS CAST(CASE WHEN contains(t, '.') THEN length(t) - instr(t, '.') ELSE 0 END AS INTEGER);
CREATE MACRO pg_text_number(t) AS CASE WHEN pg_text_scale(t) > 20 THEN error('bridge')
      WHEN length(t) <= 12 AND pg_text_scale(t) <= 6 THEN CAST(CAST(t AS DECIMAL(18, 6)) AS DECIMAL(38, 20)) ELSE CAST(t AS DECIMAL(38, 20)) END; -- the wide one takes 15 us
-- NaN and the infinities are Postgres' to compute with.
CREATE MACRO pg_number_text(t) AS CASE WHEN right(t, 1) > '9' THEN error('bridge') ELSE t END;

-- Numeric division: x by y, each a HUGEINT of digits, with as many digits as Postgres gives. The emitter works out from the
-- scales sx and sy of x and y: mx and my, which bring them to multiples of 4 decimals (to read them in base 10000), wx and
-- wy, 10000 times those decimals in base 10000, and k = sy - sx; `shown` is the least number of decimals.
-- A list_transform over one element names a value that is used more than once (15 ns). DuckDB binds a macro's nodes for every
-- statement, 20 us each, which one of a few rows waits for: so they are few, and HUGEINT's own // is used, a microsecond a row.
-- pg_place: 10000 * weight + leading digit of a number in base 10000. By its text: DuckDB binds that in half the time of a CASE over
-- powers of 10000; so is pg_pow10.
CREATE MACRO pg_place_of_text_(d) AS 10000 * ((length(d) - 1) // 4) + CAST(left(d, (length(d) - 1) % 4 + 1) AS BIGINT);
CREATE MACRO pg_place(x) AS list_transform([CAST(x AS VARCHAR)], lambda d_: pg_place_of_text_(d_))[1];
CREATE MACRO pg_pow10(k) AS CAST(rpad('1', CAST(greatest(k, 0) AS INTEGER) + 1, '0') AS HUGEINT);
CREATE MACRO pg_quotient_scale_(x, y, wx, wy, shown) AS greatest(shown, CAST(16 - 4 * ((CASE WHEN x = 0 THEN 0 ELSE pg_place(x) - wx END - pg_place(y) + wy + 999999) // 10000 - 100) AS INTEGER));
CREATE MACRO pg_rounded_quotient(n, b) AS (n + b // 2) // b;
CREATE MACRO pg_long_quotient_(a, b, k) AS (a * pg_pow10(greatest(k - 10, 0))) // b * pg_pow10(least(k, 10)) + pg_rounded_quotient(((a * pg_pow10(greatest(k - 10, 0))) % b) * pg_pow10(least(k, 10)), b);
CREATE MACRO pg_quotient_digits_(a, b, k) AS CASE WHEN k < 0 THEN pg_rounded_quotient(a, b * pg_pow10(-k)) WHEN CAST(a AS DOUBLE) * pow(10, k) < 1e38 THEN pg_rounded_quotient(a * pg_pow10(k), b) ELSE pg_long_quotient_(a, b, k) END;
CREATE MACRO pg_pointed_(d, r) AS CASE WHEN r = 0 THEN d WHEN length(d) > r THEN left(d, -r) || '.' || right(d, r) ELSE '0.' || lpad(d, r, '0') END;
CREATE MACRO pg_scaled_text(neg, q, r) AS list_transform([CAST(q AS VARCHAR)], lambda d_: CASE WHEN neg AND d_ <> '0' THEN '-' ELSE '' END || pg_pointed_(d_, r))[1];
CREATE MACRO pg_operands_(x, mx, y, my) AS list_transform([{'x': coalesce(x), 'y': coalesce(y)}], lambda o_: {'x': o_['x'], 'y': o_['y'], 'a': abs(o_['x']), 'b': abs(o_['y']), 'p': abs(o_['x']) * mx, 'q': abs(o_['y']) * my});
CREATE MACRO pg_quotient_scale(x, mx, y, my, wx, wy, k, shown) AS list_transform([{'x': abs(x) * mx, 'y': abs(y) * my}], lambda v_: CASE WHEN v_['y'] = 0 THEN error('22012') ELSE pg_quotient_scale_(v_['x'], v_['y'], wx, wy, shown) END)[1];
CREATE MACRO pg_quotient(x, mx, y, my, wx, wy, k, shown) AS list_transform(pg_operands_(x, mx, y, my), lambda v_:
      CASE WHEN v_['x'] IS NULL OR v_['y'] IS NULL THEN NULL WHEN v_['y'] = 0 THEN error('22012') ELSE
      list_transform([pg_quotient_scale_(v_['p'], v_['q'], wx, wy, shown)], lambda r_: pg_scaled_text((v_['x'] < 0) <> (v_['y'] < 0), pg_quotient_digits_(v_['a'], v_['b'], r_ + k), r_))[1] END)[1];
-- The same as a number with 20 decimals; a quotient that shows more takes the bridge.
CREATE MACRO pg_at_20_(q, r) AS CAST(CASE WHEN r > 20 THEN error('bridge') ELSE q * pg_pow10(20 - r) END AS DECIMAL(38, 0)) * CAST('0.00000000000000000001' AS DECIMAL(20, 20));
CREATE MACRO pg_quotient_number(x, mx, y, my, wx, wy, k, shown) AS list_transform(pg_operands_(x, mx, y, my), lambda v_:
      CASE WHEN v_['x'] IS NULL OR v_['y'] IS NULL THEN NULL WHEN v_['y'] = 0 THEN error('22012') ELSE
      list_transform([pg_quotient_scale_(v_['p'], v_['q'], wx, wy, shown)], lambda r_: CASE WHEN (v_['x'] < 0) <> (v_['y'] < 0) THEN -1 ELSE 1 END * pg_at_20_(pg_quotient_digits_(v_['a'], v_['b'], r_ + k), r_))[1] END)[1];
-- The same for an average whose values have one scale: its divisor is a count, and no digit is cut off, as `shown` is that scale.
CREATE MACRO pg_average_operands_(x, mx, y) AS [{'x': coalesce(x), 'p': CAST(abs(x) * mx AS VARCHAR), 'y': CAST(y AS BIGINT), 'c': CAST(y AS VARCHAR)}];
CREATE MACRO pg_average_scale_(v, wx, wy, shown) AS greatest(shown, CAST(16 - 4 * ((pg_place_of_text_(v['p']) - CASE WHEN v['x'] = 0 THEN 0 ELSE wx END - pg_place_of_text_(v['c']) + wy + 999999) // 10000 - 100) AS INTEGER));
CREATE MACRO pg_average_digits_(v, k) AS pg_rounded_quotient(abs(v['x']) * CAST(rpad('1', k + 1, '0') AS HUGEINT), v['y']);
CREATE MACRO pg_average(x, mx, y, my, wx, wy, k, shown) AS list_transform(pg_average_operands_(x, mx, y), lambda v_:
      list_transform([pg_average_scale_(v_, wx, wy, shown)], lambda r_: pg_scaled_text(v_['x'] < 0, pg_average_digits_(v_, r_ + k), r_))[1])[1];
CREATE MACRO pg_average_number(x, mx, y, my, wx, wy, k, shown) AS list_transform(pg_average_operands_(x, mx, y), lambda v_:
      list_transform([pg_average_scale_(v_, wx, wy, shown)], lambda r_: CASE WHEN v_['x'] < 0 THEN -1 ELSE 1 END * pg_at_20_(pg_average_digits_(v_, r_ + k), r_))[1])[1];

-- The decimals that a numeric's text needs: those up to its last digit that is not 0.
CREATE MACRO pg_min_scale(t) AS CASE WHEN contains(t, '.') THEN CAST(length(rtrim(t, '0')) - instr(t, '.') AS INTEGER) WHEN t NOT IN ('NaN', 'Infinity', '-Infinity') THEN 0 END;

-- The whole number next to the root of q * 10^r. pg_residue_: q * 10^r - s^2, in two limbs of 10^(2h), as the product may
-- have more than 38 digits.
CREATE MACRO pg_residue_(q, r, h, s) AS (q * pg_pow10(r - 2 * h) - (s // pg_pow10(h)) * (s // pg_pow10(h))) * pg_pow10(2 * h) - 2 * (s // pg_pow10(h)) * (s % pg_pow10(h)) * pg_pow10(h) - (s % pg_pow10(h)) * (s % pg_pow10(h));
CREATE MACRO pg_nearest_root_(s, residue) AS s + CASE WHEN residue > s THEN 1 WHEN residue <= -s THEN -1 ELSE 0 END;
CREATE MACRO pg_improved_root_(q, r, h, s) AS list_transform([s + CAST(round(CAST(pg_residue_(q, r, h, s) AS DOUBLE) / (2 * CAST(s AS DOUBLE))) AS HUGEINT)], lambda i_: pg_nearest_root_(i_, pg_residue_(q, r, h, i_)))[1];
CREATE MACRO pg_root_(q, r) AS list_transform([CAST(sqrt(CAST(q AS DOUBLE) * pow(10, r)) AS HUGEINT)], lambda s_: pg_improved_root_(q, r, least(r // 2, 10), s_))[1];

-- The square root of x (a HUGEINT of digits, s of them decimals), with as many digits as Postgres gives; see pg_quotient.
CREATE MACRO pg_sqrt_scale_(x, mx, wx, shown) AS greatest(shown, CAST(15 - 2 * (CASE WHEN x = 0 THEN 0 ELSE (pg_place(x * mx) - wx + 1000000) // 10000 - 100 END) AS INTEGER));
CREATE MACRO pg_sqrt(x, mx, wx, s, shown) AS list_transform([x], lambda v_: CASE WHEN v_ < 0 THEN error('2201F') WHEN v_ IS NOT NULL THEN list_transform([pg_sqrt_scale_(v_, mx, wx, shown)], lambda r_:
      CASE WHEN v_ = 0 THEN pg_scaled_text(false, 0, r_) WHEN 2 * r_ < s THEN error('bridge') ELSE pg_scaled_text(false, pg_root_(v_, 2 * r_ - s), r_) END)[1] END)[1];

-- The square of x. Postgres takes its number of digits from a logarithm: what is next to a whole one is the bridge's.
CREATE MACRO pg_square_log_(x, s) AS 2 * (log10(greatest(CAST(abs(x) AS DOUBLE), 1)) - s);
CREATE MACRO pg_square_scale_(x, f, shown) AS CASE WHEN x = 0 THEN greatest(shown, 16) WHEN abs(f - round(f)) < 1e-9 AND abs(x) <> pg_pow10(CAST(round(log10(greatest(CAST(abs(x) AS DOUBLE), 1))) AS INTEGER)) THEN error('bridge')
      ELSE greatest(shown, 16 - CAST(trunc(f) AS INTEGER), 0) END;
CREATE MACRO pg_square_text_(x, s, r) AS pg_scaled_text(false, CASE WHEN r >= 2 * s THEN x * x * pg_pow10(greatest(r - 2 * s, 0)) ELSE pg_rounded_quotient(x * x, pg_pow10(greatest(2 * s - r, 0))) END, r);
CREATE MACRO pg_square(x, s, shown) AS list_transform([x], lambda v_: CASE WHEN v_ IS NOT NULL THEN list_transform([pg_square_scale_(v_, pg_square_log_(v_, s), shown)], lambda r_: pg_square_text_(v_, s, r_))[1] END)[1];
