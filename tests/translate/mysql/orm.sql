-- As SQLAlchemy, Django, Rails, Laravel, Sequelize and Hibernate print them.
SELECT agents.id AS agents_id, agents.name AS agents_name, agents.salary AS agents_salary FROM agents WHERE agents.name = 'Ann' ORDER BY agents.id LIMIT 1;
SELECT count(*) AS count_1 FROM (SELECT orders.id AS orders_id, orders.customer AS orders_customer FROM orders WHERE orders.status = 'new') AS anon_1;
SELECT orders.id, orders.customer, items_1.id AS id_1, items_1.title FROM orders LEFT OUTER JOIN items AS items_1 ON items_1.id = orders.item_id WHERE orders.customer IN ('Ada', 'Bob') ORDER BY orders.id;
SELECT anon_1.orders_id, anon_1.orders_customer, parcels_1.id AS parcels_1_id FROM (SELECT orders.id AS orders_id, orders.customer AS orders_customer FROM orders ORDER BY orders.id LIMIT 3) AS anon_1 LEFT OUTER JOIN parcels AS parcels_1 ON anon_1.orders_id = parcels_1.order_id ORDER BY anon_1.orders_id, parcels_1.id;
SELECT `orders`.`id`, `orders`.`customer`, `orders`.`price` FROM `orders` WHERE (`orders`.`status` = 'paid' AND `orders`.`price` >= 100) ORDER BY `orders`.`id` ASC;
SELECT COUNT(*) AS `__count` FROM `orders` WHERE NOT (`orders`.`customer` = 'Ada');
SELECT `orders`.`customer`, COUNT(`orders`.`id`) AS `n`, SUM(`orders`.`price`) AS `total` FROM `orders` GROUP BY `orders`.`customer` HAVING COUNT(`orders`.`id`) > 1 ORDER BY `n` DESC, `orders`.`customer` ASC;
SELECT 1 AS `a` FROM `agents` WHERE `agents`.`name` = 'Ann' LIMIT 1;
SELECT 1 AS one FROM `agents` WHERE `agents`.`name` = 'Nobody' LIMIT 1;
SELECT `agents`.* FROM `agents` WHERE `agents`.`id` = 1 LIMIT 1;
SELECT `agents`.* FROM `agents` ORDER BY `agents`.`id` DESC LIMIT 1;
select * from `agents` where `city` = 'Berlin' and `active` = 1 order by `id` asc limit 10 offset 0;
select count(*) as aggregate from `orders` where `status` in ('new', 'paid');
select exists(select * from `orders` where `customer` = 'Ada') as `exists`;
select `customer`, sum(`price`) as `total` from `orders` where `price` is not null group by `customer` having `total` > 100 order by `total` desc;
select * from `orders` where exists (select * from `parcels` where `orders`.`id` = `parcels`.`order_id`) order by `id`;
select `orders`.*, (select count(*) from `parcels` where `orders`.`id` = `parcels`.`order_id`) as `parcels_count` from `orders` order by `id` limit 3;
select * from `orders` where year(`placed_at`) = 2024 and month(`placed_at`) = '02' order by `id`;
select * from `orders` where date(`placed_at`) = '2024-02-29' order by `id`;
SELECT `id`, `name`, `city` FROM `agents` AS `Agent` WHERE `Agent`.`id` = 1 LIMIT 1;
SELECT `Order`.`id`, `Item`.`id` AS `Item.id`, `Item`.`title` AS `Item.title` FROM `orders` AS `Order` LEFT OUTER JOIN `items` AS `Item` ON `Order`.`item_id` = `Item`.`id` WHERE `Order`.`status` = 'paid' ORDER BY `Order`.`id`;
SELECT count(`Order`.`id`) AS `count` FROM `orders` AS `Order` WHERE (`Order`.`quantity` > 1 AND `Order`.`status` != 'cancelled');
SELECT max(`quantity`) AS `max` FROM `orders` AS `Order`;
SELECT a1_0.id, a1_0.name, a1_0.boss_id FROM agents a1_0 WHERE a1_0.boss_id = 1 ORDER BY a1_0.id;
SELECT o1_0.id, o1_0.customer FROM orders o1_0 ORDER BY o1_0.id LIMIT 2, 2;
SELECT `items`.`id` FROM `items` WHERE `items`.`title` LIKE BINARY '%Lamp%' ORDER BY 1;
SELECT `items`.`id` FROM `items` WHERE UPPER(`items`.`title`) LIKE UPPER('%lamp%') ORDER BY 1;
SELECT CAST(DATE_FORMAT(`orders`.`placed_at`, '%Y-%m-01 00:00:00') AS DATETIME) AS `m`, COUNT(`orders`.`id`) AS `c` FROM `orders` GROUP BY `m` ORDER BY `m`;
SELECT CASE WHEN `orders`.`paid` THEN 'yes' WHEN NOT `orders`.`paid` THEN 'no' ELSE 'unknown' END AS `p` FROM `orders` ORDER BY `orders`.`id`;
SELECT COALESCE(SUM(`orders`.`quantity`), 0) AS `s` FROM `orders` WHERE `orders`.`id` < 0;

INSERT INTO `tickets` (`subject`, `body`, `priority`, `state`, `agent_id`, `votes`) VALUES ('orm', NULL, 3, 'open', NULL, 0);
SELECT * FROM tickets WHERE id = 101;

INSERT INTO `tickets` (`id`,`subject`,`priority`) VALUES (DEFAULT,'sequelize',2);
SELECT id FROM tickets WHERE subject = 'sequelize';

insert into `counters` (`name`, `n`) values ('x', 1), ('y', 2) on duplicate key update `n` = values(`n`);
SELECT * FROM counters ORDER BY name;

insert ignore into `counters` (`name`, `n`) values ('orders', 1);
SELECT n FROM counters WHERE name = 'orders';

update `tickets` set `votes` = `votes` + 1, `state` = 'seen' where `id` = 1;
SELECT votes, state FROM tickets WHERE id = 1;

UPDATE `tickets` SET `state`='closed' WHERE (`tickets`.`id` IN (1, 2));
SELECT id, state FROM tickets ORDER BY id;

UPDATE `tickets` SET `votes` = COALESCE(`votes`, 0) + 1 WHERE `tickets`.`id` = 3;
SELECT votes FROM tickets WHERE id = 3;

DELETE FROM `assignments` WHERE `assignments`.`order_id` IN (1001, 1002);
SELECT COUNT(*) FROM assignments;

delete from `tickets` where `state` = 'closed' and `votes` < 5;
SELECT id FROM tickets ORDER BY id;

SELECT t.id, t.subject FROM tickets t WHERE t.state = 'open' AND (t.agent_id IS NULL OR t.agent_id = 1) ORDER BY t.priority ASC, t.id ASC LIMIT 10 FOR UPDATE;
UPDATE tickets SET state = 'taken' WHERE id = 1 AND state = 'open';
SELECT state FROM tickets WHERE id = 1;

--@ params ["Ann", 1]
SELECT agents.id, agents.name FROM agents WHERE agents.name = ? LIMIT ?;

--@ params ["hello", null, 3, "open", null, 0]
INSERT INTO tickets (subject, body, priority, state, agent_id, votes) VALUES (?, ?, ?, ?, ?, ?);
SELECT * FROM tickets WHERE id = 101;
