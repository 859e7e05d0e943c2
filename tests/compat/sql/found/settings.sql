-- Found by the replay of clients: the keepalives of the client's socket, which is not that of the twin.
SELECT name, setting, unit, source, boot_val, reset_val FROM pg_settings WHERE name LIKE 'tcp%' ORDER BY name;
SELECT count(*) FROM pg_settings WHERE name LIKE 'bemidb%';
