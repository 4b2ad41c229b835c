//! What a statement leaves behind in its server's session, as its text tells: what a connection must stay for.

use super::text::{holds, into_variable, user_variables, words};
use crate::sql::lex::{Lexer, Token, TokenKind};
use crate::sql::{Kind, Reading, Statement};

/// What a statement leaves behind.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Leavings {
    /// Something that no other connection can be given, until the session ends or is reset.
    pub(super) stays: bool,
    /// Something for the next statement only.
    pub(super) until_next: bool,
    /// GET_LOCK and its kin, in order.
    pub(super) locks: Vec<Lock>,
    /// User variables (`` @`name` ``) and settings (`@@session.name`) that it may have given values, which are to be read.
    pub(super) values: Vec<String>,
    /// LAST_INSERT_ID() may be another now, whatever the answer says.
    pub(super) key: bool,
}

/// A call about a named lock; without a name where the text does not say it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Lock {
    Get(Option<Vec<u8>>),
    Release(Option<Vec<u8>>),
    ReleaseAll,
}

/// Statements that our classifier has no kind for and that leave nothing.
const HARMLESS: &[&str] = &[
    "KILL", "HELP", "SIGNAL", "RESIGNAL", "GET", "PURGE", "BINLOG", "SHUTDOWN", "RESTART", "SHOW", "EXPLAIN", "DESC",
    "DESCRIBE", "CHECKSUM",
];

/// How statements begin that run others, which may leave anything.
const COMPOUND: &[&str] =
    &["BEGIN", "IF", "CASE", "LOOP", "WHILE", "REPEAT", "FOR", "DECLARE", "CALL", "EXECUTE", "HANDLER", "XA"];

/// A statement that may have given more variables values is not looked at further.
const VARIABLES_MAX: usize = 50;

/// What this statement leaves. `statement` is `None` for several plain ones in one text; `unreadable`: the server could
/// not read it.
pub(super) fn leavings(text: &[u8], statement: Option<&Statement>, reading: Reading, unreadable: bool) -> Leavings {
    let mut out = Leavings::default();
    if holds(text, b"_lock") {
        out.locks = locks(text, reading);
    }
    let first = words(text, 1).pop().unwrap_or_default();
    let first = first.split('(').next().unwrap_or_default();
    let calls = first == "CALL" || first == "EXECUTE";
    if text.contains(&b'@') && (calls || first == "GET" || into_variable(text) || holds(text, b":=")) {
        out.values = user_variables(text).into_iter().map(|name| format!("@`{name}`")).collect();
        out.stays = out.values.len() > VARIABLES_MAX || [&b"@`"[..], b"@'", b"@\""].iter().any(|q| holds(text, q));
    }
    out.key = calls || holds(text, b"last_insert_id") || holds(text, b"@@identity");
    let Some(statement) = statement else { return out };
    match &statement.kind {
        // Procedures may leave anything; so may texts that we do not see.
        Kind::Write => out.stays |= calls || first == "CREATE",
        Kind::Ddl | Kind::OutsideTransaction => {
            let temporary = statement.leaves_state && words(text, 4).iter().any(|w| w.starts_with("TEMPORARY"));
            out.stays |= temporary || matches!(first, "LOCK" | "BACKUP");
        }
        Kind::Other => out.stays |= !HARMLESS.contains(&first) && (!unreadable || COMPOUND.contains(&first)),
        Kind::TwoPhase(_) => out.stays = true,
        // Without a transaction, a savepoint is for the one that the next statement begins.
        Kind::SetTransaction(_) | Kind::Savepoint(_) => out.until_next = true,
        Kind::Query
        | Kind::Begin(_)
        | Kind::Commit(_)
        | Kind::Rollback(_)
        | Kind::RollbackTo(_)
        | Kind::Release(_)
        | Kind::SetSessionCharacteristics(_)
        | Kind::SetAutocommit(_)
        | Kind::Set { .. }
        | Kind::Show
        | Kind::Use(_)
        | Kind::CopyIn
        | Kind::CopyOut
        | Kind::Prepare(_)
        | Kind::Execute(_)
        | Kind::Deallocate(_)
        | Kind::Declare(_)
        | Kind::Cursor(_)
        | Kind::Notify
        | Kind::Discard(_)
        | Kind::LockTables
        | Kind::UnlockTables
        | Kind::LoadLocal => {}
    }
    out
}

