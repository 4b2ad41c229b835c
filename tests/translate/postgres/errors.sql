-- One error to a paragraph where it is a transaction's.
INSERT INTO counters (name, n) VALUES ('orders', 1);

INSERT INTO items (id, sku, title, price) VALUES (90, 'LMP-01', 'dup', 1);

INSERT INTO assignments (order_id, agent_id) VALUES (1001, 1);

UPDATE items SET sku = 'LMP-01' WHERE id = 2;

INSERT INTO parcels (id, order_id, weight) VALUES (90, 424242, 1);

DELETE FROM orders WHERE id = 1001;

UPDATE orders SET id = 424242 WHERE id = 1002;

INSERT INTO agents (id, name, active) VALUES (90, NULL, true);

INSERT INTO agents (id, active) VALUES (90, true);

UPDATE agents SET name = NULL WHERE id = 1;

INSERT INTO parcels (id, order_id, weight) VALUES (91, 1001, 0);

UPDATE parcels SET weight = -1 WHERE id = 1;

INSERT INTO agents (id, name, active) VALUES (90, repeat('x', 41), true);

UPDATE agents SET team = 'much too long a name' WHERE id = 1;

INSERT INTO edges (id, i2) VALUES (90, 32768);

INSERT INTO edges (id, i4) VALUES (90, 2147483648);

INSERT INTO edges (id, i8) VALUES (90, 9223372036854775808);

INSERT INTO edges (id, n) VALUES (90, 100000000000000);

UPDATE agents SET rating = 100 WHERE id = 1;

INSERT INTO edges (id, d) VALUES (90, '2024-02-30');

INSERT INTO edges (id, d) VALUES (90, 'not a date');

INSERT INTO edges (id, i4) VALUES (90, 'abc');

INSERT INTO edges (id, ok) VALUES (90, 'maybe');

INSERT INTO edges (id, ok) VALUES (90, 1);

INSERT INTO edges (id, ts) VALUES (90, '2024-01-01 25:00:00');

INSERT INTO edges (id, n) VALUES (90, 'NaN');

INSERT INTO edges (id, f8) VALUES (90, 'Infinity');

INSERT INTO edges (id, i4, i4) VALUES (90, 1, 2);

INSERT INTO edges (id, i4) VALUES (90);

INSERT INTO edges (id) VALUES (90, 1);

INSERT INTO edges (id, nowhere) VALUES (90, 1);

UPDATE edges SET nowhere = 1;

UPDATE edges SET id = 'x';

UPDATE items SET price = price / 0 WHERE id = 1;

UPDATE items SET stock = stock + 2147483647 WHERE id = 1;

UPDATE counters SET n = n + 1000000 WHERE name = 'big';

SELECT nowhere FROM agents;
SELECT a.nowhere FROM agents a;
SELECT x.id FROM agents a;
SELECT id FROM agents a JOIN items i ON a.id = i.id;
SELECT * FROM missing;
SELECT count(*) FROM missing WHERE id = 1;
SELECT id FROM agents WHERE nofunction(id) = 1;
SELECT id, count(*) FROM agents;
SELECT city, name FROM agents GROUP BY city;
SELECT id FROM agents WHERE count(*) > 1;
SELECT id FROM agents ORDER BY 5;
SELECT id FROM agents WHERE id;
SELECT id FROM agents WHERE name = 5;
SELECT id FROM agents WHERE name > 3;
SELECT name + 1 FROM agents;
SELECT id FROM agents WHERE id = 'abc';
SELECT id FROM agents WHERE hired = '2024-13-01';
SELECT id FROM agents WHERE active = 1;
SELECT id || active FROM agents WHERE id = 1;
SELECT 1 / 0 FROM agents WHERE id = 1;
SELECT id / (id - id) FROM agents WHERE id = 1;
SELECT salary / 0 FROM agents WHERE id = 1;
SELECT id % 0 FROM agents WHERE id = 1;
SELECT i4 + 1 FROM edges WHERE id = 1;
SELECT i8 + 1 FROM edges WHERE id = 1;
SELECT i2 * i4 FROM edges WHERE id = 1;
SELECT i4 * i4 FROM edges WHERE id = 8;
SELECT abs(i4) FROM edges WHERE id = 2;
SELECT -i8 FROM edges WHERE id = 2;
SELECT f8 * 10 FROM edges WHERE id = 1;
SELECT sqrt(-1.0) FROM agents WHERE id = 1;
SELECT ln(0.0) FROM agents WHERE id = 1;
SELECT substring(name, 1, -1) FROM agents WHERE id = 1;
SELECT id FROM agents UNION SELECT name FROM agents;
SELECT id FROM agents UNION SELECT id, name FROM agents;
SELECT FROM WHERE;
SELEC id FROM agents;
SELECT id FROM agents WHERE;
SELECT 'unterminated FROM agents;
SELECT id FROM agents GROUP BY;
SELECT sum(name) FROM agents;
SELECT max(id, 2) FROM agents;
SELECT upper(id) FROM agents;
SELECT length(5) FROM agents;
SELECT (SELECT id, name FROM agents WHERE id = 1) FROM agents;
SELECT id FROM agents WHERE id IN (SELECT id, name FROM agents);
SELECT id::nosuchtype FROM agents;
SELECT date_trunc('fortnight', placed_at) FROM orders;
SELECT extract(nothing FROM placed_at) FROM orders;
SELECT chr(0) FROM agents WHERE id = 1;
SELECT sum(count(*)) FROM agents;
SELECT a.id FROM agents a, agents a;
SELECT id FROM agents HAVING id > 1;
SELECT row_number() FROM agents;
SELECT id FROM agents WHERE row_number() OVER () = 1;
SELECT DISTINCT name FROM agents ORDER BY id;

DELETE FROM agents WHERE nowhere = 1;

INSERT INTO missing (id) VALUES (1);

UPDATE missing SET id = 1;

DELETE FROM missing;
