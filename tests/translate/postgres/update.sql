UPDATE agents SET city = 'Bonn' WHERE id = 1;
SELECT id, city FROM agents ORDER BY id;

UPDATE agents SET salary = salary * 1.1, rating = COALESCE(rating, 0) + 0.1 WHERE team = 'north';
SELECT id, salary, rating FROM agents ORDER BY id;

UPDATE agents SET active = NOT active;
SELECT id, active FROM agents ORDER BY id;

UPDATE agents SET city = city WHERE city IS NOT NULL;

UPDATE agents SET note = NULL, team = DEFAULT WHERE id = 1;
SELECT note, team FROM agents WHERE id = 1;

UPDATE orders SET quantity = quantity + 1, price = (quantity + 1) * 2 WHERE id = 1001;
SELECT quantity, price FROM orders WHERE id = 1001;

UPDATE orders SET quantity = 7, weight = quantity WHERE id = 1001;
SELECT quantity, weight FROM orders WHERE id = 1001;

UPDATE assignments SET order_id = agent_id, agent_id = order_id WHERE order_id = 1002;
SELECT * FROM assignments WHERE agent_id = 1002;

UPDATE orders SET status = 'late' WHERE placed_at < '2024-02-01' AND status <> 'shipped';
SELECT id, status FROM orders ORDER BY id;

UPDATE orders SET status = 'x' WHERE id = 424242;

UPDATE orders SET shipped_on = '2024-12-31', paid = TRUE, comment = 'it''s "done" \o/' WHERE id = 1003;
SELECT shipped_on, paid, comment FROM orders WHERE id = 1003;

UPDATE orders AS o SET customer = upper(o.customer) WHERE o.id IN (1001, 1004);
SELECT customer FROM orders WHERE id IN (1001, 1004) ORDER BY id;

UPDATE "orders" SET "status" = 'cancelled', "comment" = NULL WHERE "orders"."id" = 1006;
SELECT status, comment FROM orders WHERE id = 1006;

UPDATE items SET stock = stock - 1 WHERE id = 1 AND stock > 0;
SELECT stock FROM items WHERE id = 1;

UPDATE items SET stock = stock - 1 WHERE id = 2 AND stock > 0;
SELECT stock FROM items WHERE id = 2;

UPDATE items SET (title, price) = ('Renamed', 1.5) WHERE id = 3;
SELECT title, price FROM items WHERE id = 3;

UPDATE items SET price = (SELECT max(price) FROM orders WHERE item_id = items.id) WHERE id IN (1, 3);
SELECT id, price FROM items ORDER BY id;

UPDATE items SET stock = (SELECT count(*) FROM orders o WHERE o.item_id = items.id);
SELECT id, stock FROM items ORDER BY id;

UPDATE orders SET weight = 1 WHERE item_id IN (SELECT id FROM items WHERE category = 'light');
SELECT id, weight FROM orders ORDER BY id;

UPDATE agents SET salary = (SELECT avg(salary) FROM agents) WHERE id = 4;
SELECT salary FROM agents WHERE id = 4;

UPDATE agents SET salary = 1 WHERE salary > (SELECT avg(salary) FROM agents);
SELECT id, salary FROM agents ORDER BY id;

UPDATE orders SET price = i.price * orders.quantity FROM items i WHERE i.id = orders.item_id AND orders.status = 'new';
SELECT id, price FROM orders ORDER BY id;

UPDATE orders o SET comment = a.name FROM assignments s, agents a WHERE s.order_id = o.id AND a.id = s.agent_id AND s.role = 'driver';
SELECT id, comment FROM orders ORDER BY id;

UPDATE orders SET comment = CASE WHEN paid THEN 'ok' ELSE 'due' END WHERE id < 1005;
SELECT id, comment FROM orders ORDER BY id;

UPDATE orders SET placed_at = placed_at + interval '1 day' WHERE id = 1003;
SELECT placed_at FROM orders WHERE id = 1003;

UPDATE agents SET last_seen = now() WHERE id = 1;
SELECT last_seen > '2024-06-01' FROM agents WHERE id = 1;

UPDATE agents SET name = name || ' Jr.' WHERE name ILIKE 'ann';
SELECT id, name FROM agents ORDER BY id;

UPDATE words SET w = lower(w) WHERE w = 'APPLE';
SELECT id, w FROM words WHERE w = 'apple' ORDER BY id;

UPDATE words SET lang = 'xx' WHERE w = 'apple';
SELECT id FROM words WHERE lang = 'xx' ORDER BY id;

UPDATE counters SET n = n + 1;
SELECT * FROM counters ORDER BY name;

UPDATE counters SET name = 'renamed' WHERE name = 'zero';
SELECT name FROM counters ORDER BY name;

UPDATE tickets SET votes = votes + 1 WHERE id IN (SELECT id FROM tickets WHERE state = 'open' ORDER BY votes DESC, id LIMIT 1);
SELECT id, votes FROM tickets ORDER BY id;

--@ params ["Rome", 2]
UPDATE agents SET city = $1 WHERE id = $2;
SELECT city FROM agents WHERE id = 2;

--@ params [1, "orders"]
UPDATE counters SET n = n + $1 WHERE name = $2;
SELECT n FROM counters WHERE name = 'orders';
