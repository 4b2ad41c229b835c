//! What statements become: texts, steps and result columns, on both servers.

use std::sync::Arc;

use crate::base::{Dialect, Engine, Fault};
use crate::sql::Reading;
use crate::sql::translate::{
    Column, ColumnType, Counting, Default, Gives, Named, Request, SessionFacts, Table, ToMysql, Unique, to_mysql,
};
use crate::wire::value::{MyType, PgType};

fn column(name: &str, ty: MyType, not_null: bool, default: Default) -> Column {
    let text = matches!(ty, MyType::Varchar(_) | MyType::Text(_));
    Column {
        name: name.to_owned(),
        ty: ColumnType::My(ty),
        not_null,
        default,
        charset: text.then(|| "utf8mb4".to_owned()),
        collation: text.then(|| "utf8mb4_general_ci".to_owned()),
    }
}

fn unique(name: &str, columns: &[&str]) -> Unique {
    let columns = columns.iter().map(|c| (*c).to_owned()).collect();
    Unique { name: name.to_owned(), columns, primary: name == "PRIMARY" }
}

fn named(name: &str, columns: Vec<Column>, uniques: Vec<Unique>) -> Named {
    let table = Table {
        schema: None,
        name: name.to_owned(),
        columns,
        uniques,
        other_uniques: false,
        view: false,
        referenced: false,
    };
    Named {
        schema: None,
        name: name.to_owned(),
        table: Some(Arc::new(table)),
        physical_schema: None,
        physical_name: name.to_owned(),
    }
}

/// `t` is numbered by the server, `p` has its key from the client, `u` two unique keys; `made` is not there yet.
fn tables() -> Vec<Named> {
    let none = || Default::None;
    let made = Named {
        schema: None,
        name: "made".to_owned(),
        table: None,
        physical_schema: None,
        physical_name: "made".to_owned(),
    };
    vec![
        named(
            "t",
            vec![
                column("id", MyType::BigInt(false), true, Default::Generated),
                column("a", MyType::Int(false), false, none()),
                column("b", MyType::Int(false), false, none()),
                column("name", MyType::Varchar(20), false, none()),
            ],
            vec![unique("PRIMARY", &["id"])],
        ),
        named(
            "p",
            vec![
                column("k", MyType::Int(false), true, none()),
                column("v", MyType::Int(false), false, none()),
                column("t_id", MyType::BigInt(false), false, none()),
            ],
            vec![unique("PRIMARY", &["k"])],
        ),
        named(
            "u",
            vec![
                column("k", MyType::Int(false), true, none()),
                column("email", MyType::Varchar(50), true, none()),
                column("n", MyType::Int(false), false, none()),
            ],
            vec![unique("PRIMARY", &["k"]), unique("email", &["email"])],
        ),
        made,
    ]
}

fn told(engine: Engine, text: &str) -> Result<ToMysql, Fault> {
    let facts = SessionFacts { time_zone: "UTC".into(), ..SessionFacts::default() };
    let tables = tables();
    to_mysql::translate(&Request {
        text: text.as_bytes(),
        reading: Reading::new(Dialect::Postgres),
        engine,
        tables: &tables,
        declared: &[],
        facts: &facts,
    })
}

/// The steps' texts, a line each, or the error's SQLSTATE and message.
fn steps(engine: Engine, text: &str) -> String {
    match told(engine, text) {
        Ok(done) => done.steps.iter().map(|s| super::flat(&s.sql)).collect::<Vec<_>>().join("\n"),
        Err(fault) => format!("{}: {}", fault.kind.sqlstate(), fault.message),
    }
}

fn on(text: &str) -> String {
    steps(Engine::Mariadb, text)
}

/// With `HANDFAST_STATEMENTS` naming a file of statements, a line each, their translations go beside it.
#[test]
fn translations_of_a_file_of_statements_can_be_printed() {
    let Ok(path) = std::env::var("HANDFAST_STATEMENTS") else { return };
    let file = std::fs::read_to_string(&path).expect("the file is there");
    let mut out = String::new();
    for line in file.lines() {
        for engine in [Engine::Mariadb, Engine::Mysql] {
            out.push_str(&format!("-- {engine:?} {line}\n{}\n", steps(engine, line)));
        }
    }
    std::fs::write(format!("{path}.out"), out).expect("the translations can be written");
}

#[test]
fn every_source_is_printed_under_a_name_of_its_own() {
    let text = on("SELECT x.a, (SELECT max(x.v) FROM p x WHERE x.t_id = 5) AS m FROM t x");
    assert!(text.contains("FROM `p` AS `x_2`") && text.contains("FROM `t` AS `x`"), "{text}");
    assert!(text.contains("`x_2`.`t_id`"), "{text}");
}

