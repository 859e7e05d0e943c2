-- Found by tests/compat/generator, shrunk: functions of text.
SELECT format('%%', true, bit_xor(id)) FROM nasty.events;
SELECT format('%2$s', 1 / (id - 3), t) FROM nasty.texts;
