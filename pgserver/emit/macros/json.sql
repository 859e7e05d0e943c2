-- jsonb is stored as Postgres' text of it. DuckDB's parser gives fragments in a form of its own: without blanks, numbers with a fraction
-- as floats, control characters in capital hex. Strings, whole numbers of any length, true, false and null stay as they were.
-- A fragment with Postgres' blanks behind ":" and ",": by plain replacement, unless a string holds one of these. The regexp_replace then
-- appends what it looks for, so that it finds none in the last string, and cuts it off again.
CREATE MACRO pg_jsonb_spaced(r) AS CASE WHEN regexp_full_match(r, '(?:[^"]|"[^",:\\]*")*') THEN replace(replace(r, ',', ', '), ':', ': ')
      ELSE left(regexp_replace(r || ',', '((?:"(?:[^"\\]|\\.)*"|[^",:])*)([,:])', '\1\2 ', 'g'), -2) END;
CREATE MACRO pg_jsonb_laid_out(r) AS CASE WHEN contains(r, '\u00') THEN error('bridge') WHEN r[1] IN ('{', '[') THEN pg_jsonb_spaced(r) ELSE r END;
-- 1.50 as a whole number that DuckDB's parser leaves alone, whose digits name it: and back. It does no harm in strings.
CREATE MACRO pg_json_whole(x) AS regexp_replace(CASE WHEN contains(x, '9123012301230123012301') OR contains(x, '7123012301230123012302') THEN error('bridge') ELSE x END,
      '([0-9]+)\.([0-9]+)', '9123012301230123012301\17123012301230123012302\2', 'g');
CREATE MACRO pg_json_fraction(r) AS replace(replace(r, '9123012301230123012301', ''), '7123012301230123012302', '.');
-- What is at a path, as jsonb and as text. Floats print as numbers were spelled if all of these are short and none ends with 0.
CREATE MACRO pg_json_has_fraction(r) AS regexp_matches(r, '[0-9][.eE]');
CREATE MACRO pg_jsonb_kept_fractions(x, r) AS NOT regexp_matches(x, '\.[0-9]*0(?:[^0-9]|$)|[0-9.]{17}') AND NOT regexp_matches(r, '[0-9][eE]');
CREATE MACRO pg_jsonb_fragment(x, p, r) AS CASE WHEN NOT pg_json_has_fraction(r) OR pg_jsonb_kept_fractions(x, r) THEN pg_jsonb_laid_out(r)
      ELSE pg_jsonb_laid_out(pg_json_fraction(CAST(json_extract(pg_json_whole(x), pg_json_whole(p)) AS VARCHAR))) END;
CREATE MACRO pg_jsonb_at(x, p) AS list_transform([CAST(json_extract(x, p) AS VARCHAR)], lambda r_: pg_jsonb_fragment(x, p, r_))[1];
CREATE MACRO pg_jsonb_text_at(x, p) AS CASE WHEN json_type(x, p) IN ('VARCHAR', 'UBIGINT', 'BIGINT', 'BOOLEAN', 'NULL') THEN json_extract_string(x, p)
      WHEN json_type(x, p) IS NOT NULL THEN pg_jsonb_at(x, p) END;
-- By a place: of a scalar, which Postgres takes for an array of one, too.
CREATE MACRO pg_jsonb_item(x, n) AS CASE WHEN x[1] = '[' THEN pg_jsonb_at(x, '$[' || n || ']') WHEN x[1] <> '{' AND n IN (0, -1) THEN x END;
CREATE MACRO pg_jsonb_text(x) AS CASE x[1] WHEN '"' THEN json_extract_string(x, '$') WHEN 'n' THEN NULL ELSE x END;
CREATE MACRO pg_json_pointer(k) AS '/' || replace(replace(k, '~', '~0'), '/', '~1');
CREATE MACRO pg_json_typeof(x) AS CASE x[1] WHEN '{' THEN 'object' WHEN '[' THEN 'array' WHEN '"' THEN 'string' WHEN 'n' THEN 'null' WHEN 't' THEN 'boolean' WHEN 'f' THEN 'boolean'
      ELSE CASE WHEN x IS NOT NULL THEN 'number' END END;
