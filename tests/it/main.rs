//! End to end: real databases, a real Handfast process, real kills. Each module is one promise.

#![allow(
    clippy::too_many_lines,
    clippy::unwrap_used,
    clippy::wildcard_enum_match_arm,
    missing_docs,
    unreachable_pub,
    reason = "a test's helper fails by panicking, and is no API; tables of cases are long"
)]

mod annexes;
mod bad_input;
mod bed;
mod by_hand;
mod certs;
mod chaos;
mod check_finds;
mod clients;
mod clients_table;
mod command_line;
mod commit_is_atomic;
mod console;
mod contrary;
mod crash_is_recovered;
mod drivers;
mod fake_pg;
mod first_minutes;
mod four_views;
mod hands;
mod holes;
mod house_tells;
mod http;
mod load;
mod mixed_mysql;
mod mixed_pg;
mod mixed_with_sqlx;
mod mysql_bad_input;
mod mysql_is_the_same;
mod mysql_login;
mod openapi;
mod operator;
mod pg_frames;
mod pg_login;
mod pooling_mysql;
mod pooling_pg;
mod postgres_is_the_same;
mod raw_pg;
mod recovery_is_patient;
mod reload;
mod serving;
mod stand_ins;
mod statements;
mod stored_verifier;
mod tls;
mod tools;
mod traces;
mod translation_is_faithful;
mod users;
mod values_cross;
mod wire;
