SELECT id FROM orders WHERE id = 1001 FOR UPDATE;
UPDATE orders SET status = 'locked' WHERE id = 1001;
SELECT status FROM orders WHERE id = 1001;

SELECT id FROM tickets WHERE state = 'open' ORDER BY id LIMIT 1 FOR UPDATE SKIP LOCKED;
SELECT id FROM tickets WHERE id = 2 FOR UPDATE NOWAIT;
SELECT n FROM counters WHERE name = 'orders' FOR SHARE;
SELECT n FROM counters WHERE name = 'orders' FOR NO KEY UPDATE;
SELECT n FROM counters WHERE name = 'orders' FOR KEY SHARE;

SELECT o.id FROM orders o JOIN items i ON i.id = o.item_id WHERE o.id = 1001 FOR UPDATE OF o;
SELECT o.id FROM orders o JOIN items i ON i.id = o.item_id WHERE o.id = 1001 FOR UPDATE;

SELECT count(*) FROM orders FOR UPDATE;

SAVEPOINT one;
UPDATE counters SET n = 1 WHERE name = 'zero';
ROLLBACK TO SAVEPOINT one;
SELECT n FROM counters WHERE name = 'zero';
RELEASE SAVEPOINT one;
UPDATE counters SET n = 2 WHERE name = 'zero';
SELECT n FROM counters WHERE name = 'zero';

SAVEPOINT sp;
INSERT INTO counters (name, n) VALUES ('orders', 1);
ROLLBACK TO SAVEPOINT sp;
UPDATE counters SET n = n + 1 WHERE name = 'orders';
SELECT n FROM counters WHERE name = 'orders';

INSERT INTO counters (name, n) VALUES ('orders', 1);
SELECT 1 FROM counters WHERE name = 'orders';
UPDATE counters SET n = 0;

--@ alone
BEGIN;
UPDATE counters SET n = 13 WHERE name = 'orders';
COMMIT;
SELECT n FROM counters WHERE name = 'orders';
UPDATE counters SET n = 12 WHERE name = 'orders';
BEGIN ISOLATION LEVEL REPEATABLE READ;
SELECT n FROM counters WHERE name = 'orders';
COMMIT;
BEGIN ISOLATION LEVEL SERIALIZABLE;
SELECT n FROM counters WHERE name = 'orders';
ROLLBACK;
BEGIN READ ONLY;
SELECT n FROM counters WHERE name = 'orders';
UPDATE counters SET n = 0 WHERE name = 'orders';
ROLLBACK;
SELECT n FROM counters WHERE name = 'orders';
