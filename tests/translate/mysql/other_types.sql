-- The table `legacy`: types that MySQL has not.
SELECT * FROM legacy ORDER BY id;
SELECT token FROM legacy WHERE token = '6ccd780c-baba-1026-9564-5b8c656024db';
SELECT id FROM legacy WHERE token IS NULL;
SELECT ratio, ratio * 2 FROM legacy ORDER BY id;
SELECT id FROM legacy WHERE fixed = 'ab';
SELECT CONCAT(fixed, '|'), LENGTH(fixed) FROM legacy ORDER BY id;
SELECT made FROM legacy ORDER BY id;
SELECT body, LENGTH(body) FROM legacy ORDER BY id;
SELECT doc FROM legacy WHERE id = 2;
SELECT JSON_EXTRACT(doc, '$.a') FROM legacy WHERE id = 1;

INSERT INTO legacy (id, token, ratio, fixed, body) VALUES (10, '6ccd780c-baba-1026-9564-5b8c656024dc', 1.25, 'x ', 'b');
SELECT id, token, ratio, fixed, body FROM legacy WHERE id = 10;

UPDATE legacy SET doc = '{"k": 1}', fixed = 'né' WHERE id = 3;
SELECT doc, fixed FROM legacy WHERE id = 3;