/// FLUSH TABLES … WITH READ LOCK and FOR EXPORT: locks that UNLOCK TABLES ends and BEGIN does not.
pub(super) fn locks_by_flush(text: &[u8], statement: &Statement) -> bool {
    statement.kind == Kind::Ddl && statement.leaves_state && words(text, 1).first().is_some_and(|w| w == "FLUSH")
}

fn bytes<'a>(text: &'a [u8], token: &Token) -> &'a [u8] {
    text.get(token.start..token.end).unwrap_or_default()
}

fn locks(text: &[u8], reading: Reading) -> Vec<Lock> {
    let tokens: Vec<Token> = Lexer::new(reading, text).collect();
    let mut found = Vec::new();
    for (at, token) in tokens.iter().enumerate().filter(|(_, t)| matches!(t.kind, TokenKind::Word | TokenKind::Quoted))
    {
        if tokens.get(at + 1).is_none_or(|t| t.kind != TokenKind::Open) {
            continue;
        }
        let named = || {
            let literal = tokens.get(at + 2).filter(|t| t.kind == TokenKind::Str)?;
            let alone = tokens.get(at + 3).is_some_and(|t| matches!(t.kind, TokenKind::Comma | TokenKind::Close));
            alone.then(|| bytes(text, literal).to_ascii_lowercase())
        };
        match bytes(text, token).to_ascii_lowercase().as_slice() {
            b"get_lock" => found.push(Lock::Get(named())),
            b"release_lock" => found.push(Lock::Release(named())),
            b"release_all_locks" => found.push(Lock::ReleaseAll),
            _other => {}
        }
    }
    found
}

/// One assignment of a SET.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Assignment {
    /// `@name` or `@@session.name`, lower case; `None` if it cannot be told or be read back.
    pub(super) name: Option<String>,
    /// Running it again elsewhere gives the same value.
    pub(super) repeats: bool,
    /// It is the server's own value.
    pub(super) global: bool,
}

/// Words that are values of their own moment.
const MOMENTS: &[&[u8]] = &[
    b"current_timestamp",
    b"current_date",
    b"current_time",
    b"localtime",
    b"localtimestamp",
    b"utc_date",
    b"utc_time",
    b"utc_timestamp",
    b"current_user",
    b"current_role",
];

/// The assignments of a SET, in order.
pub(super) fn assignments(text: &[u8], reading: Reading) -> Vec<Assignment> {
    let tokens: Vec<Token> = Lexer::new(reading, text).collect();
    let mut all = Vec::new();
    let (mut depth, mut from) = (0_usize, 1);
    for at in 1..=tokens.len() {
        match tokens.get(at).map(|t| t.kind) {
            Some(TokenKind::Open) => depth += 1,
            Some(TokenKind::Close) => depth = depth.saturating_sub(1),
            None | Some(TokenKind::Semicolon) => {
                all.extend(tokens.get(from..at).and_then(|tokens| assignment(text, tokens)));
                break;
            }
            Some(TokenKind::Comma) if depth == 0 => {
                all.extend(tokens.get(from..at).and_then(|tokens| assignment(text, tokens)));
                from = at + 1;
            }
            Some(_) => {}
        }
    }
    // A text that also sets a global value is not run again.
    let global = all.iter().any(|a| a.global);
    all.iter_mut().for_each(|a| a.repeats &= !global || a.name.is_none());
    all
}

fn assignment(text: &[u8], tokens: &[Token]) -> Option<Assignment> {
    let first = tokens.first()?;
    let equals = tokens.iter().position(|t| bytes(text, t) == b"=");
    let Some(equals) = equals else {
        // NAMES, CHARACTER SET, ROLE, TRANSACTION: their values are literals.
        return Some(Assignment { name: None, repeats: repeats(text, tokens), global: false });
    };
    let value = tokens.get(equals + 1..).unwrap_or_default();
    let mut global = false;
    let name = if first.kind == TokenKind::Var {
        let said = bytes(text, first).get(1..).unwrap_or_default();
        let plain = user_variables(bytes(text, first)).pop().filter(|name| name.len() == said.len());
        plain.map(|name| format!("@`{name}`"))
    } else {
        let words = tokens.get(..equals).unwrap_or_default().iter();
        let words = words.filter(|t| matches!(t.kind, TokenKind::Word | TokenKind::Quoted));
        let words: Vec<_> = words.map(|t| String::from_utf8_lossy(bytes(text, t)).to_lowercase()).collect();
        global = words.iter().any(|w| matches!(w.as_str(), "global" | "persist" | "persist_only"));
        words.last().filter(|_| !global).map(|name| format!("@@session.{}", name.trim_matches('`')))
    };
    // A variable's value is read back unless it stands in the text: what it was computed from may change.
    Some(Assignment { name, repeats: global || repeats(text, value), global })
}

