SELECT id, attrs FROM items WHERE attrs IS NULL ORDER BY id;
SELECT id, attrs FROM items WHERE id IN (3, 6, 7, 8) ORDER BY id;
SELECT id, attrs->'a' FROM items WHERE id IN (1, 2, 5) ORDER BY id;
SELECT id, attrs->>'a', attrs->>'b' FROM items ORDER BY id;
SELECT id, attrs->>'missing' FROM items ORDER BY id;
SELECT id FROM items WHERE attrs->>'b' = 'x' ORDER BY id;
SELECT id FROM items WHERE (attrs->>'a')::int > 1 ORDER BY id;
SELECT id, attrs->'d'->>'e' FROM items ORDER BY id;
SELECT id, attrs#>>'{d,e}', attrs#>'{c,1}' FROM items ORDER BY id;
SELECT id, attrs->'c'->0, attrs->'c'->>1, attrs->'c'->-1 FROM items WHERE id = 1;
SELECT id, json_array_length(attrs->'c') FROM items WHERE id = 1;
SELECT id, json_typeof(attrs) FROM items ORDER BY id;
SELECT json_build_object('id', id, 'name', name) FROM agents WHERE id < 3 ORDER BY id;
SELECT json_build_array(1, 'x', NULL, TRUE) FROM counters WHERE name = 'zero';
SELECT id FROM items WHERE attrs->'b' IS NULL ORDER BY id;
SELECT id FROM items WHERE attrs::jsonb @> '{"a": 1}' ORDER BY id;
SELECT id FROM items WHERE attrs::jsonb ? 'a' ORDER BY id;
SELECT to_json(name) FROM agents WHERE id = 1;
SELECT row_to_json(c) FROM counters c WHERE name = 'zero';
SELECT i.id, e.value FROM items i, json_array_elements(i.attrs->'c') e WHERE i.id = 1;
SELECT json_object_agg(name, n) FROM counters WHERE n < 0;
SELECT id, attrs->>'b' AS b FROM items ORDER BY attrs->>'b' NULLS LAST, id;

UPDATE items SET attrs = '{"z": 1, "y": [true, null]}' WHERE id = 1;
SELECT attrs->>'z', attrs->'y'->>0 FROM items WHERE id = 1;

UPDATE items SET attrs = '{broken' WHERE id = 1;

UPDATE items SET attrs = NULL WHERE id = 1;
SELECT id FROM items WHERE attrs IS NULL ORDER BY id;
