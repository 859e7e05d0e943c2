-- Rows as skewed as a web counter's: few counters, regions and phrases have most of the hits, and most texts are empty.
-- No random(): the same rows each time. r and s are hashes of the row's number.
INSERT INTO clickbench.hits
SELECT
    hashint8extended(n, 3), (r % 10 < 8)::int, (ARRAY['', 'Welcome', 'Карта города', 'Google Maps', 'Новости'])[skewed % 5 + 1], 1,
    at, at::date, CASE WHEN r % 4 = 0 THEN 62 ELSE skewed * 37 + 5 END, (r % (@rows / 4 + 1))::int8 * 7919 % 2147483647 - 1000000000,
    skewed * 13 % 5000, CASE WHEN n = 7 THEN 435090932899640449 ELSE hashint8extended(r % (@rows / 5 + 1), 5) END, s % 3, r % 45,
    s % 80, url, CASE WHEN s % 3 = 0 THEN '' ELSE 'http' || left('s', s % 2) || '://' || left('www.', s % 4 / 2 * 4)
        || (ARRAY['yandex.ru', 'google.com', 'mail.ru', 'пример.рф', 'no-slash'])[s % 5 + 1]
        || CASE WHEN s % 5 = 4 THEN '' ELSE '/search?text=' || skewed END END, (r % 10 = 0)::int,
    s % 300, r % 230, r % 400, s % 230, (ARRAY[1024, 1366, 1920, 1638, 0])[r % 5 + 1], (ARRAY[768, 1080, 900])[s % 3 + 1],
    (ARRAY[24, 32])[r % 2 + 1], s % 12, r % 6,
    (s % 3)::text, 0, 0,
    r % 45, (s % 10)::text, 1,
    1, (r % 12 = 0)::int, s % 200,
    CASE WHEN r % 12 = 0 THEN (ARRAY['iPad', 'iPhone 2', 'Nokia 5800', 'GT-I9500'])[s % 4 + 1] ELSE '' END, left('p=1&q=2', r % 8),
    r * 31 % 4000000, s % 13 - 1, CASE WHEN r % 5 = 1 THEN s % 90 ELSE 0 END, phrase,
    CASE WHEN r % 50 = 0 THEN s % 40 + 1 ELSE 0 END, 0, r % 1900,
    s % 1000, (ARRAY[135, 180, 240])[s % 3 + 1], at - make_interval(secs => s % 90),
    0, s % 2,
    s % 9, 0, (ARRAY['windows-1251;charset', 'utf-8'])[r % 2 + 1],
    s % 2000, (r % 25 = 3)::int, (r % 300 = 5)::int,
    (s % 2)::int, hashint8extended(s, 9), left(url, r % 30), r * 131 % 190000000,
    0, (r % 9 = 0)::int, 0,
    (r % 20 = 7)::int, s % 2, chr(65 + r % 6),
    at + interval '3 hours', s % 60, r % 3, s % 5,
    s % 20000, r % 100, (s * 17 + r) % 2147483647 - 900000000,
    r % 65536 - 1, s % 65536 - 1, r % 30,
    (ARRAY['ru', 'en', 'tr', ''])[s % 4 + 1], (ARRAY['RU', 'US', 'Ñ', ''])[r % 4 + 1], '',
    '', CASE WHEN r % 90 = 0 THEN 404 ELSE 0 END, s % 3000,
    r % 400, s % 700, r % 5000,
    s % 9000, r % 2000, 0,
    '', s % 7 * 1000000007::int8, '',
    (ARRAY['NH', 'RUB', 'EUR'])[s % 3 + 1], s % 3, CASE WHEN r % 40 = 0 THEN 'direct.yandex.ru' ELSE '' END,
    '', (r % 70)::text, '',
    '', '', '', '',
    '', left('tag', s % 4), (s % 60 = 0)::int, CASE WHEN r % 8 = 0 THEN 3594120000172545465 ELSE hashint8extended(s % 500, 11) END,
    CASE WHEN r % 8 = 4 THEN 2868770270353813622 ELSE hashtextextended(url, 0) END, s % 100
FROM (
    SELECT
        n, r, s, skewed, timestamp '2013-07-01' + make_interval(secs => (r * 61 + s) % (31 * 86400)) AS at,
        CASE WHEN s % 9 = 0 THEN '' ELSE 'http://' || (ARRAY['irr.ru', 'google.ru', 'auto.ru', 'пример.рф'])[skewed % 4 + 1]
            || '/item/' || skewed || left('/?from=google', s % 14) END AS url,
        CASE WHEN r % 6 = 0 THEN (ARRAY['карелки', 'weather', 'google maps', 'купить', 'скачать'])[s % 5 + 1] || ' ' || skewed ELSE '' END
            AS phrase
    FROM (
        SELECT n, r, s, floor(1000 * power(r % 1000 / 1000.0::float8, 4))::int AS skewed
        FROM (
            SELECT n, abs(hashint8extended(n, 1) % 1000000)::int AS r, abs(hashint8extended(n, 2) % 1000000)::int AS s
            FROM generate_series(1, @rows) AS n
        ) AS numbers
    ) AS ranks
) AS hits;
