//! What queries become.

use super::{fault, names, sql, told};

#[test]
fn result_columns_have_the_names_that_the_client_wrote() {
    assert_eq!(
        names("SELECT ID, s.nAme, price AS P, id+1, count( * ) FROM stock s"),
        ["ID", "nAme", "P", "id+1", "count( * )"]
    );
    assert_eq!(names("SELECT * FROM stock"), ["id", "Name", "price", "live", "at"]);
}

#[test]
fn a_joined_column_is_shown_once() {
    assert_eq!(
        names("SELECT * FROM stock s LEFT JOIN orders o USING (id)"),
        ["id", "Name", "price", "live", "at", "stock_id", "n"]
    );
    assert_eq!(
        names("SELECT * FROM stock s RIGHT JOIN orders o USING (id)"),
        ["id", "stock_id", "n", "Name", "price", "live", "at"]
    );
}

#[test]
fn having_without_groups_is_a_second_where() {
    assert_eq!(
        sql("SELECT price AS p FROM stock HAVING p > 3"),
        "SELECT \"stock\".\"price\" FROM \"stock\" AS \"stock\" WHERE (\"stock\".\"price\" > 3)"
    );
}

#[test]
fn text_is_ordered_by_code_points_also_under_distinct() {
    assert_eq!(
        sql("SELECT DISTINCT name FROM stock ORDER BY name"),
        "SELECT DISTINCT (\"stock\".\"Name\" COLLATE \"C\") FROM \"stock\" AS \"stock\" ORDER BY (\"stock\".\"Name\" COLLATE \"C\")"
    );
}

#[test]
fn limits_have_every_form() {
    assert!(sql("SELECT id FROM stock LIMIT 5, 10").ends_with(" LIMIT 10 OFFSET 5"));
    assert!(
        sql("SELECT id FROM stock LIMIT 18446744073709551615 OFFSET 2")
            .ends_with(" LIMIT 9223372036854775807 OFFSET 2")
    );
    assert!(sql("SELECT id FROM stock LIMIT ?, ?").ends_with(" LIMIT CAST(<1> AS bigint) OFFSET CAST(<0> AS bigint)"));
}

#[test]
fn locks_are_for_tables() {
    assert!(sql("SELECT id FROM stock FOR UPDATE SKIP LOCKED").ends_with(" FOR UPDATE OF \"stock\" SKIP LOCKED"));
    assert!(sql("SELECT id FROM stock LOCK IN SHARE MODE").ends_with(" FOR SHARE OF \"stock\""));
    assert!(
        fault("SELECT count(*) FROM stock FOR UPDATE").contains("FOR UPDATE with DISTINCT, GROUP BY or aggregates")
    );
}

#[test]
fn what_has_no_translation_is_named() {
    assert!(fault("SELECT SQL_CALC_FOUND_ROWS id FROM stock").contains("SQL_CALC_FOUND_ROWS"));
    assert!(fault("SELECT id INTO @x FROM stock").contains("SELECT … INTO"));
    assert!(fault("SELECT nothing FROM stock").contains("nothing"));
    assert!(fault("SELECT 1 FROM nowhere").contains("Table 'app.nowhere' doesn't exist"));
}

#[test]
fn totals_of_a_rollup_stand_behind_what_they_sum_up() {
    let text = sql("SELECT name, COUNT(*) FROM stock GROUP BY name WITH ROLLUP");
    assert!(
        text.contains(" ORDER BY GROUPING(\"stock\".\"Name\"), (\"stock\".\"Name\" COLLATE \"C\") NULLS FIRST"),
        "{text}"
    );
}

#[test]
fn a_text_in_parts_is_named_as_each_server_does() {
    let name = |mariadb| told("SELECT 'a' 'b' FROM stock", mariadb, false).unwrap().columns.remove(0).name;
    assert_eq!((name(true), name(false)), ("ab".to_owned(), "a".to_owned()));
}

#[test]
fn a_pattern_of_bytes_is_one_of_characters_without_underscores() {
    let text = sql("SELECT id FROM stock WHERE name LIKE BINARY '%x%'");
    assert!(text.contains(" LIKE ") && text.contains("'%x%'"), "{text}");
    assert!(!fault("SELECT id FROM stock WHERE name LIKE BINARY '_x'").is_empty());
}

#[test]
fn a_bang_before_a_name_is_not() {
    assert!(sql("SELECT id FROM stock WHERE !live AND price > 1").contains("NOT"));
}

#[test]
fn a_formatted_date_is_cast_only_if_its_format_is_one() {
    assert!(sql("SELECT CAST(DATE_FORMAT(at, '%Y-%m-01 00:00:00') AS DATETIME) FROM stock").contains("::timestamp"));
    assert!(!fault("SELECT CAST(DATE_FORMAT(at, '%d/%m/%Y') AS DATETIME) FROM stock").is_empty());
}
