//! Which tables a statement names, and where.

use crate::base::Dialect::{self, Mysql, Postgres};
use crate::sql::{Access, Alias, Reading, Statement, Unpreparable, analyze};

pub(crate) fn only(dialect: Dialect, text: &str) -> Statement {
    let mut all = analyze(Reading::new(dialect), text.as_bytes()).statements;
    assert_eq!(all.len(), 1, "{text}");
    all.remove(0)
}

fn tables(dialect: Dialect, text: &str) -> String {
    let statement = only(dialect, text);
    let names: Vec<&str> = statement.tables.iter().map(|t| &text[t.span.clone()]).collect();
    let unsure = if statement.parsed { "" } else { "? " };
    format!("{unsure}{}", names.join(" "))
}

fn check(dialect: Dialect, cases: &[(&str, &str)]) {
    for (text, expected) in cases {
        assert_eq!(tables(dialect, text), *expected, "{text}");
    }
}

#[test]
fn only_is_a_word_and_not_a_table() {
    check(
        Postgres,
        &[
            ("SELECT * FROM ONLY users", "users"),
            ("SELECT * FROM ONLY (store.users) u", "store.users"),
            ("UPDATE ONLY t SET a = 1", "t"),
            ("DELETE FROM ONLY t", "t"),
            ("DELETE FROM ONLY public.t USING ONLY u WHERE t.id = u.id", "public.t u"),
            ("TRUNCATE ONLY t, u *", "t u"),
            ("MERGE INTO ONLY t USING ONLY u ON true WHEN MATCHED THEN DELETE", "t u"),
        ],
    );
    check(Mysql, &[("SELECT * FROM only", "only")]);
}

#[test]
fn a_cte_hides_a_table_only_where_it_is_in_scope() {
    check(
        Postgres,
        &[
            ("WITH items AS (SELECT * FROM items WHERE id = 1) SELECT * FROM items", "items"),
            ("WITH a AS (SELECT 1), b AS (SELECT * FROM a, c) SELECT * FROM b JOIN d ON true", "c d"),
            ("WITH RECURSIVE r(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM r, t) SELECT * FROM r", "t"),
            ("WITH RECURSIVE a AS (SELECT * FROM b), b AS (SELECT 1) SELECT * FROM a", ""),
            ("SELECT * FROM (WITH x AS (SELECT 1) SELECT * FROM x) s, x", "x"),
            ("WITH x AS (SELECT 1) SELECT * FROM s.x", "s.x"),
            ("WITH x AS (SELECT 1) INSERT INTO x SELECT * FROM x", "x"),
            (
                "WITH x AS (DELETE FROM a RETURNING *), y AS NOT MATERIALIZED (SELECT 1) UPDATE b SET i = 1 FROM x, y",
                "a b",
            ),
            (
                "WITH RECURSIVE s(f, t) AS (SELECT 1, 2) SEARCH DEPTH FIRST BY f, t SET o, u AS (SELECT 1) SELECT * FROM s, u, v",
                "v",
            ),
            ("(WITH a AS (SELECT 1) SELECT * FROM a) UNION SELECT * FROM a", "a"),
        ],
    );
}

