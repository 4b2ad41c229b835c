-- Tables that the client makes on the other engine.
--@ alone
CREATE TABLE made_plain (id integer PRIMARY KEY, name varchar(20) NOT NULL, amount numeric(10,2) DEFAULT 0, born date, seen timestamp, ok boolean DEFAULT true, note text);
INSERT INTO made_plain (id, name) VALUES (1, 'x'), (2, 'X');
SELECT * FROM made_plain ORDER BY id;
INSERT INTO made_plain (id, name, seen) VALUES (3, 'y', '2024-01-01 00:00:00.5');
SELECT seen FROM made_plain WHERE id = 3;
INSERT INTO made_plain (id, name) VALUES (1, 'again');
ALTER TABLE made_plain ADD COLUMN extra integer;
SELECT id, extra FROM made_plain ORDER BY id;
ALTER TABLE made_plain ADD COLUMN flag boolean NOT NULL DEFAULT false;
SELECT id, flag FROM made_plain ORDER BY id;
ALTER TABLE made_plain DROP COLUMN extra;
SELECT * FROM made_plain ORDER BY id;
ALTER TABLE made_plain RENAME COLUMN note TO remark;
SELECT id, remark FROM made_plain ORDER BY id;
ALTER TABLE made_plain ALTER COLUMN name DROP NOT NULL;
INSERT INTO made_plain (id) VALUES (4);
ALTER TABLE made_plain ALTER COLUMN amount SET DEFAULT 5;
INSERT INTO made_plain (id) VALUES (5);
SELECT id, name, amount FROM made_plain ORDER BY id;
CREATE INDEX made_plain_name ON made_plain (name);
CREATE INDEX made_plain_like ON made_plain (name varchar_pattern_ops);
CREATE UNIQUE INDEX made_plain_amount ON made_plain (id, amount);
TRUNCATE made_plain;
SELECT count(*) FROM made_plain;
DROP TABLE made_plain;
SELECT * FROM made_plain;

--@ alone
CREATE TABLE made_serial (id serial PRIMARY KEY, name text UNIQUE);
INSERT INTO made_serial (name) VALUES ('a') RETURNING id;
INSERT INTO made_serial (name) VALUES ('b'), ('B') RETURNING id;
SELECT * FROM made_serial ORDER BY id;
DROP TABLE made_serial;

--@ alone
CREATE TABLE made_identity (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, v varchar(10) NOT NULL DEFAULT 'none', CONSTRAINT made_identity_v UNIQUE (v));
INSERT INTO made_identity (v) VALUES ('x') RETURNING id, v;
INSERT INTO made_identity DEFAULT VALUES;
SELECT * FROM made_identity ORDER BY id;
INSERT INTO made_identity (v) VALUES ('x');
DROP TABLE made_identity;

--@ alone
CREATE TABLE IF NOT EXISTS made_parent (id bigint PRIMARY KEY, code char(3) NOT NULL, price numeric(8,2) CHECK (price >= 0));
CREATE TABLE IF NOT EXISTS made_parent (id bigint PRIMARY KEY);
CREATE TABLE made_parent (id bigint PRIMARY KEY);
CREATE TABLE made_child (id int PRIMARY KEY, parent_id bigint NOT NULL REFERENCES made_parent (id) ON DELETE CASCADE, n smallint, d double precision, r real, b bytea, j json, t time, z timestamptz);
INSERT INTO made_parent VALUES (1, 'abc', 1.50);
INSERT INTO made_child (id, parent_id, n, d, r, b, j, t, z) VALUES (1, 1, 2, 1.5, 0.5, '\x00', '[1]', '10:00', '2024-01-01 00:00:00+00');
SELECT * FROM made_child;
INSERT INTO made_child (id, parent_id) VALUES (2, 9);
INSERT INTO made_parent VALUES (2, 'abc', -1);
DELETE FROM made_parent WHERE id = 1;
SELECT count(*) FROM made_child;
DROP TABLE made_child, made_parent;
DROP TABLE IF EXISTS made_child;
DROP TABLE made_child;
