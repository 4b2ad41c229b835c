-- The table `legacy`: types that PostgreSQL has not.
SELECT * FROM legacy ORDER BY id;
SELECT id, kind FROM legacy WHERE kind = 'box' ORDER BY id;
SELECT id FROM legacy ORDER BY kind, id;
SELECT kind, count(*) FROM legacy GROUP BY kind ORDER BY kind;
SELECT id FROM legacy WHERE kind > 'box' ORDER BY id;
SELECT upper(kind), length(kind), kind || '!' FROM legacy ORDER BY id;
SELECT id, tiny, small, medium, big, size_kb FROM legacy WHERE tiny IS NOT NULL ORDER BY id;
SELECT tiny + 1, small + 1, big + 1, size_kb + 1 FROM legacy ORDER BY id;
SELECT tiny - 300, small - 70000, size_kb - 4294967296, id - 100 FROM legacy ORDER BY id;
SELECT big - 18446744073709551615, big * 2 FROM legacy ORDER BY id;
SELECT sum(big), max(big), avg(tiny), sum(size_kb) FROM legacy;
SELECT id FROM legacy WHERE big = 18446744073709551615;
SELECT id FROM legacy WHERE tiny > -1 ORDER BY id;
SELECT id FROM legacy WHERE name = 'Jörg';
SELECT id FROM legacy WHERE name = 'jörg' OR name = 'Zoë' ORDER BY id;
SELECT id FROM legacy WHERE name LIKE 'j%' ORDER BY id;
SELECT id FROM legacy WHERE name ILIKE 'JÖ%' ORDER BY id;
SELECT name FROM legacy ORDER BY name NULLS FIRST;
SELECT l.id, w.id FROM legacy l JOIN words w ON w.w > l.name AND w.lang = 'fr' ORDER BY 1, 2;
SELECT upper(name), length(name), octet_length(name) FROM legacy ORDER BY id;
SELECT name || ' 😀' FROM legacy ORDER BY id;
SELECT id FROM legacy WHERE name = '😀';
SELECT code, code = 'ab', length(code) FROM legacy ORDER BY id;
SELECT born, born + 1 FROM legacy ORDER BY id;
SELECT made, made > '2023-01-01' FROM legacy ORDER BY id;
SELECT flags FROM legacy WHERE flags = 'red,green';
SELECT bin, length(bin) FROM legacy ORDER BY id;
SELECT id FROM legacy WHERE bin = '\x01020304';
SELECT DISTINCT kind FROM legacy ORDER BY 1;
SELECT l.id, a.name FROM legacy l JOIN agents a ON a.id = l.id ORDER BY l.id;

INSERT INTO legacy (id, kind, tiny, big, name, born) VALUES (10, 'tin', 200, 18446744073709551614, 'ÄÖÜ', 2000);
SELECT * FROM legacy WHERE id = 10;

UPDATE legacy SET kind = 'bag', name = 'Ünal', size_kb = 4294967295 WHERE id = 3;
SELECT kind, name, size_kb FROM legacy WHERE id = 3;

--@ params ["box", 200]
SELECT id FROM legacy WHERE kind = $1 AND tiny > $2 ORDER BY id;
