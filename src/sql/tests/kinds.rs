//! What kind a statement is, in every spelling.

use super::names::only;
use crate::base::Dialect::{self, Mysql, Postgres};
use crate::sql::{Characteristics, EndOptions, Isolation, Kind, Reading, SetScope, analyze};

fn kind(dialect: Dialect, text: &str) -> Kind {
    only(dialect, text).kind
}

fn set(names: &[&str]) -> Kind {
    Kind::Set { scope: SetScope::Session, names: names.iter().map(|n| (*n).into()).collect(), autocommit: None }
}

#[test]
fn transactions_begin_and_end_in_every_spelling() {
    let serializable = Characteristics { isolation: Some(Isolation::Serializable), ..Characteristics::default() };
    for text in ["BEGIN ISOLATION LEVEL SERIALIZABLE", "start transaction isolation level serializable"] {
        assert_eq!(kind(Postgres, text), Kind::Begin(serializable), "{text}");
    }
    let all = Characteristics { read_only: Some(true), deferrable: Some(true), ..serializable };
    for modes in
        ["ISOLATION LEVEL SERIALIZABLE, READ ONLY, DEFERRABLE", "ISOLATION LEVEL SERIALIZABLE READ ONLY DEFERRABLE"]
    {
        assert_eq!(kind(Postgres, &format!("BEGIN WORK {modes}")), Kind::Begin(all));
        assert_eq!(kind(Postgres, &format!("SET TRANSACTION {modes}")), Kind::SetTransaction(all));
        assert_eq!(
            kind(Postgres, &format!("SET SESSION CHARACTERISTICS AS TRANSACTION {modes}")),
            Kind::SetSessionCharacteristics(all)
        );
    }
    let snapshot = Characteristics { consistent_snapshot: true, read_only: Some(true), ..Characteristics::default() };
    assert_eq!(kind(Mysql, "START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY"), Kind::Begin(snapshot));
    for text in ["COMMIT", "COMMIT WORK", "END", "END TRANSACTION", "COMMIT AND NO CHAIN", "/* x */ commit -- y"] {
        assert_eq!(kind(Postgres, text), Kind::Commit(EndOptions::default()), "{text}");
    }
    assert_eq!(
        kind(Mysql, "COMMIT WORK AND CHAIN NO RELEASE"),
        Kind::Commit(EndOptions { chain: true, release: false })
    );
    assert_eq!(kind(Mysql, "ROLLBACK RELEASE"), Kind::Rollback(EndOptions { chain: false, release: true }));
    assert_eq!(kind(Postgres, "ABORT WORK"), Kind::Rollback(EndOptions::default()));
    assert_eq!(kind(Postgres, "ROLLBACK WORK TO SAVEPOINT \"A\""), Kind::RollbackTo("A".into()));
    assert_eq!(kind(Mysql, "ROLLBACK TO A"), Kind::RollbackTo("a".into()));
    assert_eq!(kind(Postgres, "RELEASE A"), Kind::Release("a".into()));
    assert_eq!(kind(Mysql, "/*!50000 COMMIT */"), Kind::Commit(EndOptions::default()));
}

#[test]
fn what_is_almost_a_commit_is_none() {
    for text in ["COMMIT x", "COMMIT AND", "BEGIN x", "ROLLBACK TO", "SAVEPOINT", "COMMIT 1"] {
        assert_eq!(kind(Postgres, text), Kind::Other, "{text}");
        assert_eq!(kind(Mysql, text), Kind::Other, "{text}");
    }
    assert_eq!(kind(Mysql, "END"), Kind::Other);
    assert_eq!(kind(Mysql, "BEGIN NOT ATOMIC COMMIT; END"), Kind::Write);
}

#[test]
fn autocommit_is_seen_in_every_spelling() {
    for text in [
        "SET autocommit=0",
        "set AUTOCOMMIT = OFF",
        "SET @@autocommit := 0",
        "SET @@session.autocommit = false",
        "SET SESSION autocommit = 'OFF'",
        "SET LOCAL autocommit = 0",
        "SET @@local.autocommit=0",
        "SET `autocommit` = 0",
        "/*!40101 SET autocommit=0 */",
    ] {
        assert_eq!(kind(Mysql, text), Kind::SetAutocommit(false), "{text}");
    }
    for text in ["SET autocommit=1", "SET autocommit = DEFAULT", "SET autocommit = TRUE"] {
        assert_eq!(kind(Mysql, text), Kind::SetAutocommit(true), "{text}");
    }
    for text in ["SET sql_mode='', autocommit=0", "SET @a=1, @@session.autocommit=off, @b=2"] {
        assert!(matches!(kind(Mysql, text), Kind::Set { autocommit: Some(false), .. }), "{text}");
    }
    for text in ["SET GLOBAL autocommit=0", "SET @@global.autocommit=0", "SET @autocommit=0", "SET autocommit=@x"] {
        assert!(matches!(kind(Mysql, text), Kind::Set { autocommit: None, .. }), "{text}");
    }
}

#[test]
fn isolation_is_seen_as_statement_and_as_variable() {
    let level = Characteristics { isolation: Some(Isolation::ReadCommitted), ..Characteristics::default() };
    for text in [
        "SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED",
        "SET tx_isolation = 'READ-COMMITTED'",
        "SET @@session.transaction_isolation = 'read-committed'",
        "SET SESSION transaction_isolation = `READ-COMMITTED`",
    ] {
        assert_eq!(kind(Mysql, text), Kind::SetSessionCharacteristics(level), "{text}");
    }
    for text in ["SET TRANSACTION ISOLATION LEVEL READ COMMITTED", "SET @@transaction_isolation = 'READ-COMMITTED'"] {
        assert_eq!(kind(Mysql, text), Kind::SetTransaction(level), "{text}");
    }
    assert_eq!(kind(Postgres, "SET transaction_isolation TO 'read committed'"), Kind::SetTransaction(level));
    assert_eq!(
        kind(Postgres, "SET default_transaction_isolation = 'read committed'"),
        Kind::SetSessionCharacteristics(level)
    );
}

