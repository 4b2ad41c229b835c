CREATE TABLE stock (item varchar(40) PRIMARY KEY, free int NOT NULL CHECK (free >= 0));
CREATE TABLE orders (id bigint PRIMARY KEY, item varchar(40) NOT NULL REFERENCES stock);
INSERT INTO stock VALUES ('lamp', 20), ('chair', 12);
