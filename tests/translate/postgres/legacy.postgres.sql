-- What the foreign types of legacy.mysql.sql look like to a PostgreSQL client.
CREATE TABLE legacy (id bigint PRIMARY KEY, kind text NOT NULL, tiny smallint, small integer, medium integer, big numeric(20,0), name varchar(30), code varchar(4), born smallint, made timestamptz(0), flags text, bin bytea, size_kb bigint);
INSERT INTO legacy VALUES (1, 'box', 255, 65535, 8388607, 18446744073709551615, 'Jörg', 'ab', 1999, '2020-01-01 00:00:00+00', 'red,green', '\x01020304', 4294967295),
 (2, 'bag', 0, 0, -8388608, 0, 'jörg', 'AB', 1901, '2024-02-29 12:00:00+00', '', '\x00000000', 0), (3, 'tin', NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL), (4, 'box', 128, 32768, 0, 9223372036854775808, 'Zoë ', '', 2155, '2038-01-19 03:14:07+00', 'blue', '\xffffffff', 2147483648);
