use sqlparser::ast::Statement;

use super::*;
use crate::base::{Engine, Fault, FaultKind};
use crate::console::catalog::{self, Tables};
use crate::sql::Reading;
use crate::sql::translate::with_tree;

fn second(seconds: i64) -> Cell {
    Cell::Span(seconds * 1_000_000)
}

/// Three transactions: name, state, decision, age, begun …
fn transactions() -> Vec<Row> {
    let row = |name: &str, state: &str, age: i64, why: Option<&str>| {
        vec![
            name.into(),
            state.into(),
            why.map(|_| "commit").into(),
            second(age),
            Cell::Moment(1_700_000_000_000_000),
            Cell::Null,
            "postgres".into(),
            "app".into(),
            why.into(),
            "nothing to do".into(),
        ]
    };
    vec![
        row("hf1.a.b.1.1", "committed", 3, None),
        row("hf1.a.b.1.2", "in_doubt", 42, Some("delivery does not answer")),
        row("hf1.a.b.1.3", "in_doubt", 7, Some("delivery does not answer")),
    ]
}

fn branches() -> Vec<Row> {
    let row = |transaction: &str, backend: &str, state: &str| {
        let mut row: Row = vec![transaction.into(), backend.into(), Cell::Int(0), "x".into(), state.into()];
        row.resize(9, Cell::Null);
        row
    };
    vec![row("hf1.a.b.1.2", "store", "committed"), row("hf1.a.b.1.2", "delivery", "unreachable")]
}

fn run_as(dialect: Dialect, sql: &str, parameters: &[Cell]) -> Result<(Vec<String>, Vec<Row>), Fault> {
    let variables = Variables::new(dialect, "15.8", "ada", &[]);
    let made = with_tree(sql.as_bytes(), Reading::new(dialect), Engine::Postgres, |tree| match tree {
        Statement::Query(query) => compile(&query, dialect, &Tables { dialect }, &variables),
        other => panic!("{other}"),
    })?;
    assert!(made.parameters <= parameters.len(), "{sql}");
    let tables: Vec<(&str, Vec<Row>)> = made
        .tables()
        .map(|name| match name {
            "transactions" => (name, transactions()),
            "branches" => (name, branches()),
            other => (name, catalog::rows(other, dialect, &variables, "ada").unwrap_or_default()),
        })
        .collect();
    let environment = Environment {
        dialect,
        version: "PostgreSQL 15.8 (Handfast)",
        user: "ada",
        connection: 7,
        now_ms: 1_700_000_042_000,
        parameters,
        variables: &variables,
    };
    let find = |name: &str| tables.iter().find(|(other, _)| *other == name).map_or(&[][..], |(_, rows)| rows);
    let rows = made.run(&environment, &find)?;
    Ok((made.outputs.into_iter().map(|output| output.name).collect(), rows))
}

/// Rows as texts, columns parted by `|`, NULL as `-`.
fn rows(dialect: Dialect, sql: &str, parameters: &[Cell]) -> Vec<String> {
    let shown = |cell: &Cell| if *cell == Cell::Null { "-".to_owned() } else { cell.text() };
    let (_, rows) = run_as(dialect, sql, parameters).unwrap_or_else(|fault| panic!("{sql}: {fault}"));
    rows.iter().map(|row| row.iter().map(shown).collect::<Vec<_>>().join("|")).collect()
}

fn pg(sql: &str) -> Vec<String> {
    rows(Dialect::Postgres, sql, &[])
}

fn my(sql: &str) -> Vec<String> {
    rows(Dialect::Mysql, sql, &[])
}

fn fault(sql: &str) -> Fault {
    run_as(Dialect::Postgres, sql, &[]).expect_err(sql)
}

#[test]
fn rows_are_filtered_sorted_and_cut() {
    assert_eq!(
        pg("SELECT name FROM transactions WHERE age > interval '5 seconds' ORDER BY age"),
        ["hf1.a.b.1.3", "hf1.a.b.1.2"]
    );
    assert_eq!(
        my("SELECT name FROM transactions WHERE age > INTERVAL 5 SECOND ORDER BY age DESC LIMIT 1"),
        ["hf1.a.b.1.2"]
    );
    assert_eq!(pg("SELECT name FROM transactions WHERE age > '00:00:05' AND name LIKE '%.2'"), ["hf1.a.b.1.2"]);
    assert_eq!(pg("SELECT name FROM transactions WHERE age > 5 OFFSET 1"), ["hf1.a.b.1.3"]);
    assert_eq!(pg("SELECT name, why FROM transactions WHERE why IS NULL"), ["hf1.a.b.1.1|-"]);
    assert_eq!(pg("SELECT state FROM transactions WHERE NOT (state IN ('in_doubt', 'ending'))"), ["committed"]);
    assert_eq!(
        pg(
            "SELECT name FROM transactions WHERE age BETWEEN interval '5 s' AND interval '1 minute' AND why NOT LIKE 'x%' ORDER BY 1 DESC"
        ),
        ["hf1.a.b.1.3", "hf1.a.b.1.2"]
    );
    assert_eq!(pg("SELECT DISTINCT state FROM transactions ORDER BY state"), ["committed", "in_doubt"]);
    assert_eq!(pg("SELECT why FROM transactions ORDER BY why NULLS FIRST LIMIT 1"), ["-"]);
    assert_eq!(pg("SELECT count(*) FROM transactions WHERE begun < now()"), ["3"]);
    assert_eq!(pg("SELECT now() - begun FROM transactions LIMIT 1"), ["00:00:42"]);
}

