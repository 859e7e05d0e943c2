-- Expressions in expressions: what a macro names twice must not double with each level.
SET search_path = nasty, public;
SELECT id, score * 2 * 3 * score * 0.5 * 1.5 * score * 2 * 1.25 * score, score + 1 + score + 2 + score + 3 + score + 4 + score + 5 + score + 6 FROM events ORDER BY id;
SELECT id, (score + 1) / 2 / 3 / 4 / (score + 2) / 5 / 6 / 7 / 8, score - 1 - 2 - score - 3 - 4 - score - 5 FROM events ORDER BY id;
SELECT id, round(round(round(round(round(round(score * 10) / 3) / 3) / 3) / 3) / 3), exp(ln(exp(ln(exp(ln(exp(score))))))) FROM events ORDER BY id;
SELECT id, power(power(power(power(power(score + 1, 2), 0.5), 2), 0.5), 2), degrees(radians(degrees(radians(degrees(score))))) FROM events ORDER BY id;
SELECT id, id % 1000 % 100 % 50 % 20 % 15 % 12, 1000000 / (id + 1) / (id + 2) / (id + 3) / (id + 4) FROM events ORDER BY id;
SELECT id, amount / 3 / 7, amount / 3 / 7 / 11 / 13, round(amount / 3, 4) / 7 FROM events ORDER BY id;
SELECT score / (score - score) / 2 / 3 / 4 / 5 FROM events WHERE id = 1;
SELECT f8 * f8 * f8 * f8 * f8 * f8 FROM numbers WHERE id = 4;
SELECT f8 * 2 * f8 * f8 / 2 / f8 / 2 FROM numbers WHERE id IN (2, 3, 7, 8, 9, 13) ORDER BY id;