CREATE MACRO pg_json_length(x, first) AS CASE WHEN first = '[' THEN CAST(json_array_length(x) AS INTEGER) WHEN x IS NOT NULL THEN error('22023') END;
-- All values of an array ($[*]) or an object ($.*), as jsonb.
CREATE MACRO pg_jsonb_all(x, p) AS CASE WHEN NOT pg_json_has_fraction(x) OR NOT regexp_matches(x, '\.[0-9]*0(?:[^0-9]|$)|0\.0000|[0-9.]{17}')
      THEN list_transform(CAST(json_extract(x, p) AS VARCHAR[]), lambda r_: pg_jsonb_laid_out(r_))
      ELSE list_transform(CAST(json_extract(pg_json_whole(x), p) AS VARCHAR[]), lambda r_: pg_jsonb_laid_out(pg_json_fraction(r_))) END;
CREATE MACRO pg_jsonb_elements(x) AS CASE WHEN x[1] = '[' THEN pg_jsonb_all(x, '$[*]') WHEN x IS NOT NULL THEN error('22023') END;
CREATE MACRO pg_jsonb_values(x) AS CASE WHEN x[1] = '{' THEN pg_jsonb_all(x, '$.*') WHEN x IS NOT NULL THEN error('22023') END;
CREATE MACRO pg_jsonb_keys(x) AS CASE WHEN x[1] = '{' THEN json_keys(x) WHEN x IS NOT NULL THEN error('22023') END;
CREATE MACRO pg_jsonb_has(x, k) AS CASE WHEN k IS NULL THEN NULL ELSE CASE x[1] WHEN '{' THEN json_type(x, pg_json_pointer(k)) IS NOT NULL WHEN '[' THEN list_contains(CAST(json_extract(x, '$[*]') AS VARCHAR[]), CAST(to_json(k) AS VARCHAR))
      WHEN '"' THEN json_extract_string(x, '$') = k ELSE CASE WHEN x IS NOT NULL THEN false END END END;
-- Equal jsonbs have the same text, but for the zeros that end a fraction.
CREATE MACRO pg_jsonb_equal(x, y) AS CASE WHEN x = y THEN true WHEN x IS NULL OR y IS NULL THEN NULL WHEN translate(x, '.0', '') <> translate(y, '.0', '') THEN false
      WHEN contains(x, '.') OR contains(y, '.') THEN error('bridge') ELSE false END;
-- What tells equal jsonbs from others: their text, if no fraction ends with 0.
CREATE MACRO pg_jsonb_key(x) AS CASE WHEN contains(x, '.') AND regexp_matches(x, '\.[0-9]*0(?:[^0-9]|$)') THEN error('bridge') ELSE x END;
-- json is kept as it was written: numbers, blanks and doubled keys too, of which the last counts. A document that DuckDB writes as it was,
-- but for the blanks that Postgres and Python write, has fragments as DuckDB writes them.
CREATE MACRO pg_json_trimmed(x) AS ltrim(x, E' \t\n\r');
CREATE MACRO pg_json_clear(x) AS CASE WHEN len(json_keys(x)) <> len(list_distinct(json_keys(x))) OR contains(x, '\u0000') THEN error('bridge') ELSE x END;
CREATE MACRO pg_json_in_form(x, d, r) AS CASE WHEN d = x THEN r WHEN pg_jsonb_spaced(d) = x THEN pg_jsonb_spaced(r) WHEN x IS NULL THEN NULL ELSE error('bridge') END;
CREATE MACRO pg_json_at(x, p) AS CASE WHEN json_type(pg_json_clear(x), p) IN ('BOOLEAN', 'NULL', 'UBIGINT') THEN CAST(json_extract(x, p) AS VARCHAR)
      WHEN json_type(x, p) IS NOT NULL THEN pg_json_in_form(x, CAST(json_extract(x, '$') AS VARCHAR), CAST(json_extract(x, p) AS VARCHAR)) END;
CREATE MACRO pg_json_text_at(x, p) AS CASE WHEN json_type(pg_json_clear(x), p) IN ('VARCHAR', 'BOOLEAN', 'NULL', 'UBIGINT') THEN json_extract_string(x, p)
      WHEN json_type(x, p) IS NOT NULL THEN pg_json_in_form(x, CAST(json_extract(x, '$') AS VARCHAR), CAST(json_extract(x, p) AS VARCHAR)) END;
