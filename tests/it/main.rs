//! End to end: real databases, a real Handfast process, real kills. Each module is one promise.

#![allow(
    clippy::unwrap_used,
    missing_docs,
    unreachable_pub,
    reason = "a test's helper fails by panicking, and is no API"
)]

mod bed;
mod chaos;
mod clients;
mod commit_is_atomic;
mod crash_is_recovered;
mod drivers;
mod holes;
mod mysql_is_the_same;
mod recovery_is_patient;
mod wire;