#[test]
fn from_is_a_clause_only_in_a_query() {
    check(
        Postgres,
        &[
            ("SELECT extract(year FROM created), trim(both 'x' from y), substring(a from 1 for 2) FROM t", "t"),
            ("SELECT a IS DISTINCT FROM b, c IS NOT DISTINCT FROM d FROM t", "t"),
            ("SELECT DISTINCT FROM t", "t"),
            ("SELECT 1 AS from, 2 FROM t", "t"),
            ("SELECT t.from, \"from\" FROM t", "t"),
            ("SELECT 1.FROM t", "t"),
            ("SELECT * FROM ROWS FROM (f(x), g(y)) AS z, t", "t"),
            ("SELECT * FROM generate_series(1, 3) WITH ORDINALITY, s.f(1), LATERAL (SELECT * FROM u) q, t", "u t"),
            (
                "SELECT * FROM a JOIN (b CROSS JOIN c) USING (id), d WHERE x IN (SELECT y FROM e) ORDER BY 1, 2",
                "a b c d e",
            ),
            ("SELECT * FROM a, b WINDOW w AS (ORDER BY x), v AS (ORDER BY y)", "a b"),
            ("SELECT * FROM a JOIN b ON a.x = ARRAY[1, 2], c", "a b c"),
            ("TABLE items", "items"),
            ("(SELECT * FROM a) UNION (TABLE b) EXCEPT SELECT * FROM c", "a b c"),
            ("SELECT (SELECT max(x) FROM a), ARRAY(SELECT 1 FROM b), EXISTS (SELECT FROM c)", "a b c"),
            ("SELECT * FROM items FOR NO KEY UPDATE OF items", "items"),
            ("SELECT a INTO b FROM c", "b c"),
            (
                "SELECT CASE WHEN a THEN b ELSE (SELECT c FROM d) END FROM e x, f AS y (g, h) WHERE i IN (TABLE j)",
                "d e f j",
            ),
            ("SELECT * FROM ((a JOIN b ON true) JOIN (SELECT * FROM c) d ON true), ((e))", "a b c e"),
            ("SELECT * FROM (VALUES (1), (2)) v (i), ((SELECT 1 FROM a) UNION (SELECT 2 FROM b)) u, c", "a b c"),
            (
                "SELECT 1 UNION ALL SELECT 2 FROM a UNION DISTINCT (SELECT 3 FROM b) ORDER BY 1, 2 LIMIT 3 OFFSET 4",
                "a b",
            ),
            ("SELECT sum(a) FILTER (WHERE b) OVER (PARTITION BY c, d ORDER BY e) FROM f, g", "f g"),
            ("SELECT count(*) FROM a TABLESAMPLE system (10), b * , c", "a b c"),
        ],
    );
    check(
        Mysql,
        &[
            ("SELECT 1 FROM DUAL", ""),
            ("SELECT * FROM {OJ a LEFT OUTER JOIN b ON a.x = b.x}", "a b"),
            ("SELECT * FROM a USE INDEX FOR JOIN (i) JOIN b FOR UPDATE", "a b"),
            ("SELECT * FROM a FOR SYSTEM_TIME FROM '1' TO '2', b", "a b"),
            ("SELECT * FROM a PARTITION (p0), b FORCE INDEX (PRIMARY), c", "a b c"),
            ("SELECT * FROM 1st, `a``b`.`c`", "1st `a``b`.`c`"),
            ("SELECT a INTO @x FROM t", "t"),
            ("SELECT a FROM t INTO OUTFILE 'x'", "t"),
            ("SELECT STRAIGHT_JOIN * FROM a STRAIGHT_JOIN b", "a b"),
            ("SELECT * FROM JSON_TABLE('[]', '$[*]' COLUMNS (a INT PATH '$')) j, t", "t"),
        ],
    );
}

#[test]
fn writes_name_their_targets_and_sources() {
    check(
        Postgres,
        &[
            ("INSERT INTO a AS x (b, c) SELECT * FROM d ON CONFLICT (e) DO UPDATE SET f = 1, g = 2 WHERE h", "a d"),
            ("INSERT INTO a (b) VALUES ((SELECT 1 FROM c)) RETURNING (SELECT 2 FROM d)", "a c d"),
            ("INSERT INTO a TABLE b", "a b"),
            ("UPDATE a SET (b, c) = (SELECT 1, 2 FROM d) FROM e, f WHERE g", "a d e f"),
            ("DELETE FROM a USING b, c WHERE d RETURNING *", "a b c"),
            ("MERGE INTO a USING (SELECT * FROM b) c ON true WHEN NOT MATCHED THEN INSERT (d) VALUES (1)", "a b"),
            ("COPY a (b, c) FROM STDIN", "a"),
            ("COPY (SELECT * FROM a) TO STDOUT", "a"),
        ],
    );
    check(
        Mysql,
        &[
            ("INSERT LOW_PRIORITY IGNORE a SET b = 1 ON DUPLICATE KEY UPDATE c = 1, d = 2", "a"),
            ("INSERT INTO a (b) SELECT c FROM d ON DUPLICATE KEY UPDATE e = 1, f = VALUES(g)", "a d"),
            ("REPLACE a VALUES (REPLACE('x', 'y', 'z'))", "a"),
            ("UPDATE IGNORE a, b JOIN c USING (id) SET a.x = 1, b.y = 2 WHERE 1", "a b c"),
            ("DELETE a, b FROM a JOIN b USING (id) JOIN c ON true", "a b c"),
            ("DELETE FROM x USING a AS x JOIN b USING (id)", "x a b"),
            ("LOAD DATA LOCAL INFILE 'INTO TABLE x' REPLACE INTO TABLE a (b)", "a"),
        ],
    );
}

