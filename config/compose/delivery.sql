CREATE TABLE agents (name varchar(40) PRIMARY KEY, order_id bigint) ENGINE = InnoDB;
CREATE TABLE assignments (order_id bigint PRIMARY KEY, agent varchar(40) NOT NULL) ENGINE = InnoDB;
INSERT INTO agents (name) VALUES ('Ann'), ('Bo');
