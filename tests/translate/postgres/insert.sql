INSERT INTO counters (name, n) VALUES ('one', 1);
SELECT * FROM counters ORDER BY name;

INSERT INTO counters VALUES ('two', 2), ('three', 3);
SELECT count(*), sum(n) FROM counters WHERE n BETWEEN 2 AND 3;

INSERT INTO counters (name) VALUES ('fresh');
SELECT * FROM counters WHERE name = 'fresh';

INSERT INTO counters (name, n) VALUES ('d', DEFAULT);
SELECT * FROM counters WHERE name = 'd';

INSERT INTO counters (n, name) VALUES (7 * 6, upper('answer'));
SELECT * FROM counters WHERE name = 'ANSWER';

INSERT INTO counters (name, n) SELECT 'agent-' || id, salary FROM agents WHERE salary IS NOT NULL;
SELECT * FROM counters WHERE name LIKE 'agent-%' ORDER BY name;

INSERT INTO counters SELECT status, count(*) FROM orders GROUP BY status;
SELECT * FROM counters ORDER BY name;

INSERT INTO agents (id, name, active) VALUES (20, 'Zoë', true), (21, '😀', false);
SELECT * FROM agents WHERE id >= 20 ORDER BY id;

INSERT INTO agents (id, name, city, team, rating, active, hired, born, salary, boss_id, note, last_seen, shift_start) VALUES (22, 'O''Hara', 'St. \John "x"', 'w', 3.25, 't', '2024-02-29', '1900-01-01', 12345678.90, 1, E'a\nb\tc', '2024-01-01 00:00:00.123456', '07:07:07');
SELECT * FROM agents WHERE id = 22;

INSERT INTO orders (id, customer, quantity, placed_at) VALUES (5000, 'Max', 1, '2024-07-01 10:00');
SELECT * FROM orders WHERE id = 5000;

INSERT INTO orders (id, customer, quantity, price, placed_at, paid, weight) VALUES (5001, 'Max', 2, 10, '2024-07-01', 'yes', 1.1), (5002, 'Max', 2, 10.005, date '2024-07-02', false, '2.5');
SELECT * FROM orders WHERE id > 5000 ORDER BY id;

INSERT INTO orders (id, customer, quantity, placed_at) VALUES (5003, 'Now', 1, now());
SELECT placed_at > '2024-01-01' FROM orders WHERE id = 5003;

INSERT INTO items (id, sku, title, price, attrs, photo, created) VALUES (50, 'X-1', 'X', 1.00, '{"k": "v"}', '\xdeadbeef', '2024-02-29 12:00:00+02');
SELECT id, attrs->>'k', photo, created, stock FROM items WHERE id = 50;

INSERT INTO tickets (subject) VALUES ('first'), ('second');
SELECT id, subject, priority, state FROM tickets WHERE id > 100 ORDER BY id;

INSERT INTO tickets (subject, body) SELECT 'copy of ' || subject, body FROM tickets WHERE id < 3 ORDER BY id;
SELECT subject, body FROM tickets WHERE subject LIKE 'copy%' ORDER BY subject;

INSERT INTO tickets (id, subject) VALUES (900, 'given key');
SELECT id FROM tickets WHERE subject = 'given key';

INSERT INTO tickets (id, subject) VALUES (DEFAULT, 'default key');
SELECT id FROM tickets WHERE subject = 'default key';

INSERT INTO assignments (order_id, agent_id) SELECT o.id, a.id FROM orders o CROSS JOIN agents a WHERE o.status = 'new' AND a.id = 6;
SELECT * FROM assignments WHERE agent_id = 6 ORDER BY order_id;

INSERT INTO parcels (id, order_id, weight, label) VALUES (10, 1001, 0.001, 'abc');
SELECT id, label || '|', weight FROM parcels WHERE id = 10;

INSERT INTO edges (id, i8, f8, n) VALUES (50, 9223372036854775807, 1e-300, 0.000001), (51, -9223372036854775808, -0.0, -0.5);
SELECT id, i8, f8, n FROM edges WHERE id >= 50 ORDER BY id;

INSERT INTO edges (id, v, t) VALUES (52, '%_\', '-- no comment /* */ ; '' "'), (53, '', NULL);
SELECT id, v, t FROM edges WHERE id >= 52 ORDER BY id;

INSERT INTO edges (id, n) VALUES (54, 1.0000005);
SELECT n FROM edges WHERE id = 54;

INSERT INTO edges (id, i4) VALUES (55, 2.5), (56, 3.5), (57, '12');
SELECT id, i4 FROM edges WHERE id >= 55 ORDER BY id;

INSERT INTO counters AS c (name, n) VALUES ('aliased', 1);
SELECT n FROM counters WHERE name = 'aliased';

INSERT INTO counters (name, n) VALUES ('in a row', (SELECT count(*) FROM agents));
SELECT n FROM counters WHERE name = 'in a row';

INSERT INTO counters DEFAULT VALUES;

INSERT INTO counters (name, n) OVERRIDING SYSTEM VALUE VALUES ('over', 1);

INSERT INTO counters (name, n) SELECT name, n FROM counters WHERE false;
