//! What is sent for an expression, and what the client hears of its type.

use super::{of, said, sent, statement, with};
use crate::wire::value::MyType;

fn printed(expr: &str) -> String {
    with(expr).expect(expr).0.trim_end_matches(" AS \"e\"").to_owned()
}

fn ty(expr: &str) -> MyType {
    with(expr).expect(expr).1
}

fn decimal(precision: u8, scale: u8) -> MyType {
    MyType::Decimal { precision, scale, unsigned: false }
}

#[test]
fn whole_numbers_are_computed_in_64_bits() {
    assert_eq!(printed("i + 1"), "((\"t\".\"i\"::int8) + (1::int8))");
    assert_eq!(ty("i + 1"), MyType::BigInt(false));
    assert_eq!(of("si + si", true).expect("MariaDB").1, MyType::Int(false));
}

#[test]
fn a_quotient_is_a_decimal_of_four_more_digits_and_null_by_zero() {
    assert_eq!(ty("i / 2"), decimal(14, 4));
    assert_eq!(ty("d / 2"), decimal(14, 6));
    assert!(printed("i / 0").contains("NULLIF"));
}

#[test]
fn mysql_rounds_a_quotient_at_once_and_mariadb_at_last() {
    assert!(printed("2 / 3 * 3").contains("(round("));
    let (text, _) = of("2 / 3 * 3", true).expect("MariaDB");
    assert!(text.starts_with("round("), "{text}");
}

#[test]
fn truth_values_are_numbers_in_results_and_boolean_in_conditions() {
    assert_eq!(printed("i = 1"), "((\"t\".\"i\" = 1)::int4)");
    let out = statement("SELECT i FROM t WHERE i = 1 AND b", false, &[]).expect("a condition");
    assert!(sent(&out).ends_with("WHERE ((\"t\".\"i\" = 1) AND \"t\".\"b\")"), "{}", sent(&out));
}

#[test]
fn a_boolean_column_stays_boolean_beside_one_and_zero() {
    assert_eq!(printed("b = 1"), "((\"t\".\"b\" = true)::int4)");
    assert_eq!(printed("b = 2"), "(((\"t\".\"b\"::int4) = 2)::int4)");
}

#[test]
fn a_clean_text_beside_a_number_is_one_and_others_are_refused() {
    assert_eq!(printed("i = '42'"), "((\"t\".\"i\" = 42)::int4)");
    assert!(said("i = '42abc'").contains("'42abc' as a number"));
    assert!(said("v = 1").contains("comparing varchar(20)"));
}

#[test]
fn texts_of_the_connection_are_not_compared_with_each_other() {
    assert!(said("'a' = 'A'").contains("collation"));
    assert!(said("LEAST('a', 'B')").contains("collation"));
    assert!(printed("v < 'b'").contains("COLLATE \"C\""));
    assert_eq!(printed("v = 'b'"), "((\"t\".\"v\" = ('b'::text))::int4)");
}

#[test]
fn a_text_beside_a_date_is_a_date() {
    assert_eq!(printed("dt > '2024-02-29'"), "((\"t\".\"dt\" > ('2024-02-29'::date))::int4)");
    assert!(said("dt > '2024-02-30'").contains("as a date"));
    assert!(printed("tz > '2024-01-01'").contains("AT TIME ZONE INTERVAL '+00:00'"));
}

#[test]
fn a_parameter_takes_the_type_of_what_it_meets() {
    let out =
        statement("SELECT i FROM t WHERE l = ? AND d > ? AND v LIKE ? AND dt = ?", false, &[]).expect("parameters");
    let text = MyType::Varchar(16_383);
    assert_eq!(out.parameters, [MyType::BigInt(false), decimal(10, 2), text, MyType::Date]);
    let out = statement("SELECT i FROM t WHERE i = ?", false, &[Some(MyType::Varchar(5))]).expect("a text");
    assert_eq!(out.parameters, [MyType::BigInt(false)]);
}

#[test]
fn parameters_are_numbered_as_they_stand() {
    let out = statement("SELECT ? + i FROM t WHERE l = ? LIMIT ?", false, &[]).expect("parameters");
    let text = sent(&out);
    let at = |n: &str| text.find(n).expect(n);
    assert!(at("?1") < at("?2") && at("?2") < at("?3"), "{text}");
}

#[test]
fn sums_and_averages_have_mysqls_types() {
    assert_eq!(ty("SUM(i)"), decimal(32, 0));
    assert_eq!(ty("SUM(d)"), decimal(32, 2));
    assert_eq!(ty("AVG(d)"), decimal(14, 6));
    assert_eq!(ty("COUNT(*)"), MyType::BigInt(false));
    assert_eq!(ty("SUM(g)"), MyType::Double);
}

#[test]
fn greatest_of_a_null_is_null() {
    assert!(printed("GREATEST(i, l)").contains("IS NULL"));
    assert_eq!(ty("GREATEST(i, 1.5)"), decimal(11, 1));
}

#[test]
fn negative_places_count_from_the_end_of_a_text() {
    assert!(printed("SUBSTRING(v, -3)").contains("right(\"t\".\"v\", 3)"));
    assert_eq!(printed("SUBSTRING(v, 2, 2)"), "left(substr(\"t\".\"v\", 2), GREATEST(2, 0))");
}

#[test]
fn now_is_the_statements_time_in_whole_seconds() {
    let now = "date_trunc('second', (statement_timestamp() AT TIME ZONE INTERVAL '+00:00'))";
    assert_eq!(printed("NOW()"), now);
    assert_eq!(ty("NOW(3)"), MyType::DateTime(3));
}

#[test]
fn a_day_shifted_by_hours_is_a_datetime() {
    assert_eq!(ty("dt + INTERVAL 1 DAY"), MyType::Date);
    assert_eq!(ty("dt + INTERVAL 1 HOUR"), MyType::DateTime(0));
    assert_eq!(ty("'2024-01-31' + INTERVAL 1 MONTH"), MyType::Char(29));
}

#[test]
fn group_concat_is_string_agg() {
    assert_eq!(
        printed("GROUP_CONCAT(v ORDER BY i DESC SEPARATOR ';')"),
        "string_agg(\"t\".\"v\", (';'::text) ORDER BY \"t\".\"i\" DESC NULLS LAST)"
    );
}

#[test]
fn what_no_other_server_computes_alike_is_refused_by_name() {
    for (expr, part) in [("RAND()", "RAND"), ("SHA1(v)", "SHA1"), ("@x", "variable"), ("USER()", "USER")] {
        assert!(said(expr).contains(part), "{expr}: {}", said(expr));
    }
}
