-- Prepared statements, and the same with values put in by the driver.
--@ params [1]
SELECT id, name FROM agents WHERE id = ?;
--@ params ["Ann"]
SELECT id FROM agents WHERE name = ?;
--@ params ["Berlin", 3]
SELECT id FROM agents WHERE city = ? AND id < ? ORDER BY id;
--@ params [1.0]
SELECT id FROM agents WHERE id = ?;
--@ params ["1"]
SELECT id FROM agents WHERE id = ?;
--@ params [{"decimal": "1.0"}]
SELECT id FROM agents WHERE id = ?;
--@ params [true]
SELECT id FROM agents WHERE active = ? ORDER BY id;
--@ params ["2024-02-29"]
SELECT id FROM orders WHERE placed_at >= ? ORDER BY id;
--@ params ["2024-02-29"]
SELECT id FROM orders WHERE shipped_on = ?;
--@ params ["100.00"]
SELECT id FROM orders WHERE price > ? ORDER BY id;
--@ params [100]
SELECT id FROM orders WHERE price > ? ORDER BY id;
--@ params [{"decimal": "19.99"}]
SELECT id FROM orders WHERE price = ? ORDER BY id;
--@ params [1.5]
SELECT id FROM orders WHERE weight >= ? ORDER BY id;
--@ params [null]
SELECT id FROM agents WHERE city = ?;
--@ params [null]
SELECT id FROM agents WHERE city <=> ? ORDER BY id;
--@ params [2, 1]
SELECT id FROM orders ORDER BY id LIMIT ? OFFSET ?;
--@ params [1, 2]
SELECT id FROM orders ORDER BY id LIMIT ?, ?;
--@ params ["%amp%"]
SELECT id FROM items WHERE title LIKE ? ORDER BY id;
--@ params [1, 2, 3]
SELECT id FROM agents WHERE id IN (?, ?, ?) ORDER BY id;
--@ params [1, 10]
SELECT id FROM agents WHERE id BETWEEN ? AND ? ORDER BY id;
--@ params ["x"]
SELECT id, CONCAT(name, ?) FROM agents ORDER BY id LIMIT 2;
--@ params ["none"]
SELECT id, IFNULL(city, ?) FROM agents ORDER BY id;
--@ params [1001, 1001]
SELECT o.id, (SELECT COUNT(*) FROM assignments s WHERE s.order_id = ?) AS n FROM orders o WHERE o.id = ?;
--@ params ["it's \\ \"quoted\" %_ 😀 \n"]
SELECT COUNT(*) FROM words WHERE w = ?;
--@ params ["back\\slash"]
SELECT id FROM words WHERE w = ?;
--@ params ["quo'te"]
SELECT id FROM words WHERE w = ?;
--@ params [9223372036854775807]
SELECT id FROM edges WHERE i8 = ?;
--@ params ["23:59:59.999999"]
SELECT id FROM edges WHERE tm = ?;
--@ params ["2024-02-29 12:00:00"]
SELECT id FROM items WHERE created = ?;
--@ params [1, "Ann"]
SELECT id FROM agents WHERE (id, name) = (?, ?);
--@ params [10, "new"]
SELECT id FROM orders WHERE quantity > ? AND status = ? ORDER BY id;
--@ params [5]
SELECT id, quantity + ? FROM orders ORDER BY id LIMIT 2;
--@ only mariadb
--@ params [2]
SELECT ROUND(price, 2) * ? FROM items ORDER BY id LIMIT 3;
--@ params [7]
SELECT DATE_ADD(placed_at, INTERVAL ? DAY) FROM orders ORDER BY id LIMIT 2;
--@ params ["Ada", "shipped"]
SELECT COUNT(*) FROM orders WHERE customer = ? AND status = ?;
--@ params ["a"]
SELECT ? AS given, id FROM agents WHERE id = 1;
--@ params [7]
SELECT ? AS given, id FROM agents WHERE id = 1;

--@ params [7000, "Param", 1, 3, "9.99", "2024-05-05 05:05:05.123456", true, 2.5, null]
INSERT INTO orders (id, customer, item_id, quantity, price, placed_at, paid, weight, comment) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?);
SELECT * FROM orders WHERE id = 7000;

--@ params [60, 32767, 2147483647, 9223372036854775807, {"decimal": "99999999999999.999999"}, 1.7976931348623157e308, "ÄÖ😀", "t", "2024-02-29", "2024-02-29 23:59:59.999999", "2024-06-01 12:00:00", "23:59:59", false]
INSERT INTO edges (id, i2, i4, i8, n, f8, v, t, d, ts, tz, tm, ok) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?);
SELECT * FROM edges WHERE id = 60;

--@ params [61, null, null, null, null, null, null, null, null, null]
INSERT INTO edges (id, i2, i4, i8, n, f8, v, t, b, ok) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?);
SELECT * FROM edges WHERE id = 61;

--@ params ["p1", 4]
INSERT INTO counters (name, n) VALUES (?, ?) ON DUPLICATE KEY UPDATE n = VALUES(n);
SELECT n FROM counters WHERE name = 'p1';

--@ params ["orders", 4, 10]
INSERT INTO counters (name, n) VALUES (?, ?) ON DUPLICATE KEY UPDATE n = n + ?;
SELECT n FROM counters WHERE name = 'orders';

--@ params ["new ticket", 2]
INSERT INTO tickets (subject, priority) VALUES (?, ?);
SELECT LAST_INSERT_ID();

--@ params ["new note", 1]
UPDATE agents SET note = ?, last_seen = NOW() WHERE id = ? AND active;
SELECT note FROM agents WHERE id = 1;

--@ params ["12.345", 3]
UPDATE items SET price = ? WHERE id = ?;
SELECT price FROM items WHERE id = 3;

--@ params [10, 1, 10]
UPDATE items SET stock = stock - ? WHERE id = ? AND stock >= ?;
SELECT stock FROM items WHERE id = 1;

--@ params [40000, 1]
UPDATE tickets SET priority = ? WHERE id = ?;

--@ params ["{\"k\": 1}", 1]
UPDATE items SET attrs = ? WHERE id = ?;
SELECT JSON_EXTRACT(attrs, '$.k') FROM items WHERE id = 1;

--@ params [1]
DELETE FROM tickets WHERE id = ?;
SELECT COUNT(*) FROM tickets;
