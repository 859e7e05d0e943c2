-- Bytes.
CREATE MACRO pg_bytes_from(b, f) AS CASE WHEN b IS NOT NULL AND f IS NOT NULL THEN unhex(substr(hex(b), 2 * CAST(greatest(f, 1) AS BIGINT) - 1)) END;
CREATE MACRO pg_bytes(b, f, n) AS CASE WHEN b IS NULL OR f IS NULL OR n IS NULL THEN NULL WHEN n < 0 THEN error('22011')
      ELSE unhex(substr(hex(b), 2 * CAST(greatest(f, 1) AS BIGINT) - 1, 2 * greatest(CAST(f AS BIGINT) + n - greatest(f, 1), 0))) END;
CREATE MACRO pg_get_byte(b, i) AS CASE WHEN i < 0 OR i >= octet_length(b) THEN error('2202E') ELSE CAST('0x' || substr(hex(b), 2 * i + 1, 2) AS INTEGER) END;
-- Postgres breaks base64 into lines of 76 characters. What it reads with blanks or faults in it is the bridge's.
CREATE MACRO pg_to_base64(b) AS CASE WHEN octet_length(b) > 57 THEN error('bridge') ELSE to_base64(b) END;
CREATE MACRO pg_from_base64(s) AS CASE WHEN strlen(s) % 4 = 0 AND regexp_full_match(s, '[A-Za-z0-9+/]*={0,2}') THEN from_base64(s) WHEN s IS NOT NULL THEN error('bridge') END;
CREATE MACRO pg_from_hex(s) AS CASE WHEN regexp_full_match(s, '(?:[0-9A-Fa-f]{2})*') THEN unhex(s) WHEN s IS NOT NULL THEN error('bridge') END;
CREATE MACRO pg_decode(b) AS CASE WHEN contains(decode(b), chr(0)) THEN error('bridge') ELSE decode(b) END;