#[test]
fn a_star_is_the_stored_columns_and_using_merges_them() {
    let done = told(Engine::Mysql, "SELECT * FROM t JOIN p ON p.t_id = t.id").expect("it translates");
    let names: Vec<&str> = done.columns.iter().map(|c| c.name.as_str()).collect();
    assert_eq!(names, ["id", "a", "b", "name", "k", "v", "t_id"]);
    let done = told(Engine::Mysql, "SELECT * FROM p JOIN u USING (k)").expect("it translates");
    let names: Vec<&str> = done.columns.iter().map(|c| c.name.as_str()).collect();
    assert_eq!(names, ["k", "v", "t_id", "email", "n"]);
}

#[test]
fn nulls_come_last_ascending_and_first_descending() {
    assert_eq!(
        on("SELECT id FROM t ORDER BY a, id DESC LIMIT 3"),
        "SELECT `t`.`id` AS `c1` FROM `t` AS `t` ORDER BY `t`.`a` IS NULL, `t`.`a`, `t`.`id` DESC LIMIT 3"
    );
    assert_eq!(
        on("SELECT id FROM t OFFSET 2"),
        "SELECT `t`.`id` AS `c1` FROM `t` AS `t` LIMIT 18446744073709551615 OFFSET 2"
    );
}

#[test]
fn an_ungrouped_column_is_refused_and_one_that_the_key_decides_is_not() {
    assert!(on("SELECT a, b FROM t GROUP BY a").starts_with("42803"));
    assert!(on("SELECT a, count(*) FROM t").starts_with("42803"));
    assert!(on("SELECT id, a, count(*) FROM t GROUP BY id").starts_with("SELECT"));
    assert!(on("SELECT a + 1, count(*) FROM t GROUP BY a + 1").starts_with("SELECT"));
    assert!(
        on("SELECT a AS x, count(*) FROM t GROUP BY x HAVING count(*) > 1 ORDER BY 2 DESC, x").starts_with("SELECT")
    );
    assert!(on("SELECT a FROM t GROUP BY a HAVING b > 1").starts_with("42803"));
    assert!(on("SELECT a FROM t WHERE count(*) > 1").starts_with("42803"));
}

#[test]
fn unknown_names_are_errors_of_postgresql() {
    assert!(on("SELECT z FROM t").starts_with("42703"));
    assert!(on("SELECT z.a FROM t").starts_with("42P01"));
    assert!(on("SELECT id FROM nothing").starts_with("42P01"));
    assert!(on("SELECT k FROM p, u").starts_with("42702"));
}

#[test]
fn an_insert_gives_parameters_the_types_of_their_columns() {
    let done = told(Engine::Mysql, "INSERT INTO t (a, name) VALUES ($1, $2)").expect("it translates");
    assert_eq!(done.parameters, [PgType::Int4, PgType::Varchar(None)]);
    assert_eq!(super::flat(&done.steps[0].sql), "INSERT INTO `t` (`a`, `name`) VALUES ($1, $2)");
    assert_eq!(done.steps[0].gives, Gives::Count(Counting::Affected));
}

#[test]
fn the_default_of_a_numbered_column_is_numbered() {
    assert_eq!(
        steps(Engine::Mysql, "INSERT INTO t (id, a, b) VALUES (DEFAULT, DEFAULT, 1)"),
        "INSERT INTO `t` (`id`, `a`, `b`) VALUES (NULL, DEFAULT, 1)"
    );
}

#[test]
fn returning_is_mariadbs_own_or_a_query_by_key() {
    let done = told(Engine::Mariadb, "INSERT INTO t (a) VALUES (1) RETURNING id").expect("it translates");
    assert_eq!(done.steps.len(), 1);
    assert_eq!(done.steps[0].gives, Gives::RowsAndCount);
    assert_eq!(
        steps(Engine::Mysql, "INSERT INTO t (a) VALUES (1) RETURNING id"),
        "INSERT INTO `t` (`a`) VALUES (1)\nSELECT `t`.`id` AS `c1` FROM `t` WHERE `t`.`id` = CAST(LAST_INSERT_ID() AS SIGNED)"
    );
    assert_eq!(
        steps(Engine::Mysql, "INSERT INTO p (k, v) VALUES ($1, 2) RETURNING *").lines().last(),
        Some("SELECT `p`.`k` AS `c1`, `p`.`v` AS `c2`, `p`.`t_id` AS `c3` FROM `p` WHERE (`p`.`k` = $1)")
    );
    let done = told(Engine::Mariadb, "UPDATE t SET a = 2 WHERE b = 1 RETURNING a").expect("it translates");
    let gives: Vec<Gives> = done.steps.iter().map(|s| s.gives).collect();
    assert_eq!(gives, [Gives::Keys, Gives::Count(Counting::Matched), Gives::Rows]);
    assert!(done.needs_transaction);
}

