INSERT INTO counters (name, n) VALUES ('one', 1);
SELECT * FROM counters ORDER BY name;

INSERT INTO counters VALUES ('two', 2), ('three', 3);
SELECT COUNT(*), SUM(n) FROM counters WHERE n BETWEEN 2 AND 3;

INSERT INTO counters (name) VALUES ('fresh');
SELECT * FROM counters WHERE name = 'fresh';

INSERT INTO counters SET name = 'set', n = 5;
SELECT * FROM counters WHERE name = 'set';

INSERT counters (name, n) VALUE ('value', DEFAULT);
SELECT * FROM counters WHERE name = 'value';

INSERT INTO `counters` (`n`, `name`) VALUES (7 * 6, UPPER('answer'));
SELECT * FROM counters WHERE name = 'ANSWER';

INSERT INTO counters (name, n) SELECT CONCAT('agent-', id), salary FROM agents WHERE salary IS NOT NULL;
SELECT * FROM counters WHERE name LIKE 'agent-%' ORDER BY name;

INSERT INTO counters SELECT status, COUNT(*) FROM orders GROUP BY status;
SELECT * FROM counters ORDER BY name;

INSERT INTO agents (id, name, active) VALUES (20, 'Zoë', TRUE), (21, '😀', 0);
SELECT * FROM agents WHERE id >= 20 ORDER BY id;

INSERT INTO agents (id, name, city, team, rating, active, hired, born, salary, boss_id, note, last_seen, shift_start) VALUES (22, 'O\'Hara', 'St. \\John "x"', 'w', 3.25, 1, '2024-02-29', '1900-01-01', 12345678.90, 1, 'a\nb\tc', '2024-01-01 00:00:00.123456', '07:07:07');
SELECT * FROM agents WHERE id = 22;

INSERT INTO orders (id, customer, quantity, placed_at) VALUES (5000, 'Max', 1, '2024-07-01 10:00');
SELECT * FROM orders WHERE id = 5000;

INSERT INTO orders (id, customer, quantity, price, placed_at, paid, weight) VALUES (5001, 'Max', '2', 10, '2024-07-01', TRUE, 1.1), (5002, 'Max', 2, 10.005, 20240702, FALSE, '2.5');
SELECT * FROM orders WHERE id > 5000 ORDER BY id;

INSERT INTO orders (id, customer, quantity, placed_at) VALUES (5003, 'Now', 1, NOW());
SELECT placed_at > '2024-01-01' FROM orders WHERE id = 5003;

INSERT INTO items (id, sku, title, price, attrs, photo, created) VALUES (50, 'X-1', 'X', 1.00, '{"k": "v"}', X'deadbeef', '2024-02-29 12:00:00');
SELECT id, photo, created, stock FROM items WHERE id = 50;

INSERT INTO tickets (subject) VALUES ('first');
SELECT LAST_INSERT_ID();
SELECT id, subject, priority, state FROM tickets WHERE id > 100 ORDER BY id;

INSERT INTO tickets (subject) VALUES ('first'), ('second');
SELECT LAST_INSERT_ID();
SELECT id, subject FROM tickets WHERE id > 100 ORDER BY id;

INSERT INTO tickets (subject, body) SELECT CONCAT('copy of ', subject), body FROM tickets WHERE id < 3 ORDER BY id;
SELECT subject, body FROM tickets WHERE subject LIKE 'copy%' ORDER BY subject;

INSERT INTO tickets (id, subject) VALUES (900, 'given key');
SELECT id FROM tickets WHERE subject = 'given key';

INSERT INTO tickets (id, subject) VALUES (NULL, 'null key');
SELECT id FROM tickets WHERE subject = 'null key';

INSERT INTO tickets (id, subject) VALUES (0, 'zero key');
SELECT id FROM tickets WHERE subject = 'zero key';

INSERT INTO tickets (id, subject) VALUES (DEFAULT, 'default key');
SELECT id FROM tickets WHERE subject = 'default key';

INSERT INTO tickets (subject, agent_id) VALUES ('linked', 1);
INSERT INTO counters (name, n) VALUES ('last', LAST_INSERT_ID());
SELECT n FROM counters WHERE name = 'last';

INSERT INTO parcels (id, order_id, weight, label) VALUES (10, 1001, 0.001, 'abc');
SELECT id, CONCAT(label, '|'), weight FROM parcels WHERE id = 10;

INSERT INTO edges (id, i8, f8, n) VALUES (50, 9223372036854775807, 1e-300, 0.000001), (51, -9223372036854775808, -0.0, -0.5);
SELECT id, i8, f8, n FROM edges WHERE id >= 50 ORDER BY id;

