-- Text.
CREATE MACRO pg_substr2(s, f) AS CASE WHEN f IS NOT NULL THEN substr(s, greatest(f, 1)) END;
CREATE MACRO pg_substr3(s, f, n) AS CASE WHEN f IS NULL OR n IS NULL THEN NULL WHEN n < 0 THEN error('22011') ELSE substr(s, greatest(f, 1), greatest(CAST(f AS BIGINT) + n - greatest(f, 1), 0)) END;
CREATE MACRO pg_overlay(s, r, f, n) AS CASE WHEN s IS NULL OR r IS NULL OR f IS NULL OR n IS NULL THEN NULL WHEN f <= 0 THEN error('22011')
      WHEN CAST(f AS BIGINT) + n > 2147483647 THEN error('22003') ELSE left(s, f - 1) || r || substr(s, greatest(CAST(f AS BIGINT) + n, 1)) END;
CREATE MACRO pg_lpad(s, n, p) AS CASE WHEN n IS NULL OR p IS NULL THEN NULL WHEN n > 100000 THEN error('bridge') WHEN p = '' OR n < 0 THEN left(s, greatest(n, 0)) ELSE lpad(s, n, p) END;
CREATE MACRO pg_rpad(s, n, p) AS CASE WHEN n IS NULL OR p IS NULL THEN NULL WHEN n > 100000 THEN error('bridge') WHEN p = '' OR n < 0 THEN left(s, greatest(n, 0)) ELSE rpad(s, n, p) END;
CREATE MACRO pg_repeat(s, n) AS CASE WHEN strlen(s) * n > 100000 THEN error('bridge') ELSE repeat(s, n) END;
CREATE MACRO pg_split_part(s, d, n) AS CASE WHEN n = 0 THEN error('22023') WHEN s IS NULL OR d IS NULL OR n IS NULL THEN NULL WHEN s = '' THEN ''
      WHEN d = '' THEN CASE WHEN n IN (1, -1) THEN s ELSE '' END ELSE coalesce(list_extract(string_split(s, d), n), '') END;
