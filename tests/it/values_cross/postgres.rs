//! A PostgreSQL client whose tables are on MariaDB or MySQL.

use handfast::base::{Dialect, Engine};
use tokio::task::JoinSet;
use tokio_postgres::types::{FromSql, IsNull, ToSql, Type, to_sql_checked};
use tokio_postgres::{Client, NoTls, SimpleQueryMessage};

use super::{Case, between, case, compare, tables};
use crate::bed::Stand;

/// The bytes of a value as they were on the wire.
#[derive(Clone, Debug, PartialEq)]
struct Raw(Option<Vec<u8>>);

impl<'a> FromSql<'a> for Raw {
    fn from_sql(_: &Type, raw: &'a [u8]) -> Result<Self, Box<dyn std::error::Error + Sync + Send>> {
        Ok(Self(Some(raw.to_vec())))
    }

    fn from_sql_null(_: &Type) -> Result<Self, Box<dyn std::error::Error + Sync + Send>> {
        Ok(Self(None))
    }

    fn accepts(_: &Type) -> bool {
        true
    }
}

impl ToSql for Raw {
    fn to_sql(&self, _: &Type, out: &mut bytes::BytesMut) -> Result<IsNull, Box<dyn std::error::Error + Sync + Send>> {
        let Some(bytes) = &self.0 else { return Ok(IsNull::Yes) };
        out.extend_from_slice(bytes);
        Ok(IsNull::No)
    }

    fn accepts(_: &Type) -> bool {
        true
    }

    to_sql_checked!();
}

fn postgres_cases(mariadb: bool) -> Vec<Case> {
    let megabyte = format!("'\\x{}'", "5c".repeat(1 << 20));
    let mut cases = vec![
        case("boolean", "tinyint(1)", &["true", "false", "NULL"], &[]),
        case("smallint", "smallint", &["-32768", "32767", "0", "NULL"], &[]),
        case("smallint", "tinyint unsigned", &["0", "255"], &["-1", "256"]),
        case("integer", "int", &["-2147483648", "2147483647"], &[]),
        case("integer", "mediumint", &["-8388608", "8388607"], &["8388608"]),
        case("bigint", "bigint", &["-9223372036854775808", "9223372036854775807"], &[]),
        case("bigint", "int unsigned", &["0", "4294967295"], &["4294967296", "-1"]),
        case(
            "numeric(20,0)",
            "bigint unsigned",
            &["0", "18446744073709551615"],
            &["-1", "18446744073709551616", "'NaN'"],
        ),
        case("numeric(10,2)", "decimal(10,2)", &["-99999999.99", "0.01", "0", "99999999.99", "1.5"], &["'NaN'"]),
        case(
            "numeric(65,30)",
            "decimal(65,30)",
            &["0.000000000000000000000000000001", "-12345678901234567890123456789012345.5"],
            &[],
        ),
        case(
            "real",
            "float",
            &["0.1", "16777216", "'3.4028235e38'", "'1.17549435e-38'", "-2.5", "0"],
            &["'NaN'", "'Infinity'", "'-Infinity'"],
        ),
        case(
            "double precision",
            "double",
            &["0.1", "'1.7976931348623157e308'", "'2.2250738585072014e-308'", "'5e-324'", "1e15", "123456789.125", "0"],
            &["'NaN'", "'Infinity'", "'-Infinity'"],
        ),
        case(
            "varchar(20)",
            "varchar(20) CHARACTER SET utf8mb4",
            &["''", "'it''s \\ \"x\"'", "'é😀\u{10ffff}'", "'trailing  '", "E'a\\nb\\tc'", "NULL"],
            &[],
        ),
        case("text", "longtext CHARACTER SET utf8mb4", &["''", "'\\'", "'%_'", "'😀'", "'-- /* ; */ $$'"], &[]),
        case("bytea", "longblob", &["''", "'\\x00ff275c'", "'\\x'", &megabyte, "NULL"], &[]),
        case(
            "date",
            "date",
            &["'0001-01-01'", "'2024-02-29'", "'9999-12-31'", "NULL"],
            &["'infinity'", "'-infinity'", "'0044-03-15 BC'", "'10000-01-01'"],
        ),
        case("time(6)", "time(6)", &["'00:00'", "'23:59:59.999999'", "'24:00'"], &[]),
        case("time(0)", "time", &["'12:34:56'"], &[]),
        case(
            "timestamp(6)",
            "datetime(6)",
            &[
                "'0001-01-01 00:00:00'",
                "'2024-02-29 12:34:56.789'",
                "'2024-03-31 02:30:00'",
                "'9999-12-31 23:59:59.999999'",
            ],
            &["'infinity'", "'0044-03-15 BC'", "'10000-01-01'"],
        ),
        case(
            "timestamptz(6)",
            "timestamp(6) NULL",
            &[
                "'1970-01-01 00:00:01+00'",
                "'2038-01-19 03:14:07.999999+00'",
                "'2024-03-31 02:30:00'",
                "'2024-10-27 02:30:00'",
                "'2024-10-27 02:30:00+02'",
            ],
            &["'infinity'", "'1960-01-01 00:00:00+00'"],
        ),
        case("json", "json", &["'{\"a\": 1}'", "'[1, null, \"é😀\"]'", "'null'", "NULL"], &[]),
        case("text", "enum('a','it''s','😀') CHARACTER SET utf8mb4", &["'a'", "'it''s'", "'😀'"], &["'b'"]),
        case("smallint", "year", &["1901", "2155"], &["2156"]),
    ];
    if mariadb {
        cases.push(case(
            "uuid",
            "uuid",
            &["'00000000-0000-0000-0000-000000000000'", "'ffffffff-ffff-ffff-ffff-ffffffffffff'"],
            &[],
        ));
    }
    cases
}