#[test]
fn settings_have_names() {
    for (text, names) in [
        ("SET TIME ZONE 'UTC'", "timezone"),
        ("SET SESSION AUTHORIZATION x", "session_authorization"),
        ("SET a.b = 1", "a.b"),
        ("SET search_path TO a, b", "search_path"),
        ("SET NAMES 'utf8'", "client_encoding"),
        ("RESET ALL", "all"),
        ("RESET a.B", "a.b"),
        ("SELECT set_config('A', 'b', false)", "a"),
        ("SET role = x", "role"),
    ] {
        assert_eq!(kind(Postgres, text), set(&[names]), "{text}");
    }
    assert_eq!(kind(Postgres, "SELECT set_config($1, $2, false)"), set(&[]));
    assert!(only(Postgres, "SELECT set_config($1, $2, false)").leaves_state);
    let local = only(Postgres, "SELECT set_config('app.tenant', $1, true)");
    assert!(!local.leaves_state, "it ends with the transaction");
    assert!(matches!(local.kind, Kind::Set { scope: SetScope::Local, .. }));
    assert!(only(Postgres, "INSERT INTO a VALUES (currval('b_id_seq'))").asks_sequence);
    assert!(!only(Postgres, "SELECT nextval('b_id_seq')").asks_sequence);
    assert!(matches!(kind(Postgres, "SET LOCAL a = 1"), Kind::Set { scope: SetScope::Local, .. }));
    assert!(matches!(kind(Mysql, "SET GLOBAL a = 1, b = 2"), Kind::Set { scope: SetScope::Global, .. }));
    assert_eq!(kind(Mysql, "SET NAMES utf8mb4 COLLATE x, time_zone = '+00:00'"), set(&["names", "time_zone"]));
    assert_eq!(kind(Mysql, "SET @x = 1"), set(&[]));
}

#[test]
fn commands_are_told_apart() {
    for (text, expected) in [
        ("PREPARE TRANSACTION 'x'", Kind::TwoPhase(Some("x".into()))),
        ("ROLLBACK PREPARED 'x'", Kind::TwoPhase(Some("x".into()))),
        ("PREPARE P AS SELECT 1", Kind::Prepare("p".into())),
        ("EXECUTE p (1)", Kind::Execute("p".into())),
        ("DEALLOCATE PREPARE ALL", Kind::Deallocate(None)),
        ("MOVE FORWARD 10 IN c", Kind::Cursor(Some("c".into()))),
        ("CLOSE c", Kind::Cursor(Some("c".into()))),
        ("COPY a TO STDOUT", Kind::CopyOut),
        ("COPY a FROM '/x'", Kind::Write),
        ("DISCARD TEMP", Kind::Discard(false)),
        ("LOCK a", Kind::Write),
        ("CREATE DATABASE a", Kind::OutsideTransaction),
        ("DROP INDEX CONCURRENTLY a", Kind::OutsideTransaction),
        ("REINDEX (CONCURRENTLY) TABLE a", Kind::OutsideTransaction),
        ("ALTER SYSTEM SET a = 1", Kind::OutsideTransaction),
        ("CREATE TABLESPACE a LOCATION 'b'", Kind::OutsideTransaction),
        ("REINDEX TABLE a", Kind::Ddl),
        ("EXPLAIN ANALYZE UPDATE a SET b = 1", Kind::Write),
        ("EXPLAIN UPDATE a SET b = 1", Kind::Query),
    ] {
        assert_eq!(kind(Postgres, text), expected, "{text}");
    }
    for (text, expected) in [
        ("XA PREPARE 'x'", Kind::TwoPhase(Some("x".into()))),
        ("PREPARE p FROM @x", Kind::Prepare("p".into())),
        ("DROP PREPARE p", Kind::Deallocate(Some("p".into()))),
        ("CREATE TEMPORARY TABLE a (b int)", Kind::Write),
        ("DROP TEMPORARY TABLE a", Kind::Write),
        ("CREATE TABLE a (b int)", Kind::Ddl),
        ("TRUNCATE a", Kind::Ddl),
        ("FLUSH TABLES", Kind::Ddl),
        ("GRANT ALL ON *.* TO 'x'@'y'", Kind::Ddl),
        ("CREATE USER 'x'@'y'", Kind::Ddl),
        ("ANALYZE TABLE a", Kind::Ddl),
        ("ANALYZE SELECT 1", Kind::Query),
        ("LOAD DATA INFILE 'x' INTO TABLE a", Kind::Write),
        ("UNLOCK TABLES", Kind::UnlockTables),
    ] {
        assert_eq!(kind(Mysql, text), expected, "{text}");
    }
}

#[test]
fn a_multi_statement_text_has_a_kind_for_each() {
    let all = analyze(Reading::new(Postgres), b"BEGIN; SELECT 1; COMMIT;").statements;
    let kinds: Vec<_> = all.into_iter().map(|s| s.kind).collect();
    let begin = Kind::Begin(Characteristics::default());
    assert_eq!(kinds, [begin, Kind::Query, Kind::Commit(EndOptions::default())]);
}
