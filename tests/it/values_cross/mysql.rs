//! A MySQL client whose tables are on PostgreSQL.

use handfast::base::{Dialect, Engine};
use mysql_async::prelude::Queryable;

use super::{Case, between, case, compare, tables};
use crate::bed::Stand;

fn mysql_cases(mariadb: bool) -> Vec<Case> {
    let megabyte = format!("X'{}'", "5c".repeat(1 << 20));
    let utf8 = if mariadb {
        "varchar(20) CHARACTER SET utf8mb4"
    } else {
        "varchar(20) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin"
    };
    let mut cases = vec![
        case("tinyint(1)", "boolean", &["1", "0", "TRUE", "FALSE", "NULL"], &["2"]),
        case("smallint", "smallint", &["-32768", "32767", "NULL"], &["32768"]),
        case("int", "integer", &["-2147483648", "2147483647"], &["2147483648"]),
        case("bigint", "bigint", &["-9223372036854775808", "9223372036854775807"], &["9223372036854775808"]),
        case("decimal(10,2)", "numeric(10,2)", &["-99999999.99", "0.01", "1.5", "0"], &["100000000"]),
        case("float", "real", &["0.1", "16777216", "3.4028234e38", "-2.5", "0"], &["1e39"]),
        case(
            "double",
            "double precision",
            &["0.1", "1.7976931348623157e308", "2.2250738585072014e-308", "1e15", "1e-15", "1e-16", "123456789.125"],
            &[],
        ),
        case(
            utf8,
            "varchar(20)",
            &["''", "'it''s \"x\"'", "'a\\\\b\\'c'", "'é😀'", "'trailing  '", "'a\\nb'", "NULL"],
            &["'123456789012345678901'", "'a\\0b'"],
        ),
        case("longtext CHARACTER SET utf8mb4", "text", &["''", "'%_'", "'😀'", "'-- /* ; */ $$'"], &["'\\0'"]),
        case("longblob", "bytea", &["''", "X'00ff275c'", &megabyte, "NULL"], &[]),
        case("date", "date", &["'0001-01-01'", "'2024-02-29'", "'9999-12-31'"], &["'2023-02-29'"]),
        case("time(6)", "time(6)", &["'00:00:00'", "'23:59:59.999999'"], &["'-01:00:00'", "'24:00:01'", "'838:59:59'"]),
        case(
            "datetime(6)",
            "timestamp(6)",
            &["'0001-01-01 00:00:00'", "'2024-02-29 12:34:56.789'", "'9999-12-31 23:59:59.999999'"],
            &[],
        ),
        case("datetime", "timestamp(0)", &["'2024-02-29 12:34:56'"], &[]),
        case("timestamp(6) NULL", "timestamptz(6)", &["'1970-01-01 02:00:01'", "'2038-01-19 05:14:07.999999'"], &[]),
    ];
    if mariadb {
        cases.push(case("uuid", "uuid", &["'ffffffff-ffff-ffff-ffff-ffffffffffff'"], &[]));
    } else {
        cases.push(case("char(36)", "uuid", &["'ffffffff-ffff-ffff-ffff-ffffffffffff'"], &[]));
        cases.push(case("json", "jsonb", &["'{\"a\": 1}'", "'[1, null, \"é😀\"]'", "NULL"], &[]));
    }
    cases
}

fn shown(rows: Vec<mysql_async::Row>) -> Vec<Vec<mysql_async::Value>> {
    rows.into_iter().map(mysql_async::Row::unwrap).collect()
}

/// What drivers decide by: type, decimals, and whether it is unsigned or octets.
fn column_of(rows: &[mysql_async::Row]) -> String {
    rows.first().map_or_else(String::new, |row| {
        let columns = row.columns_ref();
        let column = &columns[1];
        // MariaDB says so of a TIMESTAMP, MySQL does not.
        let unsigned = column.flags().contains(mysql_async::consts::ColumnFlags::UNSIGNED_FLAG)
            && column.column_type() != mysql_async::consts::ColumnType::MYSQL_TYPE_TIMESTAMP;
        let binary = column.character_set() == 63;
        format!("{:?} decimals={} unsigned={unsigned} binary={binary}", column.column_type(), column.decimals())
    })
}