#[test]
fn groups_are_counted() {
    let sql = "SELECT state, count(*) AS n, max(age), avg(age) FROM transactions GROUP BY state ORDER BY n DESC";
    assert_eq!(pg(sql), ["in_doubt|2|00:00:42|00:00:24.5", "committed|1|00:00:03|00:00:03"]);
    assert_eq!(pg("SELECT count(why), count(DISTINCT why), sum(1) FROM transactions"), ["2|1|3"]);
    assert_eq!(pg("SELECT state FROM transactions GROUP BY 1 HAVING count(*) > 1"), ["in_doubt"]);
    assert_eq!(pg("SELECT count(*), max(age) FROM transactions WHERE false"), ["0|-"]);
    assert_eq!(fault("SELECT name, count(*) FROM transactions").kind, FaultKind::Grouping);
}

#[test]
fn tables_are_joined() {
    let sql = "SELECT t.name, b.backend FROM transactions t JOIN branches b ON b.transaction = t.name WHERE b.state = 'unreachable'";
    assert_eq!(pg(sql), ["hf1.a.b.1.2|delivery"]);
    let sql = "SELECT count(*), count(b.backend) FROM transactions t LEFT JOIN branches b ON b.transaction = t.name";
    assert_eq!(pg(sql), ["4|2"]);
    assert_eq!(fault("SELECT name FROM transactions, branches").kind, FaultKind::AmbiguousColumn);
}

#[test]
fn expressions_have_the_three_truths_of_sql() {
    assert_eq!(
        pg("SELECT NULL AND false, NULL AND true, NULL OR true, NOT NULL::bool, 1 IN (2, NULL)"),
        ["false|-|true|-|-"]
    );
    assert_eq!(pg("SELECT 1 + 2 * 3, 7 / 2, 7 % 4, -3, 1.5 + 1, 'a' || 'b', 'a' || NULL"), ["7|3|3|-3|2.5|ab|-"]);
    assert_eq!(pg("SELECT CASE WHEN 1 > 2 THEN 'a' ELSE 'b' END, coalesce(NULL, 'x'), nullif(1, 1)"), ["b|x|-"]);
    assert_eq!(pg("SELECT '5'::int + 1, 'on'::boolean, upper('a'), length('äb')"), ["6|true|A|2"]);
    assert_eq!(fault("SELECT 1 / 0").kind, FaultKind::NotConvertible);
    assert_eq!(fault("SELECT 'x'::int").kind, FaultKind::InvalidText);
    assert_eq!(fault("SELECT 9223372036854775807 + 1").kind, FaultKind::NotConvertible);
}

#[test]
fn parameters_are_read_as_what_they_are_compared_with() {
    let of = |dialect, sql: &str, value: Cell| rows(dialect, sql, &[value]);
    assert_eq!(
        of(Dialect::Postgres, "SELECT name FROM transactions WHERE name = $1", "hf1.a.b.1.1".into()),
        ["hf1.a.b.1.1"]
    );
    assert_eq!(
        of(Dialect::Mysql, "SELECT name FROM transactions WHERE age > ? ORDER BY 1 LIMIT 1", Cell::Int(5)),
        ["hf1.a.b.1.2"]
    );
    assert_eq!(of(Dialect::Postgres, "SELECT count(*) FROM transactions WHERE age > $1", "5 seconds".into()), ["2"]);
    assert_eq!(
        of(Dialect::Postgres, "SELECT name FROM transactions ORDER BY age LIMIT $1", Cell::Int(1)),
        ["hf1.a.b.1.1"]
    );
}

