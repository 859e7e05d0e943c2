-- The root of a quotient (of the same arguments as pg_quotient): of the quotient as Postgres shows it, with as many decimals.
CREATE MACRO pg_root_of_quotient(x, mx, y, my, wx, wy, k, shown) AS list_transform([{'x': coalesce(x), 'y': coalesce(y)}], lambda v_: CASE WHEN v_['x'] IS NULL OR v_['y'] IS NULL THEN NULL ELSE
      list_transform([pg_quotient_scale_(v_['x'] * mx, v_['y'] * my, wx, wy, shown)], lambda r_: list_transform([pg_quotient_digits_(v_['x'], v_['y'], r_ + k)], lambda q_: pg_scaled_text(false, pg_root_(q_, r_), r_))[1])[1] END)[1];

-- Floats in the order of the rows, from a list. One at a time is slow (0.1 ms): a long list is the bridge's.
CREATE MACRO pg_short_(l) AS CASE WHEN len(l) > 1000 THEN error('bridge') ELSE l END;
CREATE MACRO pg_sum_of_reals(l) AS pg_finite(list_reduce(pg_short_(l), lambda x, y: CAST(x + y AS FLOAT)));
-- Youngs and Cramer: n, the sum, and the sum of squares of differences. NaN and infinity are the bridge's.
CREATE MACRO pg_deviates_(s, d) AS {'n': s['n'] + 1, 'sx': s['sx'] + d, 'sxx': s['sxx'] + (d * (s['n'] + 1) - (s['sx'] + d)) * (d * (s['n'] + 1) - (s['sx'] + d)) / (s['n'] * (s['n'] + 1))};
CREATE MACRO pg_moments_(l) AS list_reduce(list_transform(pg_short_(l), lambda v: {'n': CAST(1 AS DOUBLE), 'sx': CAST(v AS DOUBLE), 'sxx': CASE WHEN isfinite(v) THEN CAST(0 AS DOUBLE) ELSE CAST(v AS DOUBLE) END}), lambda s, e: pg_deviates_(s, e['sx']));
CREATE MACRO pg_settled_(x) AS CASE WHEN NOT isfinite(x) THEN error('bridge') ELSE x END;
CREATE MACRO pg_var_samp(l) AS list_transform([pg_moments_(l)], lambda s: CASE WHEN s['n'] > 1 THEN pg_settled_(s['sxx'] / (s['n'] - 1)) END)[1];
CREATE MACRO pg_var_pop(l) AS list_transform([pg_moments_(l)], lambda s: CASE WHEN s['n'] > 0 THEN pg_settled_(s['sxx'] / s['n']) END)[1];
CREATE MACRO pg_stddev_samp(l) AS sqrt(pg_var_samp(l));
CREATE MACRO pg_stddev_pop(l) AS sqrt(pg_var_pop(l));
-- The same of pairs. What is not finite, as it came in or by overflow, is the bridge's.
CREATE MACRO pg_pair_added_(s, x, y, tx, ty, scale) AS {'n': s['n'] + 1, 'sx': s['sx'] + x, 'sy': s['sy'] + y, 'sxx': s['sxx'] + tx * tx * scale, 'syy': s['syy'] + ty * ty * scale, 'sxy': s['sxy'] + tx * ty * scale};
CREATE MACRO pg_pair_deviates_(s, x, y) AS pg_pair_added_(s, x, y, x * (s['n'] + 1) - (s['sx'] + x), y * (s['n'] + 1) - (s['sy'] + y), CAST(1 AS DOUBLE) / ((s['n'] + 1) * s['n']));
CREATE MACRO pg_pairs_(l) AS list_reduce(list_transform(pg_short_(l), lambda v: {'n': CAST(1 AS DOUBLE), 'sx': v['x'], 'sy': v['y'], 'sxx': v['x'] - v['x'], 'syy': v['y'] - v['y'], 'sxy': v['x'] * 0 + v['y'] * 0}), lambda s, e: pg_pair_deviates_(s, e['sx'], e['sy']));
CREATE MACRO pg_moments_of_pairs_(l) AS list_transform([pg_pairs_(l)], lambda m_: CASE WHEN NOT (isfinite(m_['sx']) AND isfinite(m_['sy']) AND isfinite(m_['sxx']) AND isfinite(m_['syy']) AND isfinite(m_['sxy'])) THEN error('bridge') ELSE m_ END);
CREATE MACRO pg_regr_sxx(l) AS pg_moments_of_pairs_(l)[1]['sxx'];
CREATE MACRO pg_regr_syy(l) AS pg_moments_of_pairs_(l)[1]['syy'];
CREATE MACRO pg_regr_sxy(l) AS pg_moments_of_pairs_(l)[1]['sxy'];
CREATE MACRO pg_covar_pop(l) AS list_transform(pg_moments_of_pairs_(l), lambda s: s['sxy'] / s['n'])[1];
CREATE MACRO pg_covar_samp(l) AS list_transform(pg_moments_of_pairs_(l), lambda s: CASE WHEN s['n'] > 1 THEN s['sxy'] / (s['n'] - 1) END)[1];
CREATE MACRO pg_corr(l) AS list_transform(pg_moments_of_pairs_(l), lambda s: CASE WHEN s['sxx'] <> 0 AND s['syy'] <> 0 THEN pg_settled_(s['sxy'] / sqrt(s['sxx'] * s['syy'])) END)[1];
CREATE MACRO pg_regr_slope(l) AS list_transform(pg_moments_of_pairs_(l), lambda s: CASE WHEN s['sxx'] <> 0 THEN pg_settled_(s['sxy'] / s['sxx']) END)[1];
CREATE MACRO pg_regr_intercept(l) AS list_transform(pg_moments_of_pairs_(l), lambda s: CASE WHEN s['sxx'] <> 0 THEN pg_settled_((s['sy'] - s['sx'] * s['sxy'] / s['sxx']) / s['n']) END)[1];
CREATE MACRO pg_regr_r2(l) AS list_transform(pg_moments_of_pairs_(l), lambda s: CASE WHEN s['sxx'] <> 0 THEN CASE WHEN s['syy'] = 0 THEN CAST(1 AS DOUBLE) ELSE pg_settled_((s['sxy'] * s['sxy']) / (s['sxx'] * s['syy'])) END END)[1];