CREATE MACRO pg_json_item(x, n) AS CASE WHEN pg_json_trimmed(x)[1] = '[' THEN pg_json_at(x, '$[' || n || ']') END;
CREATE MACRO pg_json_list(x, p) AS list_transform(CAST(json_extract(x, p) AS VARCHAR[]), lambda r_: pg_json_in_form(x, CAST(json_extract(x, '$') AS VARCHAR), r_));
CREATE MACRO pg_json_elements(x) AS CASE WHEN pg_json_trimmed(x)[1] = '[' THEN pg_json_list(x, '$[*]') WHEN x IS NOT NULL THEN error('22023') END;
CREATE MACRO pg_json_values(x) AS CASE WHEN pg_json_trimmed(x)[1] = '{' THEN pg_json_list(x, '$.*') WHEN x IS NOT NULL THEN error('22023') END;
CREATE MACRO pg_json_all_keys(x) AS CASE WHEN pg_json_trimmed(x)[1] = '{' THEN json_keys(x) WHEN x IS NOT NULL THEN error('22023') END;
-- Whether a fragment is a number: as a float it may be spelled in many ways, and stand for numbers beside it.
CREATE MACRO pg_json_is_number(r, n) AS CASE WHEN r = n AND NOT contains(n, '.') THEN true WHEN NOT regexp_matches(r, '^[-0-9].*[.eE]') THEN false
      WHEN CAST(r AS DOUBLE) = CAST(n AS DOUBLE) THEN error('bridge') ELSE false END;
-- Values as JSON: strings, keys, floats and times of which we have Postgres' text. jsonb knows no exponents.
CREATE MACRO pg_json_string(t) AS CASE WHEN contains(CAST(to_json(t) AS VARCHAR), '\u00') THEN error('bridge') ELSE CAST(to_json(t) AS VARCHAR) END;
CREATE MACRO pg_json_key(t) AS CASE WHEN t IS NULL THEN error('22023') ELSE pg_json_string(t) END;
CREATE MACRO pg_json_float(t) AS CASE WHEN t IN ('NaN', 'Infinity', '-Infinity') THEN '"' || t || '"' ELSE t END;
CREATE MACRO pg_jsonb_float(t) AS CASE WHEN contains(t, 'e') OR t = '-0' THEN error('bridge') ELSE pg_json_float(t) END;
CREATE MACRO pg_json_timestamp(t) AS regexp_replace(t, ' ', 'T');
CREATE MACRO pg_json_timestamptz(t) AS CASE WHEN contains(t, 'BC') THEN error('bridge') ELSE regexp_replace(regexp_replace(t, '([+-][0-9][0-9])$', '\1:00'), ' ', 'T') END;
-- An object of entries {n: bytes of k, k, v}, in the order of jsonb: shorter keys first.
CREATE MACRO pg_jsonb_object(entries) AS CASE WHEN len(list_distinct(list_transform(entries, lambda e_: e_['k']))) < len(entries) THEN error('bridge')
      WHEN entries IS NOT NULL THEN '{' || coalesce(array_to_string(list_transform(list_sort(entries), lambda e_: pg_json_string(e_['k']) || ': ' || e_['v']), ', '), '') || '}' END;
-- What an aggregate joined, in its brackets: NULL of no rows, empty where rows were left out.
CREATE MACRO pg_json_around(opened, items, closed, any_row) AS CASE WHEN items IS NOT NULL THEN opened || items || closed WHEN any_row THEN opened || closed END;
-- A jsonb as a scalar: null is NULL, and what is of another kind an error.
CREATE MACRO pg_jsonb_number(x) AS CASE WHEN contains('-0123456789', x[1]) THEN x WHEN x IS NOT NULL AND x <> 'null' THEN error('22023') END;
CREATE MACRO pg_jsonb_whole(x) AS CASE WHEN contains(x, '.') THEN CAST(CAST(pg_text_number(x) AS DECIMAL(38, 0)) AS BIGINT) ELSE CAST(x AS BIGINT) END;
CREATE MACRO pg_jsonb_double(x) AS CASE WHEN isinf(CAST(x AS DOUBLE)) OR (CAST(x AS DOUBLE) = 0 AND regexp_matches(x, '[1-9]')) THEN error('bridge') ELSE CAST(x AS DOUBLE) END;
CREATE MACRO pg_jsonb_bool(x) AS CASE x WHEN 'true' THEN true WHEN 'false' THEN false ELSE CASE WHEN x IS NOT NULL AND x <> 'null' THEN error('22023') END END;
-- Changed: the entries of an object, an object without keys, two joined; an array takes what is no array as an element.
CREATE MACRO pg_jsonb_entries(x) AS list_transform(list_zip(json_keys(x), pg_jsonb_values(x)), lambda z_: {'n': strlen(z_[1]), 'k': z_[1], 'v': z_[2]});
CREATE MACRO pg_jsonb_array(items) AS '[' || coalesce(array_to_string(items, ', '), '') || ']';
CREATE MACRO pg_jsonb_without(x, keys) AS CASE WHEN keys IS NULL THEN NULL WHEN x[1] = '{' THEN pg_jsonb_object(list_filter(pg_jsonb_entries(x), lambda e_: NOT coalesce(list_contains(keys, e_['k']), false)))
      WHEN x[1] = '[' THEN pg_jsonb_array(list_filter(pg_jsonb_elements(x), lambda r_: NOT coalesce(r_[1] = '"' AND list_contains(keys, pg_jsonb_text(r_)), false)))
      WHEN x IS NOT NULL THEN error('22023') END;