#[test]
fn what_is_not_there_is_told_with_what_was_probably_meant() {
    let hint = |sql: &str| fault(sql).hint.unwrap();
    assert!(hint("SELECT * FROM transaction").contains("transactions"), "{}", hint("SELECT * FROM transaction"));
    assert!(hint("SELECT nmae FROM transactions").contains("name?"));
    assert_eq!(fault("SELECT * FROM orders").kind, FaultKind::UndefinedTable);
    assert_eq!(fault("SELECT zzzzzz FROM transactions").kind, FaultKind::UndefinedColumn);
    assert_eq!(fault("SELECT frobnicate(1)").kind, FaultKind::UndefinedFunction);
    assert_eq!(fault("SELECT 1 UNION SELECT 2").kind, FaultKind::NotSupported);
    assert_eq!(fault("SELECT (SELECT name FROM transactions)").kind, FaultKind::NotSupported);
    assert_eq!(fault("SELECT name FROM transactions WHERE count(*) > 1").kind, FaultKind::Grouping);
}

#[test]
fn what_drivers_ask_on_connect_is_answered() {
    assert_eq!(pg("SELECT 1"), ["1"]);
    assert_eq!(pg("select current_schema(), current_user, current_database()"), ["public|ada|handfast"]);
    assert!(pg("SELECT version()")[0].starts_with("PostgreSQL 15.8"));
    assert_eq!(pg("SELECT pg_catalog.pg_backend_pid(), current_setting('server_version_num')"), ["7|150008"]);
    assert!(my("select @@version_comment limit 1")[0].starts_with("Handfast"));
    assert_eq!(
        my("SELECT @@session.auto_increment_increment AS auto_increment_increment, @@character_set_client AS c"),
        ["1|utf8mb4"]
    );
    assert_eq!(my("SELECT DATABASE(), CONNECTION_ID()"), ["handfast|7"]);
    let unknown = run_as(Dialect::Mysql, "SELECT @@nonsense", &[]).unwrap_err();
    assert_eq!((unknown.kind, unknown.kind.errno()), (FaultKind::UnknownVariable, 1193));
    let (names, _) = run_as(Dialect::Mysql, "SELECT @@version, Version()", &[]).unwrap();
    assert_eq!(names, ["@@version", "Version()"]);
}

#[test]
fn psql_s_list_of_tables_is_answered_from_the_catalog() {
    let sql = "SELECT n.nspname as \"Schema\", c.relname as \"Name\", CASE c.relkind WHEN 'r' THEN 'table' WHEN 'v' THEN 'view' END as \"Type\", \
        pg_catalog.pg_get_userbyid(c.relowner) as \"Owner\" FROM pg_catalog.pg_class c \
        LEFT JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace LEFT JOIN pg_catalog.pg_am am ON am.oid = c.relam \
        WHERE c.relkind IN ('r','p','v','m','S','f','') AND n.nspname <> 'pg_catalog' AND n.nspname !~ '^pg_toast' \
        AND n.nspname <> 'information_schema' AND pg_catalog.pg_table_is_visible(c.oid) ORDER BY 1,2";
    assert!(pg(sql).contains(&"public|transactions|table|ada".to_owned()), "{:?}", pg(sql));
    let sql = "SELECT c.oid, n.nspname, c.relname FROM pg_catalog.pg_class c LEFT JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace \
        WHERE c.relname OPERATOR(pg_catalog.~) '^(transactions)$' COLLATE pg_catalog.default AND pg_catalog.pg_table_is_visible(c.oid) ORDER BY 2, 3";
    let found = pg(sql);
    let oid = found[0].split('|').next().unwrap();
    let sql = format!(
        "SELECT a.attname, pg_catalog.format_type(a.atttypid, a.atttypmod), \
        (SELECT pg_catalog.pg_get_expr(d.adbin, d.adrelid, true) FROM pg_catalog.pg_attrdef d WHERE d.adrelid = a.attrelid), \
        a.attnotnull, (SELECT c.collname FROM pg_catalog.pg_collation c, pg_catalog.pg_type t WHERE c.oid = a.attcollation) AS attcollation \
        FROM pg_catalog.pg_attribute a WHERE a.attrelid = '{oid}' AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attnum"
    );
    assert_eq!(pg(&sql)[0], "name|text|-|false|-");
    let (names, rows) =
        run_as(Dialect::Postgres, "SELECT pol.polname, 1 FROM pg_catalog.pg_policy pol WHERE pol.x = '1'", &[])
            .unwrap();
    assert_eq!((names.len(), rows.len()), (2, 0));
}