#[test]
fn ddl_names_what_it_changes() {
    check(
        Postgres,
        &[
            ("CREATE TABLE a (LIKE b INCLUDING ALL, c int REFERENCES d, e int DEFAULT f(1))", "a b"),
            ("CREATE TABLE a PARTITION OF b FOR VALUES IN (1)", "a b"),
            ("CREATE TABLE a (b int) INHERITS (c, d) WITH (fillfactor = 1)", "a c d"),
            ("CREATE TABLE IF NOT EXISTS a AS WITH x AS (SELECT * FROM b) SELECT * FROM x", "a b"),
            ("CREATE OR REPLACE VIEW a (b) WITH (security_barrier) AS SELECT * FROM c WITH CHECK OPTION", "a c"),
            ("CREATE UNIQUE INDEX IF NOT EXISTS a ON ONLY b USING btree (c)", "b"),
            ("CREATE TRIGGER a AFTER INSERT OR UPDATE OF b ON c.d FOR EACH ROW EXECUTE FUNCTION e()", "c.d"),
            ("ALTER TABLE IF EXISTS ONLY a RENAME TO b", "a"),
            ("DROP TABLE IF EXISTS a, b.c CASCADE", "a b.c"),
            ("COMMENT ON COLUMN a.b.c IS 'x'", "a.b"),
            ("COMMENT ON CONSTRAINT a ON b IS 'x'", "b"),
            ("GRANT SELECT (a), UPDATE ON TABLE b, c TO d", "b c"),
            ("GRANT USAGE ON SCHEMA s TO d", ""),
            ("VACUUM (FULL, ANALYZE) a (b), c", "a c"),
            ("REFRESH MATERIALIZED VIEW CONCURRENTLY a", "a"),
            ("CREATE FUNCTION f() RETURNS int BEGIN ATOMIC SELECT 1; SELECT CASE WHEN true THEN 1 END; END", ""),
            ("EXPLAIN (ANALYZE, FORMAT json) SELECT * FROM a", "a"),
        ],
    );
    check(
        Mysql,
        &[
            ("CREATE TABLE a LIKE b", "a b"),
            ("CREATE TABLE a (b int) ENGINE=InnoDB SELECT * FROM c", "a c"),
            ("RENAME TABLE a TO b, c TO d.e", "a b c d.e"),
            ("DROP INDEX a ON b", "b"),
            ("CREATE DEFINER=`u`@`h` TRIGGER a BEFORE INSERT ON b FOR EACH ROW BEGIN SELECT 1; END", "b"),
            ("LOCK TABLES a AS x READ, b WRITE", "a b"),
            ("SHOW FULL COLUMNS FROM a FROM b", "a"),
            ("DESCRIBE a b", "a"),
            ("ANALYZE TABLE a, b", "a b"),
            ("PREPARE p FROM 'SELECT * FROM a'", "a"),
            ("SET STATEMENT max_statement_time=1 FOR SELECT * FROM a", "a"),
            ("SET @n = (SELECT count(*) FROM a)", "a"),
        ],
    );
}

#[test]
fn comments_and_quotes_hide_what_they_hide_on_the_server() {
    check(
        Postgres,
        &[
            ("SELECT /* /* FROM a */ FROM b */ 1 FROM c -- FROM d", "c"),
            ("SELECT $x$ FROM a; $$ $x$, E'\\' FROM b', 'x'' FROM c' FROM d", "d"),
            ("SELECT '\\' FROM a WHERE x = ' FROM b", "a"),
        ],
    );
    check(
        Mysql,
        &[
            ("SELECT * FROM a WHERE x = '\\\\' OR y = ' FROM b -- '", "a"),
            ("SELECT '\\' FROM a', \"x FROM b\" FROM c # FROM d", "c"),
            ("SELECT /* /* FROM a */ 1 FROM b", "b"),
            ("SELECT /*! 1 FROM a */", "a"),
            ("SELECT 1 /*!50000 FROM a */ /*!999999 , b */", "a"),
            ("SELECT 1--1 FROM a", "a"),
            ("/*!50000 SELECT 1 */* 2 FROM a /* , b */", "a"),
            (
                "/*!50003 CREATE*/ /*!50017 DEFINER=`u`@`h`*/ /*!50003 TRIGGER x AFTER INSERT ON a FOR EACH ROW BEGIN SET @y = 1; END */",
                "a",
            ),
        ],
    );
}

#[test]
fn what_is_not_understood_names_every_identifier() {
    let statement = only(Postgres, "FROBNICATE a.b WITH \"C\"");
    let names: Vec<_> = statement.tables.iter().map(|t| (t.schema.as_deref(), t.name.as_str())).collect();
    assert!(!statement.parsed);
    for name in [(Some("a"), "b"), (None, "b"), (None, "C")] {
        assert!(names.contains(&name), "{name:?} in {names:?}");
    }
    assert!(!only(Postgres, "SELECT * FROM 'x'").parsed);
    assert!(!only(Postgres, "SELECT * FROM U&\"it\\0065ms\"").parsed);
    assert!(only(Postgres, "SELECT * FROM U&\"it\\0065ms\"").tables.iter().any(|t| t.name == "items"));
}

