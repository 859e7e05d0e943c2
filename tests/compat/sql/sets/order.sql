-- Sets in a target list: their rows keep their order under an ORDER BY that does not name them.
SET search_path = nasty;
SELECT id, unnest(ints), unnest(texts) FROM arrays ORDER BY id;
SELECT id, unnest(ints) FROM arrays ORDER BY id DESC LIMIT 5;
SELECT id, unnest(ints) AS x FROM arrays ORDER BY x DESC NULLS FIRST, id;
SELECT id, generate_series(1, id) FROM people ORDER BY id OFFSET 3 LIMIT 20;
SELECT DISTINCT id, unnest(ints) FROM arrays ORDER BY id, 2;
SELECT name, unnest(string_to_array(name, 'a')) FROM people ORDER BY salary DESC NULLS LAST, id FETCH FIRST 3 ROWS WITH TIES;
SELECT id, jsonb_array_elements_text(jb) FROM things WHERE jsonb_typeof(jb) = 'array' ORDER BY id;
SELECT id, string_to_array(t, ' '), unnest(string_to_array(v, ',')) FROM texts ORDER BY id;
