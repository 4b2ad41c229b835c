INSERT INTO counters (name, n) VALUES ('orders', 1);
SELECT n FROM counters WHERE name = 'orders';

INSERT INTO counters (name, n) VALUES ('before', 1), ('orders', 1);
SELECT COUNT(*) FROM counters;

INSERT INTO items (id, sku, title, price) VALUES (90, 'LMP-01', 'dup', 1);

INSERT INTO assignments (order_id, agent_id) VALUES (1001, 1);

UPDATE items SET sku = 'LMP-01' WHERE id = 2;

INSERT INTO parcels (id, order_id, weight) VALUES (90, 424242, 1);

DELETE FROM orders WHERE id = 1001;

UPDATE orders SET id = 424242 WHERE id = 1002;

INSERT INTO agents (id, name, active) VALUES (90, NULL, 1);

INSERT INTO agents (id, active) VALUES (90, 1);

UPDATE agents SET name = NULL WHERE id = 1;

INSERT INTO parcels (id, order_id, weight) VALUES (91, 1001, 0);

UPDATE parcels SET weight = -1 WHERE id = 1;

INSERT INTO agents (id, name, active) VALUES (90, REPEAT('x', 41), 1);

UPDATE agents SET team = 'much too long a name' WHERE id = 1;

INSERT INTO edges (id, i2) VALUES (90, 32768);

INSERT INTO edges (id, i4) VALUES (90, 2147483648);

INSERT INTO edges (id, i8) VALUES (90, 9223372036854775808);

INSERT INTO edges (id, n) VALUES (90, 100000000000000);

UPDATE agents SET rating = 100 WHERE id = 1;

INSERT INTO edges (id, d) VALUES (90, '2024-02-30');

INSERT INTO edges (id, d) VALUES (90, 'not a date');

INSERT INTO edges (id, i4) VALUES (90, 'abc');

INSERT INTO edges (id, i4) VALUES (90, '');

INSERT INTO edges (id, ts) VALUES (90, '2024-01-01 25:00:00');

INSERT INTO edges (id, i4, i4) VALUES (90, 1, 2);

INSERT INTO edges (id, i4) VALUES (90);

INSERT INTO edges (id) VALUES (90, 1);

INSERT INTO edges (id, nowhere) VALUES (90, 1);

UPDATE edges SET nowhere = 1;

UPDATE items SET price = price / 0 WHERE id = 1;

UPDATE items SET stock = stock + 2147483647 WHERE id = 1;

UPDATE counters SET n = n + 1000000 WHERE name = 'big';

SELECT nowhere FROM agents;
SELECT a.nowhere FROM agents a;
SELECT x.id FROM agents a;
SELECT id FROM agents a JOIN items i ON a.id = i.id;
SELECT * FROM missing;
SELECT COUNT(*) FROM missing WHERE id = 1;
SELECT id FROM agents WHERE nofunction(id) = 1;
SELECT id FROM agents WHERE COUNT(*) > 1;
SELECT id FROM agents ORDER BY nowhere;
SELECT id FROM agents ORDER BY 5;
SELECT id FROM agents UNION SELECT id, name FROM agents;
SELECT FROM WHERE;
SELEC id FROM agents;
SELECT id FROM agents WHERE;
SELECT 'unterminated FROM agents;
SELECT id FROM agents GROUP BY;
SELECT MAX(id, 2) FROM agents;
SELECT UPPER() FROM agents;
SELECT (SELECT id FROM agents) FROM counters;
SELECT (SELECT id, name FROM agents WHERE id = 1) FROM agents;
SELECT id FROM agents WHERE id IN (SELECT id, name FROM agents);
SELECT SUM(COUNT(*)) FROM agents;
SELECT a.id FROM agents a, agents a;
SELECT id, id FROM agents WHERE id = 1;
SELECT * FROM (SELECT id, id FROM agents) x;
SELECT id FROM (SELECT id FROM agents);
SELECT ROW_NUMBER() FROM agents;

DELETE FROM agents WHERE nowhere = 1;

INSERT INTO missing (id) VALUES (1);

UPDATE missing SET id = 1;

DELETE FROM missing;

UPDATE tickets SET votes = (SELECT MAX(votes) FROM (SELECT votes FROM tickets) t) WHERE id = 1;
SELECT votes FROM tickets WHERE id = 1;

INSERT INTO counters (name, n) VALUES ('kept', 1);
INSERT INTO counters (name, n) VALUES ('orders', 1);
SELECT * FROM counters WHERE name IN ('kept', 'orders') ORDER BY name;
INSERT INTO counters (name, n) VALUES ('kept too', 1);
SELECT * FROM missing;
SELECT COUNT(*) FROM counters;
