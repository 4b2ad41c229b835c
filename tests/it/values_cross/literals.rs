//! No injection: what the backend stores is what the client sent, for 100,000 hostile texts in either direction.

use handfast::base::Engine;
use handfast::testbed::Direct;
use mysql_async::prelude::Queryable;

use super::between;
use super::mysql::mysql_client;
use super::postgres::{postgres_client, told};
use crate::bed::Stand;

const LITERALS: usize = 100_000;
const BATCH: usize = 1_000;

const HOSTILE: &[&str] = &[
    "'",
    "''",
    "\\",
    "\\'",
    "\\\\",
    "\"",
    "`",
    ";",
    "-- ",
    "#",
    "/*",
    "*/",
    "$$",
    "$x$",
    "$1",
    "?",
    "@",
    "%",
    "_",
    "\n",
    "\r",
    "\t",
    "\u{1a}",
    "\u{8}",
    "\u{7f}",
    "E'",
    "X'",
    "U&'",
    "_utf8mb4 X'",
    "' OR 1=1 --",
    "'; DROP TABLE away_text; --",
    "\u{a5}",
    "\u{20a9}",
    "\u{bf}'",
    "é",
    "ÿ",
    "😀",
    "\u{ffff}",
    "\u{feff}",
    "\u{85}",
    "a",
    "Z",
    "0",
    " ",
    "NULL",
    "{",
    "}",
    "\\x41",
    "\\0",
];

/// A text of pieces that have broken quoting somewhere; the same for the same number.
fn hostile(number: usize) -> String {
    let mut state = number as u64 ^ 0x9e37_79b9_7f4a_7c15;
    let mut next = |bound: usize| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(state >> 33).unwrap() % bound
    };
    let pieces = next(7);
    let mut out = String::new();
    for _ in 0..pieces {
        match next(6) {
            0 => out.push(char::from_u32(u32::try_from(next(0xd7ff)).unwrap() + 1).unwrap()),
            1 => out.push(char::from(u8::try_from(next(127)).unwrap() + 1)),
            _ => out.push_str(HOSTILE[next(HOSTILE.len())]),
        }
    }
    out
}

/// What is stored must be what was sent, octet by octet.
async fn assert_stored(stand: &Stand, hex: &str) -> Vec<String> {
    let mut delivery = Direct::connect(&stand.shop.delivery.url()).await.unwrap();
    let rows = delivery.run(&format!("SELECT id, {hex} FROM away_text ORDER BY id")).await.unwrap().rows;
    delivery.close().await;
    let mut wrong = Vec::new();
    if rows.len() != LITERALS {
        wrong.push(format!("{} rows", rows.len()));
    }
    for row in rows {
        let (id, stored) = (row[0].as_deref().unwrap(), row[1].as_deref().unwrap().to_ascii_lowercase());
        let text = hostile(id.parse().unwrap());
        let sent: String = text.bytes().map(|b| format!("{b:02x}")).collect();
        if sent != stored {
            wrong.push(format!("{text:?} is stored as {stored}"));
        }
    }
    wrong.truncate(20);
    wrong
}

async fn literals_from_postgres(stand: &Stand) -> Vec<String> {
    let create = "CREATE TABLE away_text (id bigint PRIMARY KEY, v longtext CHARACTER SET utf8mb4)";
    stand.on_delivery(create).await;
    let (client, _wire) = postgres_client(stand).await;
    for from in (0..LITERALS).step_by(BATCH) {
        let literal = |number: usize| {
            let text = hostile(number);
            // Every form that PostgreSQL has.
            match number % 3 {
                0 => format!("E'{}'", text.replace('\\', "\\\\").replace('\'', "\\'")),
                1 if !text.contains('$') => format!("$q${text}$q$"),
                _ => format!("'{}'", text.replace('\'', "''")),
            }
        };
        let rows: Vec<_> = (from..from + BATCH).map(|n| format!("({n}, {})", literal(n))).collect();
        let insert = format!("INSERT INTO away_text VALUES {}", rows.join(", "));
        if let Err(error) = client.batch_execute(&insert).await {
            return vec![format!("batch from {from}: {}", told(&error))];
        }
    }
    assert_stored(stand, "HEX(v)").await
}

async fn literals_from_mysql(stand: &Stand) -> Vec<String> {
    stand.on_delivery("CREATE TABLE away_text (id bigint PRIMARY KEY, v text)").await;
    stand.on_delivery("GRANT ALL ON away_text TO PUBLIC").await;
    let mut client = mysql_client(stand).await;
    for from in (0..LITERALS).step_by(BATCH) {
        let literal = |number: usize| {
            let text = hostile(number).replace('\\', "\\\\");
            match number % 3 {
                0 => format!("'{}'", text.replace('\'', "\\'")),
                1 => format!("\"{}\"", text.replace('"', "\"\"")),
                _ => format!("'{}'", text.replace('\'', "''")),
            }
        };
        let rows: Vec<_> = (from..from + BATCH).map(|n| format!("({n}, {})", literal(n))).collect();
        let insert = format!("INSERT INTO away_text VALUES {}", rows.join(", "));
        if let Err(error) = client.query_drop(insert).await {
            return vec![format!("batch from {from}: {error}")];
        }
    }
    assert_stored(stand, "encode(convert_to(v, 'UTF8'), 'hex')").await
}

#[test]
fn what_mariadb_stores_is_what_a_postgres_client_sent() {
    between(Engine::Postgres, Engine::Mariadb, literals_from_postgres);
}

#[test]
fn what_mysql_stores_is_what_a_postgres_client_sent() {
    between(Engine::Postgres, Engine::Mysql, literals_from_postgres);
}

#[test]
fn what_postgres_stores_is_what_a_mysql_client_sent() {
    between(Engine::Mariadb, Engine::Postgres, literals_from_mysql);
}