#[test]
fn what_would_take_too_long_is_refused() {
    let deep = format!("SELECT {}1{}", "(".repeat(90), ")".repeat(90));
    assert_eq!(pg(&deep), ["1"]);
    let long = format!("SELECT 1{}", " + 1".repeat(1000));
    assert_eq!(fault(&long).kind, FaultKind::TooLarge);
    let tables = ["pg_attribute"; 5].iter().enumerate().map(|(at, name)| format!("{name} t{at}")).collect::<Vec<_>>();
    assert_eq!(fault(&format!("SELECT count(*) FROM {}", tables.join(", "))).kind, FaultKind::TooLarge);
}

/// Runs a query over as many transactions as a busy house shows, with two branches each.
fn run_over_many(sql: &str) -> Result<Vec<Row>, Fault> {
    run_over(4000, sql)
}

fn run_over(many: usize, sql: &str) -> Result<Vec<Row>, Fault> {
    let dialect = Dialect::Postgres;
    let variables = Variables::new(dialect, "15.8", "ada", &[]);
    let made = with_tree(sql.as_bytes(), Reading::new(dialect), Engine::Postgres, |tree| match tree {
        Statement::Query(query) => compile(&query, dialect, &Tables { dialect }, &variables),
        other => panic!("{other}"),
    })?;
    let named = |row: &Row, name: usize| -> Row {
        let mut row = row.clone();
        row[0] = format!("hf1.a.b.1.{name}").into();
        row
    };
    let transactions: Vec<Row> = (0..many).map(|n| named(&transactions()[n % 3], n)).collect();
    let branches: Vec<Row> = (0..2 * many).map(|n| named(&branches()[n % 2], n / 2)).collect();
    let environment = Environment {
        dialect,
        version: "",
        user: "ada",
        connection: 7,
        now_ms: 0,
        parameters: &[],
        variables: &variables,
    };
    made.run(&environment, &|name| if name == "transactions" { &transactions } else { &branches })
}

#[test]
fn a_busy_house_can_be_joined_and_counted() {
    for (sql, rows) in [
        (
            "SELECT t.name FROM transactions t JOIN branches b ON b.transaction = t.name WHERE t.state = 'in_doubt'",
            5332,
        ),
        ("SELECT t.name FROM transactions t, branches b WHERE t.name = b.transaction AND b.backend = 'store'", 4000),
        ("SELECT t.name FROM transactions t LEFT JOIN branches b ON b.transaction = t.name AND b.backend = 'x'", 4000),
        ("SELECT transaction, count(DISTINCT backend) FROM branches GROUP BY transaction", 4000),
        ("SELECT DISTINCT transaction FROM branches", 4000),
    ] {
        assert_eq!(run_over_many(sql).map(|found| found.len()), Ok(rows), "{sql}");
    }
    let fault = run_over_many("SELECT 1 FROM transactions a, branches b").unwrap_err();
    assert_eq!(fault.kind, FaultKind::TooLarge, "a join of everything with everything is bounded");
}

#[test]
fn what_would_take_too_much_memory_is_refused_and_the_bound_is_named() {
    for sql in [
        "SELECT * FROM transactions a, transactions b",
        "SELECT a.name FROM transactions a LEFT JOIN transactions b ON true",
        "SELECT count(*) FROM transactions a, transactions b",
    ] {
        let fault = run_over(600, sql).unwrap_err();
        assert_eq!(fault.kind, FaultKind::TooLarge, "{sql}");
        assert!(fault.message.contains("64 MiB"), "{sql}: {fault}");
    }
    // Not what is looked at counts, but what is kept.
    let few = "SELECT a.name FROM transactions a, transactions b WHERE a.state <> b.state AND a.name = 'hf1.a.b.1.0'";
    assert_eq!(run_over(100, few).map(|rows| rows.len()), Ok(66));
    let wide = vec!["why, next, name"; 300].join(", ");
    let fault = run_over(4000, &format!("SELECT {wide} FROM transactions")).unwrap_err();
    assert!(fault.message.contains("64 MiB"), "what a row is made into counts, too: {fault}");
}

#[test]
fn rows_have_one_key_if_and_only_if_they_are_the_same() {
    use crate::console::cell::row_key;
    let rows: [Row; 7] = [
        vec!["a".into(), "bc".into()],
        vec!["ab".into(), "c".into()],
        vec![Cell::Null, Cell::Int(1)],
        vec![Cell::Int(1), Cell::Null],
        vec![Cell::Float(1.0)],
        vec![Cell::Span(1)],
        vec![Cell::Moment(1)],
    ];
    for (at, one) in rows.iter().enumerate() {
        for (other_at, other) in rows.iter().enumerate() {
            assert_eq!(row_key(one) == row_key(other), at == other_at, "{one:?} {other:?}");
        }
    }
    assert_eq!(row_key(&[Cell::Float(0.0)]), row_key(&[Cell::Float(-0.0)]));
}
