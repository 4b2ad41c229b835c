INSERT INTO counters (name, n) VALUES ('orders', 1) ON CONFLICT DO NOTHING;
SELECT * FROM counters ORDER BY name;

INSERT INTO counters (name, n) VALUES ('orders', 1), ('fresh', 2) ON CONFLICT (name) DO NOTHING;
SELECT * FROM counters ORDER BY name;

INSERT INTO counters (name, n) VALUES ('orders', 1) ON CONFLICT (name) DO UPDATE SET n = counters.n + 1;
SELECT * FROM counters ORDER BY name;

INSERT INTO counters (name, n) VALUES ('orders', 5) ON CONFLICT (name) DO UPDATE SET n = excluded.n;
SELECT n FROM counters WHERE name = 'orders';

INSERT INTO counters (name, n) VALUES ('orders', 5), ('fresh', 6) ON CONFLICT (name) DO UPDATE SET n = counters.n + EXCLUDED.n;
SELECT * FROM counters ORDER BY name;

INSERT INTO counters AS c (name, n) VALUES ('orders', 5) ON CONFLICT (name) DO UPDATE SET n = c.n * 2;
SELECT n FROM counters WHERE name = 'orders';

INSERT INTO counters (name, n) VALUES ('orders', 12) ON CONFLICT (name) DO UPDATE SET n = excluded.n;
SELECT n FROM counters WHERE name = 'orders';

INSERT INTO counters (name, n) VALUES ('orders', 5) ON CONFLICT ON CONSTRAINT counters_pkey DO UPDATE SET n = 0;
SELECT n FROM counters WHERE name = 'orders';

INSERT INTO counters (name, n) VALUES ('orders', 99) ON CONFLICT (name) DO UPDATE SET n = excluded.n WHERE counters.n < excluded.n;
SELECT n FROM counters WHERE name = 'orders';

INSERT INTO counters (name, n) VALUES ('orders', 3) ON CONFLICT (name) DO UPDATE SET n = excluded.n WHERE counters.n < excluded.n;
SELECT n FROM counters WHERE name = 'orders';

INSERT INTO items (id, sku, title, price) VALUES (1, 'LMP-01', 'New lamp', 5) ON CONFLICT (id) DO UPDATE SET title = excluded.title, price = items.price + excluded.price;
SELECT id, title, price FROM items WHERE id = 1;

INSERT INTO items (id, sku, title, price) VALUES (77, 'LMP-01', 'Dup sku', 5) ON CONFLICT (sku) DO UPDATE SET title = excluded.title;
SELECT id, title FROM items WHERE sku = 'LMP-01';

INSERT INTO items (id, sku, title, price) VALUES (77, 'LMP-01', 'Dup sku', 5) ON CONFLICT (id) DO NOTHING;

INSERT INTO assignments (order_id, agent_id, hours) VALUES (1001, 1, 9) ON CONFLICT (order_id, agent_id) DO UPDATE SET hours = assignments.hours + excluded.hours, role = 'lead';
SELECT * FROM assignments WHERE order_id = 1001 ORDER BY agent_id;

INSERT INTO counters (name, n) SELECT status, count(*) FROM orders GROUP BY status ON CONFLICT (name) DO UPDATE SET n = excluded.n;
SELECT * FROM counters ORDER BY name;

INSERT INTO tickets (subject, votes) VALUES ('Refund', 1) ON CONFLICT (subject) DO UPDATE SET votes = tickets.votes + 1 RETURNING id, votes;
SELECT id, votes FROM tickets WHERE subject = 'Refund';

INSERT INTO tickets (subject) VALUES ('Refund') ON CONFLICT (subject) DO NOTHING RETURNING id;
SELECT count(*) FROM tickets;

INSERT INTO counters (name, n) VALUES ('a', 1), ('a', 2) ON CONFLICT (name) DO UPDATE SET n = excluded.n;

INSERT INTO counters (name, n) VALUES ('orders', 1) ON CONFLICT (n) DO NOTHING;

--@ params ["orders", 4]
INSERT INTO counters (name, n) VALUES ($1, $2) ON CONFLICT (name) DO UPDATE SET n = counters.n + $2;
SELECT n FROM counters WHERE name = 'orders';

--@ params ["p", 4]
INSERT INTO counters (name, n) VALUES ($1, $2) ON CONFLICT (name) DO UPDATE SET n = EXCLUDED.n RETURNING n;
SELECT n FROM counters WHERE name = 'p';
