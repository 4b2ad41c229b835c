-- Prepared statements as drivers send them: types are inferred by the server.
--@ params [1]
SELECT id, name FROM agents WHERE id = $1;
--@ params ["Ann"]
SELECT id FROM agents WHERE name = $1;
--@ params ["Berlin", 3]
SELECT id FROM agents WHERE city = $1 AND id < $2 ORDER BY id;
--@ params [3, "Berlin"]
SELECT id FROM agents WHERE id > $1 AND city = $2 ORDER BY id;
--@ params ["Ada"]
SELECT id FROM orders WHERE customer = $1 OR comment = $1 ORDER BY id;
--@ params [2, 1]
SELECT id, $2::int AS two FROM agents WHERE id = $1;
--@ params [true]
SELECT id FROM agents WHERE active = $1 ORDER BY id;
--@ params ["2024-02-29"]
SELECT id FROM orders WHERE placed_at >= $1 ORDER BY id;
--@ params ["2024-02-29"]
SELECT id FROM orders WHERE shipped_on = $1;
--@ params ["100.00"]
SELECT id FROM orders WHERE price > $1 ORDER BY id;
--@ params [1.5]
SELECT id FROM orders WHERE weight >= $1 ORDER BY id;
--@ params [null]
SELECT id FROM agents WHERE city = $1;
--@ params [null]
SELECT id FROM agents WHERE $1::text IS NULL ORDER BY id;
--@ params [2, 1]
SELECT id FROM orders ORDER BY id LIMIT $1 OFFSET $2;
--@ params ["%lamp%"]
SELECT id FROM items WHERE title ILIKE $1 ORDER BY id;
--@ params ["a%"]
SELECT id FROM words WHERE w LIKE $1 ORDER BY id;
--@ params [1, 2, 3]
SELECT id FROM agents WHERE id IN ($1, $2, $3) ORDER BY id;
--@ params ["{1,3}"]
SELECT id FROM agents WHERE id = ANY ($1) ORDER BY id;
--@ params ["{1,3}"]
SELECT id FROM agents WHERE id = ANY ($1::int[]) ORDER BY id;
--@ params ["{Ann,Ben}"]
SELECT id FROM agents WHERE name = ANY ($1) ORDER BY id;
--@ params ["{1,2}"]
SELECT id FROM agents WHERE id <> ALL ($1::int[]) ORDER BY id;
--@ params [1, 10]
SELECT id FROM agents WHERE id BETWEEN $1 AND $2 ORDER BY id;
--@ params [5]
SELECT id, quantity + $1 FROM orders ORDER BY id LIMIT 2;
--@ params [5]
SELECT id, $1::int + quantity AS more FROM orders ORDER BY id LIMIT 2;
--@ params ["x"]
SELECT id, name || $1 FROM agents ORDER BY id LIMIT 2;
--@ params ["x"]
SELECT $1 AS given, id FROM agents WHERE id = 1;
--@ params [7]
SELECT $1::bigint AS given FROM agents WHERE id = 1;
--@ params ["none"]
SELECT id, COALESCE(city, $1) FROM agents ORDER BY id;
--@ params [1001]
SELECT o.*, (SELECT count(*) FROM assignments s WHERE s.order_id = $1) AS n FROM orders o WHERE o.id = $1;
--@ params ["1001", "1002"]
SELECT count(*) FROM orders WHERE id IN ($1, $2);
--@ params ["bulk", 10, "few"]
SELECT id, CASE WHEN quantity > $2 THEN $1 ELSE $3 END FROM orders ORDER BY id LIMIT 4;
--@ params ["it's \\ \"quoted\" %_ 😀 \n"]
SELECT $1::text AS back FROM counters WHERE name = 'zero';
--@ params ["back\\slash"]
SELECT id FROM words WHERE w = $1;
--@ params ["quo'te"]
SELECT id FROM words WHERE w = $1;
--@ params ["1 day"]
SELECT id, placed_at + $1::interval FROM orders ORDER BY id LIMIT 2;
--@ params [9223372036854775807]
SELECT id FROM edges WHERE i8 = $1;
--@ params ["\\x00ff10"]
SELECT id FROM edges WHERE b = $1;
--@ params ["23:59:59.999999"]
SELECT id FROM edges WHERE tm = $1;
--@ params ["2024-02-29 12:00:00+00"]
SELECT id FROM items WHERE created = $1;
--@ params ["abc"]
SELECT id FROM agents WHERE id = $1;
--@ params [1, "Ann"]
SELECT id FROM agents WHERE (id, name) = ($1, $2);
--@ params ["month"]
SELECT date_trunc($1, placed_at) FROM orders WHERE id = 1001;
--@ params [2]
SELECT round(price, $1) FROM items ORDER BY id LIMIT 2;
--@ params [1, "a"]
SELECT id FROM agents WHERE id = $1 AND $2 = 'a';
--@ params [1]
SELECT id FROM agents WHERE id = $1::int AND id = $1;

--@ params [7000, "Param", 1, 3, "9.99", "2024-05-05 05:05:05.123456", true, 2.5, null]
INSERT INTO orders (id, customer, item_id, quantity, price, placed_at, paid, weight, comment) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9);
SELECT * FROM orders WHERE id = 7000;

--@ params [60, 32767, 2147483647, 9223372036854775807, "99999999999999.999999", 1.7976931348623157e308, "ÄÖ😀", "t", "\\x0001ff", "2024-02-29", "2024-02-29 23:59:59.999999", "2024-06-01 12:00:00+02", "23:59:59", false]
INSERT INTO edges (id, i2, i4, i8, n, f8, v, t, b, d, ts, tz, tm, ok) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14);
SELECT * FROM edges WHERE id = 60;

--@ params [61, null, null, null, null, null, null, null, null, null]
INSERT INTO edges (id, i2, i4, i8, n, f8, v, t, b, ok) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10);
SELECT * FROM edges WHERE id = 61;

--@ params ["new note", 1]
UPDATE agents SET note = $1, last_seen = now() WHERE id = $2 AND active;
SELECT note FROM agents WHERE id = 1;

--@ params [["a"]]
UPDATE agents SET note = $1 WHERE id = 1;
SELECT note FROM agents WHERE id = 1;

--@ params ["{\"k\": [1, 2]}", 1]
UPDATE items SET attrs = $1 WHERE id = $2;
SELECT attrs->'k'->>1 FROM items WHERE id = 1;

--@ params ["12.345", 3]
UPDATE items SET price = $1 WHERE id = $2;
SELECT price FROM items WHERE id = 3;

--@ params [10, 1]
UPDATE items SET stock = stock - $1 WHERE id = $2 AND stock >= $1;
SELECT stock FROM items WHERE id = 1;

--@ params [40000, 1]
UPDATE tickets SET priority = $1 WHERE id = $2;
