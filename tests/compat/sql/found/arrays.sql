-- Found by tests/compat/generator, shrunk: functions of arrays.
SELECT array_lower(array_remove('{NULL,t}'::boolean[], floats IS NULL), 1) FROM nasty.arrays;
SELECT array_replace(bools, ints IS NULL, floats IS NULL) FROM nasty.arrays;
SELECT array_positions('{NULL}'::numeric[], salary) FROM nasty.people;
SELECT octet_length('\x'::bytea || NULL::bytea) FROM nasty.arrays;
SELECT least('{1,2.5,NaN}'::float8[], '{-0,0}'::float8[]) FROM nasty.numbers;
SELECT '{-0,0}'::float4[], '{0,-0}'::float8[] FROM nasty.numbers;
SELECT json_build_array(VARIADIC ints), jsonb_build_array(VARIADIC texts), jsonb_build_array(ints) FROM nasty.arrays ORDER BY id;