fn repeats(text: &[u8], value: &[Token]) -> bool {
    value.iter().all(|token| match token.kind {
        TokenKind::Str | TokenKind::Number | TokenKind::Quoted | TokenKind::Op | TokenKind::Comma => true,
        TokenKind::Word => !MOMENTS.contains(&bytes(text, token).to_ascii_lowercase().as_slice()),
        TokenKind::Var
        | TokenKind::System
        | TokenKind::Param
        | TokenKind::Open
        | TokenKind::Close
        | TokenKind::Dot
        | TokenKind::Semicolon => false,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::Dialect;

    fn assigned(text: &str) -> Vec<(Option<String>, bool)> {
        let all = assignments(text.as_bytes(), Reading::new(Dialect::Mysql));
        all.into_iter().map(|a| (a.name, a.repeats)).collect()
    }

    #[test]
    fn assignments_that_cannot_be_repeated_are_told_from_those_that_can() {
        let told = |name: &str, repeats| (Some(name.to_owned()), repeats);
        assert_eq!(assigned("SET @a = 5, sql_mode='x,y'"), [told("@`a`", true), told("@@session.sql_mode", true)]);
        assert_eq!(assigned("SET @A := NOW()"), [told("@`a`", false)]);
        assert_eq!(assigned("set @@session.sql_mode = CONCAT(@@sql_mode, ',a'), @b = -1.5e0;").len(), 2);
        assert_eq!(assigned("SET @a = @b + 1, @c = CURRENT_DATE"), [told("@`a`", false), told("@`c`", false)]);
        assert_eq!(assigned("SET NAMES utf8mb4 COLLATE utf8mb4_bin"), [(None, true)]);
        assert_eq!(assigned("SET GLOBAL x = 1"), [(None, true)]);
        assert_eq!(assigned("SET GLOBAL x = 1, SESSION y = 2"), [(None, true), told("@@session.y", false)]);
        assert_eq!(assigned("SET"), []);
    }

    #[test]
    fn named_locks_are_counted_by_their_names() {
        let reading = Reading::new(Dialect::Mysql);
        let name = |n: &str| Some(n.as_bytes().to_vec());
        assert_eq!(
            locks(b"SELECT GET_LOCK('A', 1), release_lock ('b')", reading),
            [Lock::Get(name("'a'")), Lock::Release(name("'b'"))]
        );
        assert_eq!(
            locks(b"DO GET_LOCK(?, 1), RELEASE_ALL_LOCKS(), 'get_lock('", reading),
            [Lock::Get(None), Lock::ReleaseAll]
        );
        assert!(locks(b"SELECT IS_FREE_LOCK('a')", reading).is_empty());
    }

    #[test]
    fn what_runs_other_statements_may_leave_anything() {
        let reading = Reading::new(Dialect::Mysql);
        let of = |text: &str, unreadable| {
            let analysis = crate::sql::analyze(reading, text.as_bytes());
            leavings(text.as_bytes(), analysis.statements.first(), reading, unreadable)
        };
        for text in [
            "CALL p(1)",
            "CREATE TEMPORARY TABLE t (a int)",
            "CREATE OR REPLACE TEMPORARY TABLE t (a int)",
            "HANDLER t OPEN",
            "IF 1 THEN SELECT 1; END IF",
            "XA START 'x'",
            "EXECUTE IMMEDIATE 'x'",
            "BACKUP STAGE START",
            "LOCK INSTANCE FOR BACKUP",
        ] {
            assert!(of(text, false).stays, "{text}");
        }
        for text in
            ["SELECT 1", "UPDATE t SET a = 1", "CREATE TABLE t (a int)", "SHOW TABLES", "KILL 5", "FLUSH STATUS"]
        {
            assert!(!of(text, false).stays, "{text}");
        }
        assert!(!of("SELEC 1", true).stays);
        assert_eq!(of("SELECT 1 INTO @A", false).values, ["@`a`"]);
        assert!(of("SELECT 'a@b'", false).values.is_empty());
        assert!(of("INSERT INTO t VALUES (LAST_INSERT_ID())", false).key);
    }
}