#[test]
fn names_are_folded_as_the_dialect_folds_them() {
    let statement = only(Postgres, "SELECT * FROM Public.Items, \"Items\", \"a\"\"b\"");
    let names: Vec<_> = statement.tables.iter().map(|t| t.name.as_str()).collect();
    assert_eq!(names, ["items", "Items", "a\"b"]);
    assert_eq!(statement.tables[0].schema.as_deref(), Some("public"));
    assert_eq!(only(Mysql, "SELECT * FROM `A``b`").tables[0].name, "A`b");
}

#[test]
fn an_alias_is_seen() {
    let alias = |dialect, text| only(dialect, text).tables[0].alias;
    assert_eq!(alias(Postgres, "SELECT * FROM a b"), Alias::Given);
    assert_eq!(alias(Postgres, "SELECT * FROM a AS b"), Alias::Given);
    assert_eq!(alias(Postgres, "SELECT * FROM a WHERE true"), Alias::Possible);
    assert_eq!(alias(Postgres, "SELECT * FROM a"), Alias::Possible);
    assert_eq!(alias(Postgres, "SELECT * FROM a LEFT JOIN b ON true"), Alias::Possible);
    assert_eq!(alias(Mysql, "INSERT INTO a VALUES (1)"), Alias::Impossible);
    assert_eq!(alias(Mysql, "DROP TABLE a"), Alias::Impossible);
}

#[test]
fn access_is_read_only_when_certain() {
    for (text, access) in [
        ("SELECT count(*), now() FROM a", Access::Read),
        ("SELECT CAST(a AS varchar(10)), b::numeric(1, 2) FROM c WHERE d IN (1) AND (e)", Access::Read),
        ("SELECT f(1)", Access::MaybeWrite),
        ("SELECT nextval('s')", Access::MaybeWrite),
        ("SELECT * FROM a FOR SHARE", Access::Write),
        ("SELECT * INTO b FROM a", Access::Write),
        ("WITH x AS (DELETE FROM a RETURNING 1) SELECT * FROM x", Access::Write),
        ("EXPLAIN DELETE FROM a", Access::Read),
        ("EXPLAIN ANALYZE DELETE FROM a", Access::Write),
        ("EXPLAIN (ANALYZE false) DELETE FROM a", Access::Read),
        ("SELECT * FROM a, b c WHERE update > 5 AND (delete IS NULL)", Access::Read),
    ] {
        assert_eq!(only(Postgres, text).access, access, "{text}");
    }
    assert_eq!(only(Mysql, "SELECT * FROM a LOCK IN SHARE MODE").access, Access::Write);
    assert_eq!(only(Mysql, "SELECT @x := 1").access, Access::MaybeWrite);
}

#[test]
fn what_cannot_be_prepared_is_seen() {
    for (text, why) in [
        ("CREATE TEMP TABLE a (b int)", Some(Unpreparable::TemporaryObject)),
        ("SELECT 1 INTO TEMPORARY a", Some(Unpreparable::TemporaryObject)),
        ("SELECT * FROM pg_temp.a", Some(Unpreparable::TemporaryObject)),
        ("LISTEN a", Some(Unpreparable::Notify)),
        ("SELECT pg_notify('a', 'b')", Some(Unpreparable::Notify)),
        ("DECLARE a CURSOR WITH HOLD FOR SELECT 1", Some(Unpreparable::HoldCursor)),
        ("SELECT pg_catalog.pg_export_snapshot()", Some(Unpreparable::ExportedSnapshot)),
        ("DECLARE a CURSOR WITHOUT HOLD FOR SELECT 1", None),
    ] {
        assert_eq!(only(Postgres, text).unpreparable, why, "{text}");
    }
}

#[test]
fn an_override_comment_is_read() {
    for text in ["/* handfast: backend=delivery */ SELECT 1", "SELECT /*handfast:backend = delivery*/ 1"] {
        assert_eq!(only(Postgres, text).backend_override.as_deref(), Some("delivery"), "{text}");
        assert_eq!(only(Mysql, text).backend_override.as_deref(), Some("delivery"), "{text}");
    }
    assert_eq!(only(Postgres, "SELECT '/* handfast: backend=delivery */'").backend_override, None);
}