async fn mysql_case(client: &mut mysql_async::Conn, at: usize, case: &Case) -> Result<(), String> {
    let (home, away) = (format!("home_{at}"), format!("away_{at}"));
    let mut wrong = Vec::new();
    for (id, value) in case.values.iter().enumerate() {
        for table in [&home, &away] {
            if let Err(error) = client.query_drop(format!("INSERT INTO {table} VALUES ({id}, {value})")).await {
                wrong.push(format!("{} into {table}: {error}", value.get(..40).unwrap_or(value)));
            }
        }
    }
    for value in case.refused {
        match client.query_drop(format!("INSERT INTO {away} VALUES (777, {value})")).await {
            Err(mysql_async::Error::Server(error)) if [1235, 1264, 1366, 1406, 1292, 1690].contains(&error.code) => {}
            other => wrong.push(format!("{value} should be refused: {other:?}")),
        }
    }
    let mut seen = Vec::new();
    for table in [&home, &away] {
        let select = format!("SELECT id, v FROM {table} WHERE id < 500 ORDER BY id");
        let text: Vec<mysql_async::Row> = client.query(&select).await.map_err(|e| e.to_string())?;
        let binary: Vec<mysql_async::Row> = client.exec(&select, ()).await.map_err(|e| e.to_string())?;
        seen.push((column_of(&text), column_of(&binary), shown(text), shown(binary)));
    }
    let (column, prepared, text, binary) = seen.remove(0);
    compare(&mut wrong, "column", &column, &seen[0].0);
    compare(&mut wrong, "column in binary", &prepared, &seen[0].1);
    compare(&mut wrong, "text", &text, &seen[0].2);
    compare(&mut wrong, "binary", &binary, &seen[0].3);
    for row in &binary {
        let mut found = Vec::new();
        for table in [&home, &away] {
            let select = format!("SELECT id FROM {table} WHERE v = ? AND id < 500 ORDER BY id");
            let ids: Result<Vec<i64>, _> = client.exec(select, (row[1].clone(),)).await;
            found.push(ids.map_err(|error| error.to_string()));
        }
        let by_name = found[1].as_ref().is_err_and(|error| error.contains("comparing a value of type json"));
        if !by_name {
            compare(&mut wrong, "found by a parameter", &found[0], &found[1]);
        }
    }
    for (id, row) in (1000_i64..).zip(&binary) {
        let insert = format!("INSERT INTO {away} VALUES (?, ?)");
        if let Err(error) = client.exec_drop(insert, (id, row[1].clone())).await {
            wrong.push(format!("parameter {}: {error}", id - 1000));
        }
    }
    let select = format!("SELECT v FROM {away} WHERE id >= 1000 ORDER BY id");
    let rows = shown(client.exec(select, ()).await.map_err(|e| e.to_string())?);
    let given: Vec<_> = binary.into_iter().map(|row| vec![row[1].clone()]).collect();
    compare(&mut wrong, "binary by parameters", &given, &rows);
    if wrong.is_empty() { Ok(()) } else { Err(wrong.join("; ")) }
}

pub(super) async fn mysql_client(stand: &Stand) -> mysql_async::Conn {
    let url = stand.handfast.url(Dialect::Mysql);
    mysql_async::Conn::new(mysql_async::Opts::from_url(&url).unwrap()).await.unwrap()
}

async fn mysql_story(stand: &Stand, mariadb: bool) -> Vec<String> {
    let cases = mysql_cases(mariadb);
    tables(stand, &cases).await;
    let mut client = mysql_client(stand).await;
    client.query_drop("SET time_zone = '+02:00'").await.unwrap();
    let mut wrong = Vec::new();
    for (at, case) in cases.iter().enumerate() {
        if let Err(error) = mysql_case(&mut client, at, case).await {
            wrong.push(format!("{} as {}: {error}", case.home, case.away));
        }
    }
    wrong
}

#[test]
fn every_types_edge_values_cross_from_mariadb_to_postgres() {
    between(Engine::Mariadb, Engine::Postgres, async |stand| mysql_story(stand, true).await);
}

#[test]
fn every_types_edge_values_cross_from_mysql_to_postgres() {
    between(Engine::Mysql, Engine::Postgres, async |stand| mysql_story(stand, false).await);
}
