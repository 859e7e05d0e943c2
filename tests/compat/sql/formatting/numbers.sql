-- to_char of numbers with constant patterns: rounding, widths, groups, signs of what rounds to zero.
SET search_path = nasty, public;
SELECT id, to_char(i2, '99999'), to_char(i2, 'FM99999'), to_char(i2, '00000'), to_char(i2, 'FM00000'), to_char(i2, '99,999') FROM numbers ORDER BY id;
SELECT id, to_char(i4, '9,999,999,999'), to_char(i4, 'FM9,999,999,990'), to_char(i4, '9999999999.99'), to_char(i4, 'FM9999999990.00') FROM numbers WHERE id NOT IN (5) ORDER BY id;
SELECT id, to_char(i8, '9G999G999G999G999G999G999'), to_char(i8, 'FM9999999999999999999') FROM numbers WHERE id NOT IN (5) ORDER BY id;
SELECT id, to_char(n2, '99,999,999.99'), to_char(n2, 'FM99,999,990.00'), to_char(n2, '99999999.9'), to_char(n2, 'FM99999999.999'), to_char(n2, '99999999'), to_char(n2, 'FM99999999.00') FROM numbers ORDER BY id;
SELECT id, to_char(n2, '$99,999,999.99'), to_char(n2, 'FM$99,999,990.00'), to_char(n2, '(99999990.0)'), to_char(n2, 'FM99999990.0%'), to_char(n2, '"n="99999999.9" EUR"') FROM numbers ORDER BY id;
SELECT id, to_char(f8, '999990.99'), to_char(f8, 'FM999990.099'), to_char(f8, '999999'), to_char(f4, '9990.9') FROM numbers WHERE abs(f8) < 1000 ORDER BY id;
SELECT id, to_char(f8, '9.9'), to_char(i4, '9'), to_char(n2, '9.99') FROM numbers ORDER BY id;
SELECT id, to_char(-0.001 * id, '0.00'), to_char(-0.001::float8 * id, '0.00'), to_char(0.5 + id, '99'), to_char(id / 2::float8, 'FM99') FROM numbers ORDER BY id;
SELECT id, to_char(i4, 'S999'), to_char(i4, '999MI'), to_char(i4, 'PL99'), to_char(i4, '99th'), to_char(i4, '9V9'), to_char(i4, 'L99'), to_char(i4, '000,999') FROM numbers WHERE abs(i2) < 100 ORDER BY id;
SELECT to_char(sum(l_extendedprice), 'FM999,999,999,990.00'), to_char(avg(l_discount), '0.9999'), to_char(count(*), '9,999,999') FROM lineitem;
