-- IS JSON of texts, json and jsonb.
SET search_path = nasty;
SELECT id, t IS JSON, t IS JSON OBJECT, t IS JSON ARRAY, t IS JSON SCALAR, t IS NOT JSON FROM texts ORDER BY id;
SELECT id, v IS JSON, v IS JSON ARRAY, c IS JSON SCALAR, upper(t) IS JSON FROM texts ORDER BY id;
SELECT id, j IS JSON, j IS JSON OBJECT, j IS JSON ARRAY, j IS JSON SCALAR FROM things ORDER BY id;
SELECT id, jb IS JSON, jb IS JSON OBJECT, jb IS JSON ARRAY, jb IS JSON SCALAR, jb IS JSON OBJECT WITH UNIQUE KEYS FROM things ORDER BY id;
SELECT id, j IS JSON WITH UNIQUE KEYS, j::text IS JSON, ' ' || jb::text || ' ' IS JSON OBJECT FROM things ORDER BY id;
SELECT x, (x || left(t, 0)) IS JSON FROM texts, (VALUES ('1'), ('01'), ('1.'), ('1e5'), ('1E400'), ('-'), ('-0'), ('+1'), ('.5'), ('true'), ('True'), ('null'), ('tru'), ('"a'), ('"a"'), ('{"a":1,"a":2}'), ('{a:1}'), ('[1 2]'), ('[1,,2]'), ('1 2'), ('// x'), ('"\u0000"'), ('"\u00zz"'), ('"\/\b"'), ('"\x"'), (''), (' ')) v(x) WHERE id = 3 ORDER BY 1;
SELECT x, (x || left(t, 0)) IS JSON FROM texts, (VALUES ('"' || chr(9) || '"'), ('"' || chr(127) || '"'), ('[1]' || chr(10)), (chr(11) || '1'), (chr(65279) || '1'), ('["Zoë ☃"]'), ('"finance, nano"')) v(x) WHERE id = 3 ORDER BY 1;
SELECT x, (x || left(t, 0)) IS JSON FROM texts, (VALUES ('NaN'), ('[NaN]'), ('-Infinity'), ('[1,]'), ('{"a":1, }'), ('"\ud800"'), ('"\uD83D\uDE00"')) v(x) WHERE id = 3 ORDER BY 1;
SELECT (CASE WHEN t IS JSON OBJECT THEN t::jsonb ->> 'a' END) FROM texts ORDER BY id;
SELECT count(*) FILTER (WHERE t IS JSON), count(*) FILTER (WHERE by IS JSON) FROM texts JOIN things USING (id);
