//! Expressions, one promise each: text and type. What they compute was compared with PostgreSQL on both servers.

use super::{on, translated};
use crate::base::Engine::{Mariadb, Mysql};
use crate::wire::value::PgType;

/// The same on both servers.
fn both(text: &str, printed: &str) {
    for engine in [Mariadb, Mysql] {
        assert_eq!(on(engine, text), printed, "{text} on {engine:?}");
    }
}

/// Each its own, where only the collation's name differs.
fn collated(text: &str, printed: &str) {
    assert_eq!(on(Mariadb, text), printed.replace("BIN", "utf8mb4_nopad_bin"), "{text}");
    assert_eq!(on(Mysql, text), printed.replace("BIN", "utf8mb4_0900_bin"), "{text}");
}

fn refused(text: &str) {
    for engine in [Mariadb, Mysql] {
        let told = on(engine, text);
        assert!(told.starts_with("0A000: "), "{text} on {engine:?}: {told}");
    }
}

#[test]
fn whole_numbers_raise_beyond_their_type() {
    let room = "9223372034707292160";
    both("a + 1", &format!("((CAST(`a` AS SIGNED) + 1) + {room} - {room} - {room} + {room}) : integer"));
    both("id + 1", "(CAST(`id` AS SIGNED) + 1) : bigint");
}

#[test]
fn whole_numbers_divide_as_whole_numbers_and_raise_on_zero() {
    both("id / 2", "(CAST(`id` AS SIGNED) DIV 2) : bigint");
    let told = on(Mysql, "id / a");
    assert!(told.contains(" DIV IF(") && told.contains(" + 9223372036854775807 + 1)"), "{told}");
    assert!(!on(Mysql, "id / nullif(a, 0)").contains("IF("));
}

#[test]
fn text_is_equal_by_code_point_and_found_by_the_columns_index() {
    collated("name = 'x'", "(`name` = 'x' AND (`name` COLLATE BIN = 'x')) : boolean");
    collated("name <> 'x'", "(`name` COLLATE BIN <> 'x') : boolean");
    collated("name < 'x'", "(`name` COLLATE BIN < 'x') : boolean");
    collated("name = note", "((`name` COLLATE BIN) = (`note` COLLATE BIN)) : boolean");
}

#[test]
fn like_has_its_escape_character() {
    collated("name like '%x'", "(`name` COLLATE BIN LIKE '%x' ESCAPE '\\') : boolean");
    collated("name ilike '%x'", "(LOWER(`name`) COLLATE BIN LIKE LOWER('%x') ESCAPE '\\') : boolean");
}

#[test]
fn patterns_that_the_engines_read_differently_are_refused() {
    refused("name ~ '\\w'");
    refused("name ~ 'a*?'");
    refused("name ~ note");
    assert!(on(Mysql, "name ~ '^a$'").contains("REGEXP"));
}

#[test]
fn parameters_take_the_type_of_what_they_meet() {
    for (text, types) in [
        ("a = $1", vec![PgType::Int4]),
        ("name = $1", vec![PgType::Text]),
        ("$1::int + id", vec![PgType::Int4]),
        ("a = any($1)", vec![PgType::Array(Box::new(PgType::Int4))]),
        ("coalesce($1, n)", vec![PgType::Numeric(None)]),
        ("d > $1 and ts < $2", vec![PgType::Date, PgType::Timestamp(None)]),
        ("length($1)", vec![PgType::Text]),
    ] {
        let (_, parameters) = translated(Mysql, text).expect(text);
        assert_eq!(parameters, types.into_iter().map(Some).collect::<Vec<_>>(), "{text}");
    }
}

#[test]
fn an_array_parameter_is_a_list() {
    both("a = any($1)", "(`a` IN $1) : boolean");
    both("a <> all($1)", "(NOT (`a` IN $1)) : boolean");
    collated("name = any($1)", "((`name` IN $1) AND ((`name` COLLATE BIN) IN $1)) : boolean");
}