CREATE MACRO pg_chr(n) AS CASE WHEN n BETWEEN 1 AND 55295 OR n BETWEEN 57344 AND 1114111 THEN chr(n) WHEN n IS NOT NULL THEN error('54000') END;
CREATE MACRO pg_right(s, n) AS CASE WHEN n = -2147483648 THEN s ELSE right(s, n) END;
CREATE MACRO pg_quote_literal(s) AS CASE WHEN contains(s, '\') THEN 'E''' ELSE '''' END || replace(replace(s, '''', ''''''), '\', '\\') || '''';
CREATE MACRO pg_quote_nullable(s) AS coalesce(pg_quote_literal(s), 'NULL');

-- Postgres quotes what is not a word of small letters, or is a keyword that is not an unreserved one.
CREATE MACRO pg_quote_ident(s) AS CASE WHEN regexp_full_match(s, '[a-z_][a-z0-9_]*') AND s NOT IN (
      'all', 'analyse', 'analyze', 'and', 'any', 'array', 'as', 'asc', 'asymmetric', 'authorization', 'between', 'bigint', 'binary', 'bit', 'boolean',
      'both', 'case', 'cast', 'char', 'character', 'check', 'coalesce', 'collate', 'collation', 'column', 'concurrently', 'constraint', 'create', 'cross',
      'current_catalog', 'current_date', 'current_role', 'current_schema', 'current_time', 'current_timestamp', 'current_user', 'dec', 'decimal', 'default',
      'deferrable', 'desc', 'distinct', 'do', 'else', 'end', 'except', 'exists', 'extract', 'false', 'fetch', 'float', 'for', 'foreign', 'freeze', 'from',
      'full', 'grant', 'greatest', 'group', 'grouping', 'having', 'ilike', 'in', 'initially', 'inner', 'inout', 'int', 'integer', 'intersect', 'interval',
      'into', 'is', 'isnull', 'join', 'json', 'json_array', 'json_arrayagg', 'json_exists', 'json_object', 'json_objectagg', 'json_query', 'json_scalar',
      'json_serialize', 'json_table', 'json_value', 'lateral', 'leading', 'least', 'left', 'like', 'limit', 'localtime', 'localtimestamp', 'merge_action',
      'national', 'natural', 'nchar', 'none', 'normalize', 'not', 'notnull', 'null', 'nullif', 'numeric', 'offset', 'on', 'only', 'or', 'order', 'out',
      'outer', 'overlaps', 'overlay', 'placing', 'position', 'precision', 'primary', 'real', 'references', 'returning', 'right', 'row', 'select',
      'session_user', 'setof', 'similar', 'smallint', 'some', 'substring', 'symmetric', 'system_user', 'table', 'tablesample', 'then', 'time', 'timestamp',
      'to', 'trailing', 'treat', 'trim', 'true', 'union', 'unique', 'user', 'using', 'values', 'varchar', 'variadic', 'verbose', 'when', 'where', 'window',
      'with', 'xmlattributes', 'xmlconcat', 'xmlelement', 'xmlexists', 'xmlforest', 'xmlnamespaces', 'xmlparse', 'xmlpi', 'xmlroot', 'xmlserialize',
      'xmltable') THEN s ELSE '"' || replace(s, '"', '""') || '"' END;

-- By characters; DuckDB's own reverses grapheme clusters.
CREATE MACRO pg_reverse(s) AS CASE WHEN s = '' OR strlen(s) = length(s) THEN reverse(s) ELSE array_to_string(list_reverse(regexp_extract_all(s, '(?s).')), '') END;

-- Case, as C.UTF-8 of Unicode 16 has it. DuckDB lacks Garay and five letters of Latin and Cyrillic, and gives the sharp s a capital.
CREATE MACRO pg_newer_lower(s) AS translate(s, 'ᲉꟋꟌꟚꟜ𐵐𐵑𐵒𐵓𐵔𐵕𐵖𐵗𐵘𐵙𐵚𐵛𐵜𐵝𐵞𐵟𐵠𐵡𐵢𐵣𐵤𐵥', 'ᲊɤꟍꟛƛ𐵰𐵱𐵲𐵳𐵴𐵵𐵶𐵷𐵸𐵹𐵺𐵻𐵼𐵽𐵾𐵿𐶀𐶁𐶂𐶃𐶄𐶅');
CREATE MACRO pg_newer_upper(s) AS translate(s, 'ƛɤᲊꟍꟛ𐵰𐵱𐵲𐵳𐵴𐵵𐵶𐵷𐵸𐵹𐵺𐵻𐵼𐵽𐵾𐵿𐶀𐶁𐶂𐶃𐶄𐶅', 'ꟜꟋᲉꟌꟚ𐵐𐵑𐵒𐵓𐵔𐵕𐵖𐵗𐵘𐵙𐵚𐵛𐵜𐵝𐵞𐵟𐵠𐵡𐵢𐵣𐵤𐵥');
CREATE MACRO pg_lower(s) AS CASE WHEN strlen(s) = length(s) OR NOT regexp_matches(s, '[\x{1C89}\x{A7CB}\x{A7CC}\x{A7DA}\x{A7DC}\x{10D50}-\x{10D65}]') THEN lower(s) ELSE lower(pg_newer_lower(s)) END;
CREATE MACRO pg_upper(s) AS CASE WHEN strlen(s) = length(s) OR NOT regexp_matches(s, '[\x{DF}\x{19B}\x{264}\x{1C8A}\x{A7CD}\x{A7DB}\x{10D70}-\x{10D85}]') THEN upper(s)
      ELSE array_to_string(list_transform(string_split(pg_newer_upper(s), 'ß'), lambda part: upper(part)), 'ß') END;

-- Texts of the scripts in which a letter is a letter to both. Where vowels are marks (Indic, Thai), and in what is new in Unicode 16, they are not.
CREATE MACRO pg_is_plain(s) AS strlen(s) = length(s) OR NOT regexp_matches(s, '[^\x{0}-\x{344}\x{370}-\x{5AF}\x{5D0}-\x{60F}\x{671}-\x{6D5}\x{109E}-\x{10FB}\x{10FD}-\x{16ED}\x{1DF5}-\x{215F}\x{2189}-\x{2426}\x{242A}-\x{24B5}\x{24EA}-\x{2C7B}\x{2E00}-\x{2FFB}\x{3000}-\x{3006}\x{3008}-\x{3020}\x{303B}-\x{31E3}\x{31F0}-\x{A673}\x{AC00}-\x{D7FF}\x{E000}-\x{FB1D}\x{FB1F}-\x{1013F}\x{16FF2}-\x{18CFE}\x{1CEB4}-\x{1DFFF}\x{1E948}-\x{1F12F}\x{1F18A}-\x{1F8B1}\x{1F8C2}-\x{1FA88}\x{1FBF0}-\x{2EBEF}\x{2EE5E}-\x{10FFFF}]');
CREATE MACRO pg_plain(s) AS CASE WHEN NOT pg_is_plain(s) THEN error('bridge') ELSE s END;
CREATE MACRO pg_initcap(s) AS array_to_string(list_transform(regexp_extract_all(pg_plain(s), '[\p{L}0-9]+|[^\p{L}0-9]+'), lambda word: pg_upper(left(word, 1)) || pg_lower(substr(word, 2))), '');
CREATE MACRO pg_string_to_array(s, d) AS CASE WHEN s IS NULL THEN NULL WHEN s = '' THEN CAST([] AS VARCHAR[]) WHEN d IS NULL THEN regexp_extract_all(s, '(?s).') WHEN d = '' THEN [s] ELSE string_split(s, d) END;
-- A field in a row's text, an element in an array's.
CREATE MACRO pg_row_field(t) AS CASE WHEN t = '' OR regexp_matches(t, '["\\(),\s\v]') THEN '"' || replace(replace(t, '\', '\\'), '"', '""') || '"' ELSE t END;
CREATE MACRO pg_array_item(t) AS CASE WHEN t = '' OR lower(t) = 'null' OR regexp_matches(t, '["\\{},\s\v]') THEN '"' || replace(replace(t, '\', '\\'), '"', '\"') || '"' ELSE t END;
