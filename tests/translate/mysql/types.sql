SELECT * FROM edges ORDER BY id;
SELECT i2, i4, i8 FROM edges ORDER BY id;
SELECT n FROM edges ORDER BY n, id;
SELECT f8 FROM edges ORDER BY f8, id;
SELECT f4 FROM edges ORDER BY f4, id;
SELECT v, t FROM edges ORDER BY id;
SELECT b FROM edges ORDER BY id;
SELECT d, ts FROM edges ORDER BY id;
SELECT tz FROM edges ORDER BY id;
SELECT tm FROM edges ORDER BY id;
SELECT ok FROM edges ORDER BY id;
SELECT MIN(i8), MAX(i8), MIN(n), MAX(n), MIN(f8), MAX(f8) FROM edges;
SELECT MIN(d), MAX(d), MIN(ts), MAX(ts), MIN(tm), MAX(tm) FROM edges;
SELECT id FROM edges WHERE i8 = -9223372036854775808;
SELECT id FROM edges WHERE n = 99999999999999.999999;
SELECT id FROM edges WHERE f8 = 1.7976931348623157e308;
SELECT id FROM edges WHERE d = '9999-12-31' OR ts = '1000-01-01' ORDER BY id;
SELECT id FROM edges WHERE b = X'00ff10';
SELECT id FROM edges WHERE b = '';
SELECT id FROM edges WHERE tm BETWEEN '00:00:00' AND '12:00:00.5' ORDER BY id;
SELECT photo, attrs FROM items WHERE id = 7;
SELECT label FROM parcels ORDER BY label, id;
SELECT i2 + i4, i4 + i8, i2 + n, i4 + f8, i2 + f4, n + f8 FROM edges WHERE id = 6;
SELECT i2 = i4, i4 = n, n = f8, i8 > f4 FROM edges WHERE id = 6;
SELECT IFNULL(i2, 0), IFNULL(n, 0), IFNULL(f8, 0), IFNULL(v, ''), IFNULL(d, '2000-01-01') FROM edges ORDER BY id;

UPDATE edges SET b = X'000102fffe', t = REPEAT('ü', 3000) WHERE id = 4;
SELECT LENGTH(b), CHAR_LENGTH(t), LENGTH(t), RIGHT(t, 1) FROM edges WHERE id = 4;

UPDATE edges SET t = REPEAT('x', 1048576), b = REPEAT('y', 200000) WHERE id = 4;
SELECT LENGTH(t), LENGTH(b) FROM edges WHERE id = 4;

INSERT INTO edges (id, ts, d) VALUES (70, '2024-12-31 23:59:59.9999999', '2024-2-9'), (71, '2024-01-01T10:00:00', '20240301');
SELECT ts, d FROM edges WHERE id >= 70 ORDER BY id;

INSERT INTO edges (id, f8, f4) VALUES (73, 123456789012345678, 123456789);
SELECT f8, f4 FROM edges WHERE id >= 72 ORDER BY id;

INSERT INTO edges (id, d) VALUES (74, '0000-00-00');

INSERT INTO edges (id, tm) VALUES (76, '25:00:00');

INSERT INTO edges (id, ok) VALUES (77, TRUE), (78, FALSE);
SELECT ok FROM edges WHERE id >= 77 ORDER BY id;
