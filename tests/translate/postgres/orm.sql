-- As SQLAlchemy, Django, Rails, Hibernate and Prisma print them.
SELECT agents.id AS agents_id, agents.name AS agents_name, agents.salary AS agents_salary FROM agents WHERE agents.name = 'Ann' ORDER BY agents.id LIMIT 1;
SELECT count(*) AS count_1 FROM (SELECT orders.id AS orders_id, orders.customer AS orders_customer FROM orders WHERE orders.status = 'new') AS anon_1;
SELECT orders.id, orders.customer, items_1.id AS id_1, items_1.title FROM orders LEFT OUTER JOIN items AS items_1 ON items_1.id = orders.item_id WHERE orders.customer IN ('Ada', 'Bob') ORDER BY orders.id;
SELECT anon_1.orders_id, anon_1.orders_customer, parcels_1.id AS parcels_1_id FROM (SELECT orders.id AS orders_id, orders.customer AS orders_customer FROM orders ORDER BY orders.id LIMIT 3) AS anon_1 LEFT OUTER JOIN parcels AS parcels_1 ON anon_1.orders_id = parcels_1.order_id ORDER BY anon_1.orders_id, parcels_1.id;
SELECT "orders"."id", "orders"."customer", "orders"."price" FROM "orders" WHERE ("orders"."status" = 'paid' AND "orders"."price" >= 100) ORDER BY "orders"."id" ASC;
SELECT COUNT(*) AS "__count" FROM "orders" WHERE NOT ("orders"."customer" = 'Ada');
SELECT "orders"."customer", COUNT("orders"."id") AS "n", SUM("orders"."price") AS "total" FROM "orders" GROUP BY "orders"."customer" HAVING COUNT("orders"."id") > 1 ORDER BY "n" DESC, "orders"."customer" ASC;
SELECT (1) AS "a" FROM "agents" WHERE "agents"."name" = 'Ann' LIMIT 1;
SELECT 1 AS one FROM "agents" WHERE "agents"."name" = 'Nobody' LIMIT 1;
SELECT "agents".* FROM "agents" WHERE "agents"."id" = 1 LIMIT 1;
SELECT "agents".* FROM "agents" ORDER BY "agents"."id" DESC LIMIT 1;
SELECT MAX("orders"."placed_at") FROM "orders" WHERE "orders"."customer" = 'Ada';
SELECT SUM("orders"."price") AS sum_price, "orders"."status" AS orders_status FROM "orders" GROUP BY "orders"."status" ORDER BY "orders"."status";
SELECT DISTINCT "items"."id", "items"."title" FROM "items" INNER JOIN "orders" ON "orders"."item_id" = "items"."id" WHERE "orders"."status" = 'shipped' ORDER BY "items"."id";
SELECT "items"."id" FROM "items" WHERE UPPER("items"."title"::text) LIKE UPPER('%lamp%') ORDER BY "items"."id";
SELECT "items"."id" FROM "items" WHERE "items"."title"::text LIKE '%Lamp%' ORDER BY 1;
SELECT "orders"."id" FROM "orders" WHERE "orders"."placed_at" BETWEEN '2024-01-01 00:00:00' AND '2024-12-31 23:59:59.999999' ORDER BY 1;
SELECT (DATE_TRUNC('month', "orders"."placed_at")) AS "m", COUNT("orders"."id") AS "c" FROM "orders" GROUP BY 1 ORDER BY 1 ASC;
SELECT EXTRACT(YEAR FROM "orders"."placed_at") AS "y" FROM "orders" WHERE EXTRACT(MONTH FROM "orders"."placed_at") = 3 ORDER BY "orders"."id";
SELECT COALESCE(SUM("orders"."quantity"), 0) AS "s" FROM "orders" WHERE "orders"."id" < 0;
SELECT CASE WHEN "orders"."paid" THEN 'yes' WHEN NOT "orders"."paid" THEN 'no' ELSE 'unknown' END AS "p" FROM "orders" ORDER BY "orders"."id" ASC;
SELECT a1_0.id, a1_0.name, a1_0.boss_id FROM agents a1_0 WHERE a1_0.boss_id = 1 ORDER BY a1_0.id;
SELECT o1_0.id, i1_0.id, i1_0.title FROM orders o1_0 JOIN items i1_0 ON i1_0.id = o1_0.item_id WHERE o1_0.id = 1001;
SELECT o1_0.id, o1_0.customer FROM orders o1_0 ORDER BY o1_0.id OFFSET 2 ROWS FETCH FIRST 2 ROWS ONLY;
SELECT "public"."orders"."id", "public"."orders"."status" FROM "public"."orders" WHERE ("public"."orders"."id" = 1001 AND 1=1) LIMIT 1 OFFSET 0;
SELECT "public"."agents"."id", "public"."agents"."name" FROM "public"."agents" WHERE "public"."agents"."id" IN (1, 2, 3) OFFSET 0;
SELECT COUNT(*) FROM (SELECT "public"."orders"."id" FROM "public"."orders" WHERE 1=1 OFFSET 0) AS "sub";

