UPDATE `agents` SET `city` = 'Bonn', `note` = NULL WHERE `agents`.`id` = 1;
SELECT id, city, note FROM agents WHERE id = 1;

UPDATE agents SET salary = salary * 1.1, rating = IFNULL(rating, 0) + 0.1 WHERE team = 'north';
SELECT id, salary, rating FROM agents ORDER BY id;

UPDATE agents SET active = NOT active;
SELECT id, active FROM agents ORDER BY id;

UPDATE agents SET active = 1 - active WHERE id < 3;
SELECT id, active FROM agents ORDER BY id;

UPDATE agents SET city = city WHERE city IS NOT NULL;

UPDATE agents SET city = 'Berlin' WHERE id IN (1, 2);
SELECT id, city FROM agents WHERE id < 3 ORDER BY id;

UPDATE orders SET quantity = quantity + 1, price = quantity * 2 WHERE id = 1001;
SELECT quantity, price FROM orders WHERE id = 1001;

UPDATE assignments SET order_id = agent_id, agent_id = order_id WHERE order_id = 1002;
SELECT * FROM assignments WHERE order_id = 2 OR agent_id = 1002;

UPDATE orders SET status = 'late' WHERE placed_at < '2024-02-01' AND status <> 'shipped';
SELECT id, status FROM orders ORDER BY id;

UPDATE orders SET status = 'x' WHERE id = 424242;

UPDATE orders SET status = 'first' ORDER BY id LIMIT 2;
SELECT id, status FROM orders WHERE status = 'first' ORDER BY id;

UPDATE orders o SET o.customer = UPPER(o.customer) WHERE o.id IN (1001, 1004);
SELECT customer FROM orders WHERE id IN (1001, 1004) ORDER BY id;

UPDATE items SET stock = stock - 1 WHERE id = 1 AND stock > 0;
SELECT stock FROM items WHERE id = 1;

UPDATE items SET stock = stock - 1 WHERE id = 2 AND stock > 0;
SELECT stock FROM items WHERE id = 2;

UPDATE orders o JOIN items i ON i.id = o.item_id SET o.price = i.price * o.quantity WHERE o.status = 'new';
SELECT id, price FROM orders ORDER BY id;

UPDATE orders o INNER JOIN assignments s ON s.order_id = o.id SET o.comment = 'assigned';
SELECT id, comment FROM orders ORDER BY id;

UPDATE orders o LEFT JOIN parcels p ON p.order_id = o.id SET o.comment = 'no parcel' WHERE p.id IS NULL;
SELECT id, comment FROM orders ORDER BY id;

UPDATE orders, items SET orders.weight = 1 WHERE items.id = orders.item_id AND items.category = 'light';
SELECT id, weight FROM orders ORDER BY id;

UPDATE orders o JOIN items i ON i.id = o.item_id SET o.comment = 'both', i.stock = 0 WHERE o.id = 1001;
SELECT comment FROM orders WHERE id = 1001;

UPDATE items SET price = (SELECT MAX(price) FROM orders WHERE item_id = items.id) WHERE id IN (1, 3);
SELECT id, price FROM items ORDER BY id;

UPDATE items SET stock = (SELECT COUNT(*) FROM orders o WHERE o.item_id = items.id);
SELECT id, stock FROM items ORDER BY id;

UPDATE orders SET weight = 1 WHERE item_id IN (SELECT id FROM items WHERE category = 'light');
SELECT id, weight FROM orders ORDER BY id;

UPDATE orders SET comment = IF(paid, 'ok', 'due') WHERE id < 1005;
SELECT id, comment FROM orders ORDER BY id;

UPDATE orders SET placed_at = placed_at + INTERVAL 1 DAY WHERE id = 1003;
SELECT placed_at FROM orders WHERE id = 1003;

UPDATE agents SET last_seen = NOW() WHERE id = 1;
SELECT last_seen > '2024-06-01' FROM agents WHERE id = 1;

UPDATE agents SET name = CONCAT(name, ' Jr.') WHERE LOWER(name) = 'ann';
SELECT id, name FROM agents ORDER BY id;

UPDATE words SET lang = 'xx' WHERE w = 'apple';
SELECT id FROM words WHERE lang = 'xx' ORDER BY id;

UPDATE counters SET n = n + 1;
SELECT * FROM counters ORDER BY name;

UPDATE counters SET name = 'renamed' WHERE name = 'zero';
SELECT name FROM counters ORDER BY name;

UPDATE items SET title = DEFAULT(stock) WHERE id = 1;

UPDATE items SET stock = DEFAULT WHERE id = 1;
SELECT stock FROM items WHERE id = 1;

UPDATE IGNORE items SET sku = 'LMP-01' WHERE id = 2;
SELECT sku FROM items WHERE id = 2;

UPDATE edges SET i4 = 2.5, n = 1.23456789, f4 = 1 / 4 WHERE id = 4;
SELECT i4, n, f4 FROM edges WHERE id = 4;

--@ params ["Rome", 2]
UPDATE agents SET city = ? WHERE id = ?;
SELECT city FROM agents WHERE id = 2;

--@ params [1, "orders"]
UPDATE counters SET n = n + ? WHERE name = ?;
SELECT n FROM counters WHERE name = 'orders';

DELETE FROM assignments WHERE order_id = 1001;
SELECT COUNT(*) FROM assignments;

DELETE FROM assignments ORDER BY hours DESC, order_id, agent_id LIMIT 2;
SELECT order_id, agent_id FROM assignments ORDER BY 1, 2;

DELETE s FROM assignments s JOIN orders o ON o.id = s.order_id WHERE o.status = 'shipped';
SELECT order_id, agent_id FROM assignments ORDER BY 1, 2;

DELETE FROM s USING assignments AS s INNER JOIN orders o ON o.id = s.order_id WHERE o.status = 'paid';
SELECT order_id, agent_id FROM assignments ORDER BY 1, 2;

DELETE s, t FROM assignments s JOIN tickets t ON t.agent_id = s.agent_id WHERE t.id = 1;
SELECT COUNT(*) FROM assignments;

DELETE t FROM tickets t LEFT JOIN agents a ON a.id = t.agent_id WHERE a.id IS NULL;
SELECT id FROM tickets ORDER BY id;

DELETE FROM words WHERE w = 'apple';
SELECT id FROM words WHERE id < 6 ORDER BY id;

DELETE FROM words WHERE w LIKE 'a%' AND lang = 'en';
SELECT id FROM words ORDER BY id;

DELETE FROM items WHERE id NOT IN (SELECT item_id FROM orders WHERE item_id IS NOT NULL);
SELECT id FROM items ORDER BY id;

DELETE QUICK FROM words WHERE id = 1;
SELECT COUNT(*) FROM words;

DELETE FROM `words` WHERE `words`.`id` IN (1, 2, 3);
SELECT COUNT(*) FROM words;

DELETE FROM tickets;
SELECT COUNT(*) FROM tickets;
