-- The story itself, hand-written.
UPDATE items SET stock = stock - 1 WHERE sku = 'LMP-01' AND stock >= 1;
INSERT INTO orders (id, customer, item_id, quantity, price, status, placed_at, paid) SELECT 8000, 'Ivy', id, 1, price, 'new', '2024-08-01 12:00:00', FALSE FROM items WHERE sku = 'LMP-01';
INSERT INTO assignments (order_id, agent_id) SELECT 8000, id FROM agents WHERE active AND city = 'Berlin' ORDER BY rating DESC, id LIMIT 1;
SELECT o.id, o.price, a.name FROM orders o JOIN assignments s ON s.order_id = o.id JOIN agents a ON a.id = s.agent_id WHERE o.id = 8000;
UPDATE counters SET n = n + 1 WHERE name = 'orders';
SELECT stock, (SELECT n FROM counters WHERE name = 'orders') AS n FROM items WHERE id = 1;

SELECT a.id, a.name, COUNT(s.order_id) AS jobs, IFNULL(SUM(s.hours), 0) AS hours FROM agents a LEFT JOIN assignments s ON s.agent_id = a.id WHERE a.active GROUP BY a.id, a.name ORDER BY hours DESC, a.id;
SELECT i.category, COUNT(DISTINCT o.customer) AS customers, SUM(o.quantity * i.price) AS value FROM orders o JOIN items i ON i.id = o.item_id GROUP BY i.category ORDER BY value DESC;
SELECT o.customer, ROUND(SUM(o.price) / COUNT(*), 2) AS mean, DATE(MAX(o.placed_at)) AS last FROM orders o WHERE o.status <> 'cancelled' GROUP BY o.customer ORDER BY mean DESC, o.customer;
SELECT DATE_FORMAT(placed_at, '%Y-%m') AS month, COUNT(*) AS n, SUM(IF(paid, price, 0)) AS paid FROM orders GROUP BY DATE_FORMAT(placed_at, '%Y-%m') ORDER BY month;
SELECT name, CASE WHEN salary >= 4000 THEN 'high' WHEN salary >= 3000 THEN 'middle' WHEN salary IS NULL THEN 'unknown' ELSE 'low' END AS band FROM agents ORDER BY band, name;
SELECT b.name AS boss, COUNT(*) AS people, GROUP_CONCAT(a.name ORDER BY a.name SEPARATOR ', ') AS names FROM agents a JOIN agents b ON b.id = a.boss_id GROUP BY b.id, b.name ORDER BY b.id;
SELECT o.id, o.price, SUM(o.price) OVER (PARTITION BY o.customer ORDER BY o.placed_at, o.id) AS running FROM orders o WHERE o.price IS NOT NULL ORDER BY o.customer, o.placed_at, o.id;
SELECT i.id, i.title FROM items i WHERE i.stock < (SELECT IFNULL(SUM(o.quantity), 0) FROM orders o WHERE o.item_id = i.id AND o.status IN ('new', 'paid')) ORDER BY i.id;
SELECT SUM(DATEDIFF(shipped_on, placed_at) <= 2) AS quick, COUNT(*) AS shipped FROM orders WHERE shipped_on IS NOT NULL;
SELECT customer, MAX(price) FROM orders WHERE price IS NOT NULL GROUP BY customer HAVING COUNT(*) = 1 ORDER BY 2 DESC, 1 LIMIT 3;
SELECT DISTINCT a.city FROM agents a JOIN assignments s ON s.agent_id = a.id WHERE s.role = 'driver' ORDER BY a.city;
SELECT a.name, a.salary - (SELECT AVG(b.salary) FROM agents b WHERE b.team = a.team) AS above FROM agents a WHERE a.salary IS NOT NULL ORDER BY a.id;