#[test]
fn functions_count_characters_and_keep_types() {
    both("length(name)", "CHAR_LENGTH(`name`) : integer");
    both("octet_length(name)", "LENGTH(`name`) : integer");
    both("left(name, 2)", "LEFT(`name`, 2) : text");
    both("substr(name, 0, 3)", "SUBSTRING(`name`, 1, 2) : text");
    both("round(n, 1)", "CAST(ROUND(`n`, 1) AS DECIMAL(65,1)) : numeric");
}

#[test]
fn nulls_are_left_out_of_greatest() {
    both("greatest(a, b)", "GREATEST(COALESCE(`a`, `b`), COALESCE(`b`, `a`)) : integer");
}

#[test]
fn aggregates_have_postgresqls_types() {
    both("count(*)", "COUNT(*) : bigint");
    both("sum(a)", "CAST(SUM(`a`) AS SIGNED) : bigint");
    both("sum(id)", "SUM(`id`) : numeric");
    both("bool_and(yes)", "MIN((`yes` <> 0)) : boolean");
    both("count(*) filter (where yes)", "COUNT(CASE WHEN `yes` THEN 1 END) : bigint");
    assert!(on(Mysql, "avg(a)").ends_with(" : numeric"));
}

#[test]
fn what_has_no_equal_is_refused_by_its_name() {
    for text in [
        "age(ts)",
        "array_agg(a)",
        "initcap(name)",
        "sum(ts - ts)",
        "ts + (ts - ts)",
        "- (ts - ts)",
        "array[1]",
        "nextval('x')",
        "power(n, 2)",
        "jsonb_agg(a)",
    ] {
        refused(text);
    }
    assert!(on(Mysql, "nextval('x')").contains("nextval"));
}

#[test]
fn errors_of_types_are_postgresqls() {
    assert_eq!(on(Mysql, "a = name"), "42883: operator does not exist: integer = character varying");
    assert!(on(Mysql, "case when a then 1 end").starts_with("42804: "));
    assert!(on(Mysql, "nothing").starts_with("42703: "));
    assert!(on(Mysql, "'12abc'::int").starts_with("22P02: "));
}

#[test]
fn the_distance_of_two_timestamps_is_an_interval() {
    both("ts - ts", "TIMESTAMPDIFF(MICROSECOND, `ts`, `ts`) : interval");
}

#[test]
fn shares_of_a_window_are_whole_doubles_on_mariadb() {
    let all = "COUNT(*) OVER (PARTITION BY `b`)";
    let own = format!(
        "IF({all} = 1, 0e0, (RANK() OVER (PARTITION BY `b` ORDER BY `id`) - 1) * 1e0 / (({all} - 1) * 1e0)) : double precision"
    );
    assert_eq!(on(Mariadb, "percent_rank() over (partition by b order by id)"), own);
    assert!(on(Mysql, "percent_rank() over (partition by b order by id)").starts_with("PERCENT_RANK()"));
}

#[test]
fn a_neighbours_default_is_for_a_row_that_is_not_there() {
    both(
        "lag(a, 1, 0) over (order by id)",
        "CASE WHEN LAG(1, 1) OVER (ORDER BY `id`) IS NULL THEN 0 ELSE LAG(`a`, 1) OVER (ORDER BY `id`) END : integer",
    );
}

#[test]
fn bits_of_no_value_are_null() {
    both("bit_and(a)", "IF(COUNT(`a`) = 0, NULL, CAST(BIT_AND(CAST(`a` AS SIGNED)) AS SIGNED)) : integer");
}

#[test]
fn moments_that_are_none_have_postgresqls_codes() {
    assert!(on(Mysql, "date '2024-02-30'").starts_with("22008: "));
    assert!(on(Mysql, "timestamp '2024-01-01 25:00:00'").starts_with("22008: "));
    for junk in ["timestamp '2024-01-01 x'", "date '2024-01-01 junk'", "time '12:00 junk'"] {
        refused(junk);
    }
    assert!(on(Mysql, "date 'tomorrow-ish'").starts_with("22007: "));
}

#[test]
fn translate_puts_nothing_that_it_takes_again() {
    refused("translate(name, 'ab', 'bc')");
    assert!(on(Mysql, "translate(name, 'ab', 'xb')").starts_with("REPLACE("));
}
