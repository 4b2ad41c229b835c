-- Tables that the client makes on the other engine.
--@ alone
CREATE TABLE made_plain (id int PRIMARY KEY, name varchar(20) NOT NULL, amount decimal(10,2) DEFAULT 0, born date, seen datetime(6), ok tinyint(1) DEFAULT 1, note longtext);
INSERT INTO made_plain (id, name) VALUES (1, 'x'), (2, 'X');
SELECT * FROM made_plain ORDER BY id;
INSERT INTO made_plain (id, name, seen) VALUES (3, 'y', '2024-01-01 00:00:00.5');
SELECT seen FROM made_plain WHERE id = 3;
INSERT INTO made_plain (id, name) VALUES (1, 'again');
ALTER TABLE made_plain ADD COLUMN extra int;
SELECT id, extra FROM made_plain ORDER BY id;
ALTER TABLE made_plain ADD flag tinyint(1) NOT NULL DEFAULT 0;
SELECT id, flag FROM made_plain ORDER BY id;
ALTER TABLE made_plain DROP COLUMN extra;
SELECT * FROM made_plain ORDER BY id;
CREATE INDEX made_plain_name ON made_plain (name);
ALTER TABLE made_plain ADD INDEX made_plain_amount (amount);
DROP INDEX made_plain_name ON made_plain;
TRUNCATE TABLE made_plain;
SELECT COUNT(*) FROM made_plain;
DROP TABLE made_plain;
SELECT * FROM made_plain;

--@ alone
CREATE TABLE made_auto (id bigint NOT NULL AUTO_INCREMENT, name varchar(50) DEFAULT NULL, PRIMARY KEY (id), UNIQUE KEY made_auto_name (name)) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4;
INSERT INTO made_auto (name) VALUES ('a');
INSERT INTO made_auto (name) VALUES ('b'), ('c');
SELECT * FROM made_auto ORDER BY id;
INSERT INTO made_auto (name) VALUES ('a');
DROP TABLE made_auto;

--@ alone
CREATE TABLE IF NOT EXISTS `made_parent` (`id` bigint NOT NULL, `code` char(3) NOT NULL, PRIMARY KEY (`id`));
CREATE TABLE made_parent (id bigint PRIMARY KEY);
CREATE TABLE made_child (id int PRIMARY KEY, parent_id bigint NOT NULL, n smallint, d double, b longblob, t time, z timestamp NULL, CONSTRAINT made_child_parent FOREIGN KEY (parent_id) REFERENCES made_parent (id) ON DELETE CASCADE);
INSERT INTO made_parent VALUES (1, 'abc');
INSERT INTO made_child (id, parent_id, n, d, b, t, z) VALUES (1, 1, 2, 1.5, X'00', '10:00:00', '2024-01-01 00:00:00');
SELECT * FROM made_child;
INSERT INTO made_child (id, parent_id) VALUES (2, 9);
DELETE FROM made_parent WHERE id = 1;
SELECT COUNT(*) FROM made_child;
DROP TABLE made_child, made_parent;
DROP TABLE IF EXISTS made_child;
DROP TABLE made_child;
