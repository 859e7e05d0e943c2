-- Found by tests/compat/generator, shrunk: each gave other rows, or an error of the emitter's own.
SELECT min_scale(nan) FROM nasty.odd_types;
SELECT atanh(CAST(sign(-2.50) AS double precision)), atanh(f8) FROM nasty.numbers WHERE f8 BETWEEN -1 AND 1;
SELECT sin(0::float8 * 'Infinity'::float4) FROM nasty.arrays;
SELECT cos(f8 - f4), f8 ^ ('-Infinity'::float8 * f4) FROM nasty.numbers;
SELECT id, greatest(f4, f4), least(f4, 0), greatest(f8, 0, f8), least(f8, -f8), greatest(0::float4, f4), greatest(f8, 'NaN'), least(NULL, f8) FROM nasty.numbers ORDER BY id;
SELECT cast(greatest(f4, f4) AS double precision) FROM nasty.numbers ORDER BY id;
