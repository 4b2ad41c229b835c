DELETE FROM assignments WHERE order_id = 1001;
SELECT count(*) FROM assignments;

DELETE FROM assignments;
SELECT count(*) FROM assignments;

DELETE FROM words WHERE w = 'apple';
SELECT id FROM words WHERE id < 6 ORDER BY id;

DELETE FROM words WHERE w LIKE 'a%' AND lang = 'en';
SELECT id FROM words ORDER BY id;

DELETE FROM tickets WHERE votes < 1 OR body IS NULL;
SELECT id FROM tickets ORDER BY id;

DELETE FROM assignments AS s WHERE s.hours > 2;
SELECT order_id, agent_id FROM assignments ORDER BY 1, 2;

DELETE FROM assignments s USING orders o WHERE o.id = s.order_id AND o.status = 'shipped';
SELECT order_id, agent_id FROM assignments ORDER BY 1, 2;

DELETE FROM assignments USING orders o, agents a WHERE o.id = assignments.order_id AND a.id = assignments.agent_id AND a.active AND o.paid;
SELECT order_id, agent_id FROM assignments ORDER BY 1, 2;

DELETE FROM items WHERE id NOT IN (SELECT item_id FROM orders WHERE item_id IS NOT NULL);
SELECT id FROM items ORDER BY id;

DELETE FROM items i WHERE NOT EXISTS (SELECT 1 FROM orders o WHERE o.item_id = i.id);
SELECT count(*) FROM items;

DELETE FROM agents WHERE salary < (SELECT avg(salary) FROM agents);
SELECT id FROM agents ORDER BY id;

DELETE FROM tickets WHERE id IN (SELECT id FROM tickets ORDER BY votes LIMIT 2);
SELECT count(*) FROM tickets;

DELETE FROM "words" WHERE "words"."id" IN (1, 2, 3);
SELECT count(*) FROM words;

DELETE FROM words WHERE id = 424242;

DELETE FROM edges WHERE d > '2024-01-01' OR f8 IS NULL;
SELECT id FROM edges ORDER BY id;

DELETE FROM parcels WHERE order_id = 1001;
DELETE FROM orders WHERE id = 1001;
SELECT count(*) FROM orders;

--@ params ["new", 1005]
DELETE FROM orders WHERE status = $1 AND id > $2;
SELECT id FROM orders ORDER BY id;

DELETE FROM ONLY words WHERE id = 1;
SELECT count(*) FROM words;
