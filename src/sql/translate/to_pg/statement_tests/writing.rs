//! What statements that write become.

use super::{fault, ok, printed, shown, sql, tables, told};
use crate::base::{Dialect, Engine};
use crate::sql::Reading;
use crate::sql::translate::{Gives, Request, SessionFacts, to_pg};
use crate::wire::value::MyType;

#[test]
fn a_key_that_the_server_gives_comes_back() {
    let done = ok("INSERT INTO stock (id, name) VALUES (NULL, 'x'), (0, 'y')");
    assert_eq!(done.steps[0].gives, Gives::Generated);
    assert!(shown(&done.steps[0].sql).contains("VALUES (DEFAULT, "));
    assert!(shown(&done.steps[0].sql).contains(" RETURNING \"stock\".\"id\", 1, "));
}

#[test]
fn a_key_that_the_client_gives_moves_the_sequence() {
    let done = ok("INSERT INTO stock (id, name) VALUES (7, 'x')");
    assert_eq!(done.steps[0].gives, Gives::Generated);
    assert!(shown(&done.steps[0].sql).ends_with(" RETURNING NULL, 1, \"stock\".\"id\" AS \"s\""));
    assert!(printed(&done)[1].starts_with("SELECT setval(pg_get_serial_sequence("));
    assert!(done.needs_transaction);
}

#[test]
fn an_upsert_counts_as_the_client_does() {
    let text = sql("INSERT INTO orders (id, n) VALUES (1, 2) ON DUPLICATE KEY UPDATE n = VALUES(n)");
    assert!(text.contains(" ON CONFLICT (\"id\") DO UPDATE SET \"n\" = \"excluded\".\"n\" WHERE "), "{text}");
    assert!(text.contains("CASE WHEN \"orders\".xmax = 0 THEN 1 ELSE 2 END AS \"n\", "), "{text}");
    let found = told("INSERT INTO orders (id, n) VALUES (1, 2) ON DUPLICATE KEY UPDATE n = 3", true, true).unwrap();
    assert!(shown(&found.steps[0].sql).starts_with("WITH \"part\" AS (INSERT INTO "));
}

#[test]
fn a_row_that_could_hit_two_keys_is_refused() {
    for text in [
        "INSERT INTO stock (id, name) VALUES (1, 'x') ON DUPLICATE KEY UPDATE price = 1",
        "REPLACE INTO stock (id, name) VALUES (1, 'x')",
    ] {
        assert!(fault(text).contains("several unique keys"), "{text}");
    }
}

#[test]
fn only_changed_rows_are_counted_unless_the_client_counts_found_ones() {
    let text = "UPDATE orders SET n = 1 WHERE id = 2";
    assert!(sql(text).ends_with(" AND (\"orders\".\"n\" IS DISTINCT FROM (1))"), "{}", sql(text));
    assert!(!shown(&told(text, true, true).unwrap().steps[0].sql).contains("DISTINCT"));
}

#[test]
fn assignments_see_those_before_them() {
    let text = sql("UPDATE orders SET n = n + 1, stock_id = n");
    assert!(text.contains("\"stock_id\" = CAST(((\"orders\".\"n\"::int8) + (1::int8)) AS integer)"), "{text}");
}

#[test]
fn joined_writes_touch_each_row_once() {
    for text in [
        "UPDATE stock s, orders o SET s.price = o.n WHERE s.id = o.stock_id",
        "DELETE s.* FROM stock s JOIN orders o ON s.id = o.stock_id",
    ] {
        assert!(sql(text).contains(" FOR UPDATE OF \"s\")"), "{}", sql(text));
    }
}

#[test]
fn rows_given_back_carry_the_key_for_last_insert_id() {
    let done = ok("INSERT INTO stock (name) VALUES ('x') RETURNING name");
    assert_eq!(done.steps[0].gives, Gives::RowsAndKey);
    assert_eq!(done.columns.len(), 1);
    assert!(shown(&done.steps[0].sql).ends_with(", \"stock\".\"id\""));
}

#[test]
fn a_number_for_a_boolean_column_is_checked_not_cast() {
    let text = sql("INSERT INTO stock (name, live) SELECT 'x', n FROM orders");
    assert!(text.contains("WHEN 0 THEN false WHEN 1 THEN true"), "{text}");
    let tables = tables();
    let facts = SessionFacts { database: "app".into(), ..SessionFacts::default() };
    let declared = [Some(MyType::BigInt(false))];
    let request = Request {
        text: b"UPDATE stock SET live = ? WHERE id = 1",
        reading: Reading::new(Dialect::Mysql),
        engine: Engine::Postgres,
        tables: &tables,
        declared: &declared,
        facts: &facts,
    };
    let done = to_pg::translate(&request).expect("a parameter for a boolean");
    assert!(printed(&done)[0].contains("WHEN 0 THEN false WHEN 1 THEN true"), "{:?}", printed(&done));
}

#[test]
fn replace_is_refused_where_foreign_keys_refer_to_the_table() {
    assert!(fault("REPLACE INTO parents (id) VALUES (1)").contains("foreign keys"));
}

#[test]
fn ignore_before_a_table_is_no_table() {
    assert!(fault("UPDATE IGNORE orders SET n = 1").contains("IGNORE"));
}

#[test]
fn a_text_selected_for_a_column_becomes_what_the_column_is() {
    let text = sql("INSERT INTO stock (name, at) SELECT 'x', '2024-08-01 12:00:00' FROM orders");
    assert!(text.contains("timestamp"), "{text}");
}

#[test]
fn with_may_stand_before_update_on_mysql() {
    let done =
        told("WITH o AS (SELECT id FROM orders) UPDATE orders SET n = 1 WHERE id IN (SELECT id FROM o)", false, false);
    assert!(shown(&done.unwrap().steps[0].sql).starts_with("WITH "));
}