async fn simple(client: &Client, sql: &str) -> Result<Vec<Vec<Option<String>>>, String> {
    let answer = client.simple_query(sql).await.map_err(|e| told(&e))?;
    let rows = answer.into_iter().filter_map(|message| match message {
        SimpleQueryMessage::Row(row) => Some((0..row.len()).map(|n| row.get(n).map(ToOwned::to_owned)).collect()),
        _ => None,
    });
    Ok(rows.collect())
}

pub(super) fn told(error: &tokio_postgres::Error) -> String {
    error.as_db_error().map_or_else(|| error.to_string(), |db| format!("{} {}", db.code().code(), db.message()))
}

/// One type's values, seen by a PostgreSQL client at home and away.
async fn postgres_case(client: &Client, at: usize, case: &Case) -> Result<(), String> {
    let (home, away) = (format!("home_{at}"), format!("away_{at}"));
    let mut wrong = Vec::new();
    for (id, value) in case.values.iter().enumerate() {
        // A literal of a megabyte crosses as a parameter.
        let tables = if value.len() < 100_000 { vec![&home, &away] } else { vec![&home] };
        for table in tables {
            if let Err(error) = simple(client, &format!("INSERT INTO {table} VALUES ({id}, {value})")).await {
                wrong.push(format!("{} into {table}: {error}", value.get(..40).unwrap_or(value)));
            }
        }
    }
    for value in case.refused {
        match simple(client, &format!("INSERT INTO {away} VALUES (777, {value})")).await {
            Err(error)
                if ["22003", "22P02", "22008", "22007", "23514"].iter().any(|state| error.starts_with(state)) => {}
            other => wrong.push(format!("{value} should be refused: {other:?}")),
        }
    }
    for (id, _) in case.values.iter().enumerate().filter(|(_, value)| value.len() >= 100_000) {
        let row = client.query_one(&format!("SELECT id, v FROM {home} WHERE id = {id}"), &[]).await;
        let row = row.map_err(|e| told(&e))?;
        let insert = format!("INSERT INTO {away} VALUES ($1, $2)");
        client.execute(&insert, &[&row.get::<_, Raw>(0), &row.get::<_, Raw>(1)]).await.map_err(|e| told(&e))?;
    }
    let mut seen = Vec::new();
    for table in [&home, &away] {
        let select = format!("SELECT id, v FROM {table} WHERE id < 500 ORDER BY id");
        let statement = client.prepare(&select).await.map_err(|e| told(&e))?;
        let ty = statement.columns()[1].type_().clone();
        let rows = client.query(&statement, &[]).await.map_err(|e| told(&e))?;
        let raw: Vec<Raw> = rows.iter().map(|row| row.get(1)).collect();
        seen.push((ty, raw, simple(client, &select).await?));
    }
    let (ty, raw, text) = seen.remove(0);
    compare(&mut wrong, "type", &ty, &seen[0].0);
    compare(&mut wrong, "binary", &raw, &seen[0].1);
    compare(&mut wrong, "text", &text, &seen[0].2);
    // What came back in binary goes in again as parameters.
    let insert = client.prepare(&format!("INSERT INTO {away} VALUES ($1, $2)")).await.map_err(|e| told(&e))?;
    compare(&mut wrong, "parameter", &ty, &insert.params()[1]);
    for (id, value) in (1000_i64..).zip(&raw) {
        if let Err(error) = client.execute(&insert, &[&id, value]).await {
            wrong.push(format!("parameter {}: {}", id - 1000, told(&error)));
        }
    }
    let select = format!("SELECT v FROM {away} WHERE id >= 1000 ORDER BY id");
    let rows = client.query(&select, &[]).await.map_err(|e| told(&e))?;
    compare(&mut wrong, "binary by parameters", &raw, &rows.iter().map(|row| row.get(0)).collect());
    if wrong.is_empty() { Ok(()) } else { Err(wrong.join("; ")) }
}

/// A client, and the task that carries its messages.
pub(super) async fn postgres_client(stand: &Stand) -> (Client, JoinSet<()>) {
    let url = stand.handfast.url(Dialect::Postgres);
    let (client, connection) = tokio_postgres::connect(&url, NoTls).await.unwrap();
    let mut wire = JoinSet::new();
    wire.spawn(async move { drop(connection.await) });
    (client, wire)
}

async fn postgres_story(stand: &Stand, mariadb: bool) -> Vec<String> {
    let cases = postgres_cases(mariadb);
    tables(stand, &cases).await;
    let (client, _wire) = postgres_client(stand).await;
    client.batch_execute("SET TimeZone = 'Europe/Berlin'").await.unwrap();
    let mut wrong = Vec::new();
    for (at, case) in cases.iter().enumerate() {
        if let Err(error) = postgres_case(&client, at, case).await {
            wrong.push(format!("{} as {}: {error}", case.home, case.away));
        }
    }
    wrong
}

#[test]
fn every_types_edge_values_cross_from_postgres_to_mariadb() {
    between(Engine::Postgres, Engine::Mariadb, async |stand| postgres_story(stand, true).await);
}

#[test]
fn every_types_edge_values_cross_from_postgres_to_mysql() {
    between(Engine::Postgres, Engine::Mysql, async |stand| postgres_story(stand, false).await);
}
