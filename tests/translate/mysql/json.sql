SELECT id, attrs FROM items WHERE id IN (3, 4, 6, 7, 8) ORDER BY id;
SELECT id, JSON_EXTRACT(attrs, '$.a') FROM items WHERE id IN (1, 2, 5) ORDER BY id;
SELECT id, JSON_UNQUOTE(JSON_EXTRACT(attrs, '$.b')) FROM items WHERE id IN (1, 5, 6) ORDER BY id;
--@ only mysql
SELECT id, attrs->'$.a', attrs->>'$.b' FROM items WHERE id IN (1, 5) ORDER BY id;
SELECT id, JSON_EXTRACT(attrs, '$.c[1]'), JSON_EXTRACT(attrs, '$.d.e') FROM items WHERE id IN (1, 2) ORDER BY id;
SELECT id, JSON_VALID(attrs), JSON_LENGTH(attrs) FROM items WHERE id = 3;
SELECT id, JSON_TYPE(attrs) FROM items WHERE id IN (1, 3) ORDER BY id;
SELECT JSON_OBJECT('id', id, 'name', name) FROM agents WHERE id < 3 ORDER BY id;
SELECT JSON_ARRAY(1, 'x', NULL, TRUE) FROM counters WHERE name = 'zero';
SELECT id FROM items WHERE JSON_EXTRACT(attrs, '$.a') = 1;
SELECT id FROM items WHERE JSON_UNQUOTE(JSON_EXTRACT(attrs, '$.b')) = 'x';
SELECT id FROM items WHERE JSON_CONTAINS(attrs, '1', '$.a') ORDER BY id;

UPDATE items SET attrs = '{"z": 1, "y": [true, null]}' WHERE id = 1;
SELECT JSON_EXTRACT(attrs, '$.z') FROM items WHERE id = 1;

UPDATE items SET attrs = JSON_SET(attrs, '$.a', 99) WHERE id = 1;
SELECT JSON_EXTRACT(attrs, '$.a') FROM items WHERE id = 1;

UPDATE items SET attrs = '{broken' WHERE id = 1;
