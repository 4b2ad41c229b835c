WITH big AS (SELECT * FROM orders WHERE price > 100) SELECT id, customer FROM big ORDER BY id;
WITH t (c, n) AS (SELECT customer, count(*) FROM orders GROUP BY customer) SELECT c, n FROM t WHERE n > 1 ORDER BY c;
WITH a AS (SELECT id FROM agents WHERE active), b AS (SELECT agent_id, sum(hours) AS h FROM assignments GROUP BY agent_id) SELECT a.id, b.h FROM a LEFT JOIN b ON b.agent_id = a.id ORDER BY a.id;
WITH RECURSIVE chain AS (SELECT id, name, boss_id, 0 AS depth FROM agents WHERE boss_id IS NULL UNION ALL SELECT a.id, a.name, a.boss_id, c.depth + 1 FROM agents a JOIN chain c ON a.boss_id = c.id) SELECT id, name, depth FROM chain ORDER BY depth, id;
WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 5) SELECT i, a.name FROM n JOIN agents a ON a.id = n.i ORDER BY i;
WITH x AS (SELECT id, title FROM items WHERE price < 20) SELECT o.id, x.title FROM orders o JOIN x ON x.id = o.item_id ORDER BY o.id;
WITH totals AS (SELECT customer, sum(price) AS total FROM orders GROUP BY customer) SELECT customer, total, total / (SELECT sum(total) FROM totals) AS part FROM totals WHERE total > 0 ORDER BY customer;
WITH a AS (SELECT 1 AS x), b AS (SELECT x + 1 AS y FROM a) SELECT b.y, c.n FROM b, counters c WHERE c.name = 'orders';
WITH RECURSIVE under (id) AS (SELECT id FROM agents WHERE id = 1 UNION SELECT a.id FROM agents a, under u WHERE a.boss_id = u.id) SELECT count(*) FROM under;
WITH latest AS (SELECT customer, max(placed_at) AS at FROM orders GROUP BY customer) SELECT o.id, o.customer FROM orders o JOIN latest l ON l.customer = o.customer AND l.at = o.placed_at ORDER BY o.id;
WITH ranked AS (SELECT id, customer, row_number() OVER (PARTITION BY customer ORDER BY placed_at DESC, id) AS rn FROM orders) SELECT id, customer FROM ranked WHERE rn = 1 ORDER BY id;

--@ only mysql
WITH old AS (SELECT id FROM orders WHERE placed_at < '2024-01-01') UPDATE orders SET comment = 'archived' WHERE id IN (SELECT id FROM old);
SELECT id, comment FROM orders ORDER BY id;

--@ only mysql
WITH gone AS (SELECT id FROM tickets WHERE state = 'closed') DELETE FROM tickets WHERE id IN (SELECT id FROM gone);
SELECT id FROM tickets ORDER BY id;
