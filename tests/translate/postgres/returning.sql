INSERT INTO tickets (subject) VALUES ('r1') RETURNING id;
SELECT id FROM tickets WHERE subject = 'r1';

INSERT INTO tickets (subject, priority) VALUES ('r2', 1), ('r3', 2) RETURNING id, subject, priority, state;

INSERT INTO tickets (subject) VALUES ('r4') RETURNING *;

INSERT INTO "tickets" ("subject", "body", "votes") VALUES ('orm', NULL, 0) RETURNING "tickets"."id";

INSERT INTO tickets (subject) VALUES ('r5') RETURNING id AS key, upper(subject) AS loud, id * 2;

INSERT INTO counters (name) VALUES ('r6') RETURNING name, n;

INSERT INTO counters (name, n) VALUES ('r7', 5) RETURNING n + 1;

INSERT INTO orders (id, customer, quantity, placed_at) VALUES (6000, 'R', 1, '2024-01-01') RETURNING id, status, placed_at;

INSERT INTO counters (name, n) SELECT 'r-' || id, id FROM agents WHERE id < 3 ORDER BY id RETURNING name, n;

UPDATE tickets SET votes = votes + 1 WHERE id = 1 RETURNING id, votes;
SELECT votes FROM tickets WHERE id = 1;

UPDATE tickets SET state = 'closed' WHERE agent_id = 1 AND state = 'open' RETURNING *;

UPDATE tickets SET votes = 0 WHERE id = 99 RETURNING id;

UPDATE orders SET price = price * 2 WHERE id = 1001 RETURNING id, price AS new_price, customer || '!' AS who;

DELETE FROM tickets WHERE id = 2 RETURNING id, subject;
SELECT count(*) FROM tickets;

DELETE FROM tickets WHERE id = 99 RETURNING *;

DELETE FROM assignments WHERE order_id = 1002 AND agent_id = 2 RETURNING *;
SELECT count(*) FROM assignments;

UPDATE counters SET n = n + 1 WHERE name = 'orders' RETURNING n;
UPDATE counters SET n = n + 1 WHERE name = 'orders' RETURNING n;

--@ params ["r8", 2]
INSERT INTO tickets (subject, priority) VALUES ($1, $2) RETURNING id, priority;
SELECT subject FROM tickets WHERE id = 101;

--@ params [1]
DELETE FROM tickets WHERE id = $1 RETURNING subject;
SELECT count(*) FROM tickets;
