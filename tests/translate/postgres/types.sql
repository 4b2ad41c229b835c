-- Edge values of every type, as they come and as they go.
SELECT * FROM edges ORDER BY id;
SELECT i2, i4, i8 FROM edges ORDER BY id;
SELECT n FROM edges ORDER BY n NULLS FIRST, id;
SELECT f8 FROM edges ORDER BY f8 NULLS FIRST, id;
SELECT f4 FROM edges ORDER BY f4 NULLS FIRST, id;
SELECT v, t FROM edges ORDER BY id;
SELECT b FROM edges ORDER BY id;
SELECT d, ts FROM edges ORDER BY id;
SELECT tz FROM edges ORDER BY id;
SELECT tm FROM edges ORDER BY id;
SELECT ok FROM edges ORDER BY id;
SELECT min(i8), max(i8), min(n), max(n), min(f8), max(f8) FROM edges;
SELECT min(d), max(d), min(ts), max(ts), min(tm), max(tm) FROM edges;
SELECT id FROM edges WHERE i8 = 9223372036854775807;
SELECT id FROM edges WHERE i8 = -9223372036854775808;
SELECT id FROM edges WHERE n = 99999999999999.999999;
SELECT id FROM edges WHERE f8 = 1.7976931348623157e308;
SELECT id FROM edges WHERE d = '9999-12-31' OR ts = '1000-01-01';
SELECT id FROM edges WHERE b = '\x00ff10';
SELECT id FROM edges WHERE b = '';
SELECT id FROM edges WHERE tm BETWEEN '00:00' AND '12:00:00.5' ORDER BY id;
SELECT photo, attrs FROM items WHERE id = 7;
SELECT * FROM items WHERE id = 4;
SELECT * FROM parcels ORDER BY id;
SELECT label FROM parcels ORDER BY label NULLS FIRST, id;
SELECT id, length(b), substring(b FROM 1 FOR 1) FROM edges ORDER BY id;
SELECT i2 + i4, i4 + i8, i2 + n, i4 + f8, i2 + f4, n + f8 FROM edges WHERE id = 6;
SELECT i2 = i4, i4 = n, n = f8, i8 > f4 FROM edges WHERE id = 6;

UPDATE edges SET b = '\x000102fffe', t = repeat('ü', 3000) WHERE id = 4;
SELECT octet_length(b), length(t), octet_length(t), right(t, 1) FROM edges WHERE id = 4;

UPDATE edges SET t = repeat('x', 1048576), b = decode(repeat('00ff', 100000), 'hex') WHERE id = 4;
SELECT length(t), length(b) FROM edges WHERE id = 4;

INSERT INTO edges (id, ts, d) VALUES (70, '2024-12-31 23:59:59.9999999', '2024-2-9'), (71, '2024-01-01T10:00:00', '20240301');
SELECT ts, d FROM edges WHERE id >= 70 ORDER BY id;

INSERT INTO edges (id, f8, f4) VALUES (72, 1e-310, 1e-40), (73, 123456789012345678, 123456789);
SELECT f8, f4 FROM edges WHERE id >= 72 ORDER BY id;

INSERT INTO edges (id, d) VALUES (74, '0001-01-01');
SELECT d FROM edges WHERE id = 74;

INSERT INTO edges (id, d) VALUES (75, 'infinity');

INSERT INTO edges (id, tm) VALUES (76, '24:00:00');

INSERT INTO edges (id, ok) VALUES (77, 'on'), (78, 'f');
SELECT ok FROM edges WHERE id >= 77 ORDER BY id;
