-- The story's tables on MySQL and MariaDB: native for their clients, foreign for PostgreSQL's.
CREATE TABLE agents (id int PRIMARY KEY, name varchar(40) NOT NULL, city varchar(40), team varchar(10), rating decimal(3,1), active tinyint(1) NOT NULL, hired date, born date, salary decimal(10,2), boss_id int, note longtext, last_seen datetime(6), shift_start time(6));
CREATE TABLE items (id int PRIMARY KEY, sku varchar(20) NOT NULL UNIQUE, title varchar(80) NOT NULL, category varchar(30), price decimal(10,2) NOT NULL, stock int NOT NULL DEFAULT 0, attrs json, photo longblob, created timestamp(6) NULL);
CREATE TABLE orders (id bigint PRIMARY KEY, customer varchar(60) NOT NULL, item_id int, quantity int NOT NULL, price decimal(10,2), status varchar(20) NOT NULL DEFAULT 'new', placed_at datetime(6) NOT NULL, shipped_on date, paid tinyint(1), weight double, comment longtext);
CREATE TABLE assignments (order_id bigint NOT NULL, agent_id int NOT NULL, role varchar(10) NOT NULL DEFAULT 'driver', hours decimal(5,2), PRIMARY KEY (order_id, agent_id));
CREATE TABLE parcels (id int PRIMARY KEY, order_id bigint NOT NULL, weight decimal(8,3) NOT NULL, label char(6), sent datetime(6), CONSTRAINT parcels_order_id_fkey FOREIGN KEY (order_id) REFERENCES orders (id), CONSTRAINT parcels_weight_check CHECK (weight > 0));
CREATE TABLE tickets (id bigint AUTO_INCREMENT PRIMARY KEY, subject varchar(100) NOT NULL UNIQUE, body longtext, priority smallint NOT NULL DEFAULT 3, state varchar(10) NOT NULL DEFAULT 'open', agent_id int, votes int NOT NULL DEFAULT 0) AUTO_INCREMENT = 101;
CREATE TABLE counters (name varchar(40) PRIMARY KEY, n bigint NOT NULL DEFAULT 0);
CREATE TABLE words (id int PRIMARY KEY, w varchar(60), lang varchar(2));
CREATE TABLE edges (id int PRIMARY KEY, i2 smallint, i4 int, i8 bigint, n decimal(20,6), f8 double, f4 float, v varchar(50), t longtext, b longblob, d date, ts datetime(6), tz timestamp(6) NULL, tm time(6), ok tinyint(1));
INSERT INTO edges (id, b) VALUES (1, X'00ff10'), (2, ''), (3, X'27225c0a');
