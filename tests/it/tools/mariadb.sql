CREATE TABLE items (id int AUTO_INCREMENT PRIMARY KEY COMMENT 'its id', name varchar(40) NOT NULL UNIQUE, price decimal(10,2) DEFAULT 0.00 CHECK (price >= 0), e enum('a','b'), s set('x','y'), b bit(3), bl blob, doc json, at datetime(6) DEFAULT current_timestamp(6) ON UPDATE current_timestamp(6), ts timestamp NULL, gen int GENERATED ALWAYS AS (length(name)) STORED, KEY price_k (price DESC), FULLTEXT KEY ft (name)) COMMENT='things';
CREATE TABLE `lines` (id int PRIMARY KEY, item int, note text CHARACTER SET latin1, CONSTRAINT fk FOREIGN KEY (item) REFERENCES items(id) ON DELETE CASCADE);
CREATE TABLE parts (d int NOT NULL, v int) PARTITION BY RANGE (d) (PARTITION p0 VALUES LESS THAN (10), PARTITION p1 VALUES LESS THAN MAXVALUE);
CREATE VIEW cheap AS SELECT id, name FROM items WHERE price < 10;
CREATE TABLE odd (`we``ird col` int, `order` int, g point, u uuid);
CREATE SEQUENCE sq START WITH 10 INCREMENT BY 5;
DELIMITER //
CREATE FUNCTION plus(a int, b int) RETURNS int DETERMINISTIC BEGIN RETURN a + b; END//
CREATE PROCEDURE two() BEGIN SELECT 1; SELECT 2; END//
CREATE TRIGGER lt BEFORE INSERT ON `lines` FOR EACH ROW SET NEW.note = coalesce(NEW.note, 'x')//
CREATE EVENT ev ON SCHEDULE EVERY 1 DAY DO BEGIN SELECT 1; END//
DELIMITER ;
INSERT INTO items (name, price, e, s, b, bl, doc, at, ts) VALUES ('lamp', 3.5, 'a', 'x,y', b'101', x'00ff27', '{"a":1}', '2020-01-02 03:04:05.000006', '2020-01-02 03:04:05'), ('ch''air\n\t\\x', 30, NULL, '', NULL, NULL, NULL, '2020-01-01', NULL), ('snow ☃', 1, 'b', 'x', b'1', '', '[]', '2020-01-01', NULL);
INSERT INTO `lines` VALUES (1,1,NULL),(2,2,'y');
INSERT INTO parts VALUES (1,1),(50,2);
INSERT INTO odd VALUES (1,2,POINT(1,2),"6ccd780c-baba-1026-9564-5b8c656024db");
SELECT NEXTVAL(sq);