CREATE MACRO pg_jsonb_as_list(x) AS CASE WHEN x[1] = '[' THEN pg_jsonb_elements(x) ELSE [x] END;
CREATE MACRO pg_jsonb_joined(x, y) AS CASE WHEN x IS NULL OR y IS NULL THEN NULL
      WHEN x[1] = '{' AND y[1] = '{' THEN pg_jsonb_object(list_concat(list_filter(pg_jsonb_entries(x), lambda e_: NOT list_contains(json_keys(y), e_['k'])), pg_jsonb_entries(y)))
      ELSE pg_jsonb_array(list_concat(pg_jsonb_as_list(x), pg_jsonb_as_list(y))) END;
-- Whether a text is JSON. DuckDB also takes NaN, infinity and a comma behind the last element, and refuses halves of surrogates.
CREATE MACRO pg_is_json(t) AS CASE WHEN regexp_matches(t, '(?i)\\ud[89a-f]') THEN error('bridge') WHEN NOT json_valid(t) THEN false
      WHEN regexp_matches(t, ',[ \t\n\r]*[\]}]|(?i)(?:^|[-\[,:\s])(?:nan|inf)') THEN error('bridge') ELSE true END;
-- A text as json; as jsonb, if it has one level: keys in the order of jsonb, each once. Numbers with exponents, and -0, are the bridge's.
CREATE MACRO pg_json_of(t) AS list_transform([t], lambda t_: CASE WHEN pg_is_json(t_) THEN t_ WHEN t_ IS NOT NULL THEN error('bridge') END)[1];
CREATE MACRO pg_has_odd_numbers(t) AS regexp_matches(t, '(?:^|[:\[,\s])-?(?:[0-9]+(?:\.[0-9]+)?[eE]|0(?:[^.0-9]|\.0*(?:[^0-9]|$)|$))') AND regexp_matches(t, '[eE]|-0');
CREATE MACRO pg_jsonb_of_one_level_(t) AS CASE WHEN regexp_matches(t[2:], '[\[{]') OR pg_has_odd_numbers(t) THEN error('bridge') WHEN t[1] = '{' THEN pg_jsonb_object(pg_jsonb_entries(pg_json_clear(t)))
      WHEN t[1] = '[' THEN pg_jsonb_array(pg_jsonb_elements(t)) WHEN contains(t, '.') AND t[1] <> '"' THEN rtrim(t, E' \t\n\r') ELSE pg_jsonb_laid_out(CAST(json_extract(t, '$') AS VARCHAR)) END;
CREATE MACRO pg_jsonb_of(t) AS list_transform([pg_json_of(t)], lambda t_: CASE WHEN t_ IS NOT NULL THEN pg_jsonb_of_one_level_(pg_json_trimmed(t_)) END)[1];
-- A plain value of it, whatever is beside that; a number that DuckDB prints as it was spelled.
CREATE MACRO pg_of_jsonb_text_(t, r, kind) AS CASE WHEN kind IN ('VARCHAR', 'BOOLEAN', 'NULL', 'UBIGINT') THEN r WHEN kind = 'BIGINT' AND r <> '-0' THEN r
      WHEN kind = 'DOUBLE' AND right(r, 1) <> '0' AND pg_jsonb_kept_fractions(t, r) THEN r WHEN kind IS NOT NULL THEN error('bridge') END;
CREATE MACRO pg_of_jsonb_text_at(t, p) AS pg_of_jsonb_text_(t, json_extract_string(t, p), json_type(pg_json_clear(t), p));