--@ params ["Ann", 1]
SELECT agents.id, agents.name FROM agents WHERE agents.name = $1::VARCHAR LIMIT $2::INTEGER;

--@ params ["hello", null, 3, "open", null, 0]
INSERT INTO tickets (subject, body, priority, state, agent_id, votes) VALUES ($1::VARCHAR, $2::VARCHAR, $3::INTEGER, $4::VARCHAR, $5::INTEGER, $6::INTEGER) RETURNING tickets.id;
SELECT * FROM tickets WHERE id = 101;

--@ params ["a", "b"]
INSERT INTO tickets (subject, priority) SELECT p0::VARCHAR, p1::INTEGER FROM (VALUES ($1::VARCHAR, 1, 0), ($2::VARCHAR, 2, 1)) AS imp_sen(p0, p1, sen_counter) ORDER BY sen_counter RETURNING tickets.id, tickets.id AS id__1;
SELECT subject, priority FROM tickets WHERE id > 100 ORDER BY subject;

--@ params ["closed", 1]
UPDATE tickets SET state=$1::VARCHAR WHERE tickets.id = $2::BIGINT;
SELECT state FROM tickets WHERE id = 1;

UPDATE "tickets" SET "votes" = ("tickets"."votes" + 1) WHERE "tickets"."id" = 1;
SELECT votes FROM tickets WHERE id = 1;

UPDATE "tickets" SET "votes" = COALESCE("votes", 0) + 1 WHERE "tickets"."id" = 3;
SELECT votes FROM tickets WHERE id = 3;

UPDATE "orders" SET "status" = 'paid', "price" = 10.0 WHERE ("orders"."id" IN (SELECT U0."id" FROM "orders" U0 WHERE U0."customer" = 'Dora'));
SELECT status, price FROM orders WHERE id = 1006;

DELETE FROM "assignments" WHERE "assignments"."order_id" IN (1001, 1002);
SELECT count(*) FROM assignments;

INSERT INTO "counters" ("name", "n") VALUES ('x', 1), ('y', 2) ON CONFLICT ("name") DO UPDATE SET "n" = "excluded"."n" RETURNING "name", "n";
SELECT * FROM counters ORDER BY name;

INSERT INTO "public"."tickets" ("subject", "priority") VALUES ('prisma', 4) RETURNING "public"."tickets"."id", "public"."tickets"."subject";

SELECT t.id, t.subject FROM tickets t WHERE t.state = 'open' AND (t.agent_id IS NULL OR t.agent_id = 1) ORDER BY t.priority ASC, t.id ASC LIMIT 10 FOR UPDATE SKIP LOCKED;
UPDATE tickets SET state = 'taken' WHERE id = 1 AND state = 'open';
SELECT state FROM tickets WHERE id = 1;