INSERT INTO edges (id, v, t) VALUES (52, '%_\\', '-- no comment /* */ ; \' "'), (53, '', NULL);
SELECT id, v, t FROM edges WHERE id >= 52 ORDER BY id;

INSERT INTO edges (id, n) VALUES (54, 1.0000005);
SELECT n FROM edges WHERE id = 54;

INSERT INTO edges (id, i4) VALUES (55, 2.5), (56, 3.5), (57, '12');
SELECT id, i4 FROM edges WHERE id >= 55 ORDER BY id;

INSERT INTO edges (id, ok) VALUES (58, 5);
SELECT ok FROM edges WHERE id = 58;

INSERT INTO edges (id, b) VALUES (59, 0x00ff), (60, 'text'), (61, _binary 'x\0y');
SELECT id, HEX(b) FROM edges WHERE id >= 59 ORDER BY id;

INSERT INTO counters (name, n) SELECT name, n FROM counters WHERE FALSE;

INSERT IGNORE INTO counters (name, n) VALUES ('orders', 1), ('new one', 2);
SELECT * FROM counters ORDER BY name;

INSERT INTO counters (name, n) VALUES ('orders', 1) ON DUPLICATE KEY UPDATE n = n + 1;
SELECT * FROM counters ORDER BY name;

INSERT INTO counters (name, n) VALUES ('orders', 5) ON DUPLICATE KEY UPDATE n = VALUES(n);
SELECT n FROM counters WHERE name = 'orders';

INSERT INTO counters (name, n) VALUES ('orders', 5), ('fresh', 6) ON DUPLICATE KEY UPDATE n = n + VALUES(n);
SELECT * FROM counters ORDER BY name;

INSERT INTO counters (name, n) VALUES ('orders', 12) ON DUPLICATE KEY UPDATE n = VALUES(n);
SELECT n FROM counters WHERE name = 'orders';

INSERT INTO counters (name, n) VALUES ('orders', 3) ON DUPLICATE KEY UPDATE n = GREATEST(n, VALUES(n));
SELECT n FROM counters WHERE name = 'orders';

INSERT INTO counters (name, n) VALUES ('orders', 3) ON DUPLICATE KEY UPDATE n = IF(VALUES(n) > n, VALUES(n), n);
SELECT n FROM counters WHERE name = 'orders';

--@ only mysql
INSERT INTO counters (name, n) VALUES ('orders', 5) AS new ON DUPLICATE KEY UPDATE n = counters.n + new.n;
SELECT n FROM counters WHERE name = 'orders';

INSERT INTO items (id, sku, title, price) VALUES (77, 'LMP-01', 'Dup sku', 5) ON DUPLICATE KEY UPDATE title = VALUES(title);
SELECT id, title FROM items WHERE sku = 'LMP-01';

INSERT INTO assignments (order_id, agent_id, hours) VALUES (1001, 1, 9) ON DUPLICATE KEY UPDATE hours = hours + VALUES(hours), role = 'lead';
SELECT * FROM assignments WHERE order_id = 1001 ORDER BY agent_id;

INSERT INTO tickets (subject, votes) VALUES ('Refund', 1) ON DUPLICATE KEY UPDATE votes = votes + 1;
SELECT id, votes FROM tickets WHERE subject = 'Refund';

INSERT INTO tickets (subject, votes) VALUES ('Refund', 1) ON DUPLICATE KEY UPDATE id = LAST_INSERT_ID(id), votes = votes + 1;
SELECT LAST_INSERT_ID();

INSERT INTO counters (name, n) SELECT status, COUNT(*) FROM orders GROUP BY status ON DUPLICATE KEY UPDATE n = VALUES(n);
SELECT * FROM counters ORDER BY name;

REPLACE INTO counters (name, n) VALUES ('orders', 77);
SELECT * FROM counters ORDER BY name;

REPLACE INTO counters (name, n) VALUES ('brand', 1), ('orders', 2);
SELECT * FROM counters ORDER BY name;

REPLACE INTO tickets (id, subject) VALUES (1, 'replaced');
SELECT id, subject, body, votes FROM tickets WHERE id = 1;

--@ only mariadb
INSERT INTO tickets (subject) VALUES ('returned') RETURNING id, subject;
SELECT id FROM tickets WHERE subject = 'returned';

--@ only mariadb
DELETE FROM tickets WHERE id = 2 RETURNING id, subject;
SELECT COUNT(*) FROM tickets;