#[test]
fn an_upsert_is_refused_where_another_key_could_be_met() {
    assert!(on("INSERT INTO u VALUES (1, 'x', 2) ON CONFLICT (email) DO UPDATE SET n = 3").starts_with("0A000"));
    assert!(on("INSERT INTO u VALUES (1, 'x', 2) ON CONFLICT DO NOTHING").starts_with("INSERT INTO"));
    assert!(on("INSERT INTO p (k, v) VALUES (1, 2) ON CONFLICT (v) DO NOTHING").starts_with("42P10"));
    assert_eq!(
        on("INSERT INTO p (k, v) VALUES (1, 2) ON CONFLICT (k) DO UPDATE SET v = excluded.v, t_id = p.v"),
        "INSERT INTO `p` (`k`, `v`) VALUES (1, 2) ON DUPLICATE KEY UPDATE `p`.`t_id` = CAST(`p`.`v` AS SIGNED), `p`.`v` = VALUES(`v`)"
    );
    let done = told(Engine::Mysql, "INSERT INTO p VALUES (1, 2), (2, 3) ON CONFLICT (k) DO UPDATE SET v = excluded.v");
    let done = done.expect("it translates");
    assert_eq!(done.steps.len(), 2);
    assert_eq!(done.steps[1].gives, Gives::Count(Counting::Always(2)));
}

#[test]
fn assignments_read_old_values_or_are_refused() {
    assert_eq!(
        on("UPDATE t SET a = 5, b = a WHERE id = 1"),
        "UPDATE `t` AS `t` SET `t`.`b` = `t`.`a`, `t`.`a` = 5 WHERE (`t`.`id` = 1)"
    );
    assert!(on("UPDATE t SET a = b, b = a").starts_with("0A000"));
}

#[test]
fn a_target_is_read_in_a_subquery_through_a_derived_table() {
    let text = on("DELETE FROM t WHERE id IN (SELECT max(x.id) FROM t x)");
    assert!(text.starts_with("DELETE FROM `t` WHERE "), "{text}");
    assert!(text.contains("FROM (SELECT * FROM `t`) AS `x`"), "{text}");
}

#[test]
fn a_set_operation_agrees_on_types_and_sorts_around() {
    let done = told(Engine::Mysql, "SELECT a FROM t UNION ALL SELECT NULL ORDER BY 1").expect("it translates");
    assert_eq!(done.columns[0].ty, PgType::Int4);
    assert_eq!(done.columns[0].name, "a");
    assert!(on("SELECT a FROM t UNION SELECT name FROM t").starts_with("42804"));
    assert!(on("SELECT a FROM t UNION SELECT a, b FROM t").starts_with("42601"));
}

#[test]
fn a_recursive_query_has_no_bound_on_mariadb() {
    let text = on("WITH RECURSIVE g(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM g WHERE n < 5) SELECT n FROM g");
    assert!(
        text.starts_with("SET STATEMENT max_recursive_iterations=4294967295 FOR WITH RECURSIVE `g` AS ("),
        "{text}"
    );
}

#[test]
fn locks_are_those_that_the_server_has() {
    assert!(on("SELECT id FROM t FOR SHARE").ends_with(" LOCK IN SHARE MODE"));
    assert!(steps(Engine::Mysql, "SELECT id FROM t FOR SHARE SKIP LOCKED").ends_with(" FOR SHARE SKIP LOCKED"));
    assert!(on("SELECT id FROM t FOR NO KEY UPDATE NOWAIT").ends_with(" FOR UPDATE NOWAIT"));
    assert!(
        steps(Engine::Mysql, "SELECT t.id FROM t JOIN p ON p.t_id = t.id FOR UPDATE OF t")
            .ends_with(" FOR UPDATE OF `t`")
    );
}

#[test]
fn a_table_is_made_with_the_collation_that_clients_see() {
    let text = on(
        "CREATE TABLE made (id bigserial PRIMARY KEY, name varchar(50) NOT NULL UNIQUE, n int DEFAULT 5 CHECK (n > 0), \
                   at timestamptz NOT NULL DEFAULT now(), t_id bigint REFERENCES t(id) ON DELETE CASCADE)",
    );
    assert!(text.starts_with("CREATE TABLE `made` (`id` bigint"), "{text}");
    assert!(text.contains("AUTO_INCREMENT") && text.contains("PRIMARY KEY (`id`)"), "{text}");
    assert!(text.contains("CONSTRAINT `made_name_key` UNIQUE (`name`)"), "{text}");
    assert!(text.contains("CONSTRAINT `made_n_check` CHECK ("), "{text}");
    assert!(text.contains("FOREIGN KEY (`t_id`) REFERENCES `t` (`id`) ON DELETE CASCADE"), "{text}");
    assert!(text.contains("DEFAULT CURRENT_TIMESTAMP(6)"), "{text}");
    assert!(text.ends_with("ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_nopad_bin"), "{text}");
    assert!(on("CREATE TABLE made (a text PRIMARY KEY)").starts_with("0A000"));
    assert!(on("CREATE TEMP TABLE made (a int)").starts_with("0A000"));
}
