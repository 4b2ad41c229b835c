-- Types that MySQL has not.
CREATE TABLE legacy (id integer PRIMARY KEY, token uuid, doc jsonb, ratio real, fixed char(8), body text, made timestamptz(6));
INSERT INTO legacy VALUES (1, '6ccd780c-baba-1026-9564-5b8c656024db', '{"a": 1, "b": [true, null]}', 0.5, 'ab', 'text', '2020-01-01 00:00:00+00'), (2, '00000000-0000-0000-0000-000000000000', '[]', -2.25, '', '', '2024-02-29 12:00:00+00'), (3, NULL, NULL, NULL, NULL, NULL, NULL);