-- Percentiles of a sorted list.
CREATE MACRO pg_share_(p) AS CASE WHEN p < 0 OR p > 1 THEN error('22003') ELSE p END;
CREATE MACRO pg_at_share(l, p) AS CASE WHEN p IS NOT NULL THEN l[greatest(CAST(ceil(pg_share_(p) * len(l)) AS BIGINT), 1)] END;
CREATE MACRO pg_lerp_(l, place) AS CASE WHEN floor(place) = place THEN l[CAST(place AS BIGINT) + 1]
      ELSE l[CAST(floor(place) AS BIGINT) + 1] + (place - floor(place)) * (l[CAST(floor(place) AS BIGINT) + 2] - l[CAST(floor(place) AS BIGINT) + 1]) END;
CREATE MACRO pg_between_at_share(l, p) AS pg_lerp_(l, pg_share_(p) * (len(l) - 1));
-- The same of intervals, of which each length has one form: days and time of one sign.
CREATE MACRO pg_is_unjustified_(m, d, u) AS m <> 0 OR abs(u) >= 86400000000 OR sign(u) * sign(d) < 0;
CREATE MACRO pg_is_unjustified(i) AS list_transform([i], lambda i_: pg_is_unjustified_(pg_months(i_), datepart('day', i_), pg_us(i_)))[1];
-- Between two of them: a share of the difference, which has no months.
CREATE MACRO pg_share_of_days_(d, u, low) AS to_days(CAST(CAST(trunc(d) AS BIGINT) + CAST(trunc(pg_spilled_seconds(d, 0) / 86400) AS BIGINT) + datepart('day', low) AS INTEGER))
      + to_microseconds(CAST(u + (pg_spilled_seconds(d, 0) - trunc(pg_spilled_seconds(d, 0) / 86400) * 86400) * 1000000 AS BIGINT) + pg_us(low));
CREATE MACRO pg_interval_between_(low, high, f) AS pg_share_of_days_((datepart('day', high) - datepart('day', low)) * f, (pg_us(high) - pg_us(low)) * f, low);
CREATE MACRO pg_interval_lerp_(l, place) AS CASE WHEN floor(place) = place THEN l[CAST(place AS BIGINT) + 1]
      ELSE list_transform([{'a': l[CAST(floor(place) AS BIGINT) + 1], 'b': l[CAST(floor(place) AS BIGINT) + 2]}], lambda v_: pg_interval_between_(v_['a'], v_['b'], place - floor(place)))[1] END;
CREATE MACRO pg_interval_at_share(l, p) AS list_transform([l], lambda l_: pg_interval_lerp_(l_, pg_share_(p) * (len(l_) - 1)))[1];
