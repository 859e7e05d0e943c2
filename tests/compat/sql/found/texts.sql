-- Found by tests/compat/generator, shrunk: functions of text.
SELECT format('%%', true, bit_xor(id)) FROM nasty.events;
SELECT format('%2$s', 1 / (id - 3), t) FROM nasty.texts;
SELECT concat(VARIADIC ARRAY[t, v]), concat_ws('-', VARIADIC ARRAY[t, NULL, v]), format('%s %s', VARIADIC ARRAY[t, v]), json_build_array(VARIADIC ARRAY[t, v]), jsonb_build_object(VARIADIC ARRAY['a', v]) FROM nasty.texts ORDER BY id;
