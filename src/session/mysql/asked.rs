//! Where a text asks for what the session itself knows: of the statement before it, and its own number.

use super::text::holds;
use crate::sql::Reading;
use crate::sql::lex::{Lexer, Token, TokenKind};

/// Longer texts are not looked at for the session's own facts.
const ASKING_BYTES_MAX: usize = 16 * 1024;

/// A fact that the session knows by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fact {
    RowCount,
    FoundRows,
    Warnings,
    Errors,
    Connection,
}

/// Where a text asks for a fact.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Asked {
    pub(super) fact: Fact,
    pub(super) span: std::ops::Range<usize>,
}

/// SHOW WARNINGS, SHOW ERRORS, SHOW COUNT(*) WARNINGS, GET DIAGNOSTICS: they leave what they show.
pub(super) fn is_diagnostic(first: &[String]) -> bool {
    let mut words = first.iter().map(String::as_str);
    match (words.next(), words.next(), words.next()) {
        (Some("SHOW"), Some("WARNINGS" | "ERRORS"), _) => true,
        (Some("SHOW"), Some("COUNT(*)"), Some("WARNINGS" | "ERRORS")) => true,
        (Some("GET"), Some("DIAGNOSTICS" | "CURRENT" | "STACKED"), _) => true,
        _other => false,
    }
}

/// Whether a text could be such a question, at a glance.
pub(super) fn may_ask(text: &[u8]) -> bool {
    const WORDS: [&[u8]; 9] = [
        b"warnings",
        b"errors",
        b"row_count",
        b"found_rows",
        b"warning_count",
        b"error_count",
        b"diagnostics",
        b"connection_id",
        b"pseudo_thread_id",
    ];
    text.len() <= ASKING_BYTES_MAX && WORDS.into_iter().any(|word| holds(text, word))
}

fn fact_called(name: &[u8]) -> Option<Fact> {
    match name.to_ascii_lowercase().as_slice() {
        b"row_count" => Some(Fact::RowCount),
        b"found_rows" => Some(Fact::FoundRows),
        b"connection_id" => Some(Fact::Connection),
        _other => None,
    }
}

fn fact_named(name: &[u8]) -> Option<Fact> {
    match name.to_ascii_lowercase().as_slice() {
        b"warning_count" => Some(Fact::Warnings),
        b"error_count" => Some(Fact::Errors),
        b"pseudo_thread_id" => Some(Fact::Connection),
        _other => None,
    }
}

/// All places where a text asks for a fact.
pub(super) fn asked(text: &[u8], reading: Reading) -> Vec<Asked> {
    let tokens: Vec<Token> = Lexer::new(reading, text).collect();
    let mut found = Vec::new();
    let mut at = 0;
    while at < tokens.len() {
        match fact_at(text, &tokens, at) {
            Some((fact, used)) => {
                let span = tokens[at].start..tokens[at + used - 1].end;
                found.push(Asked { fact, span });
                at += used;
            }
            None => at += 1,
        }
    }
    found
}

/// The fact that is asked for by the tokens here, and how many they are.
fn fact_at(text: &[u8], tokens: &[Token], at: usize) -> Option<(Fact, usize)> {
    let kind = |offset: usize| tokens.get(at + offset).map(|t| t.kind);
    let bytes = |offset: usize| tokens.get(at + offset).and_then(|t| text.get(t.start..t.end)).unwrap_or_default();
    match kind(0)? {
        TokenKind::Word if kind(1) == Some(TokenKind::Open) && kind(2) == Some(TokenKind::Close) => {
            fact_called(bytes(0)).map(|fact| (fact, 3))
        }
        TokenKind::System if kind(2) == Some(TokenKind::Dot) => {
            let session = matches!(bytes(1).to_ascii_lowercase().as_slice(), b"session" | b"local");
            fact_named(bytes(3)).filter(|_| session).map(|fact| (fact, 4))
        }
        TokenKind::System => fact_named(bytes(1)).map(|fact| (fact, 2)),
        TokenKind::Word
        | TokenKind::Quoted
        | TokenKind::Str
        | TokenKind::Number
        | TokenKind::Var
        | TokenKind::Param
        | TokenKind::Open
        | TokenKind::Close
        | TokenKind::Comma
        | TokenKind::Dot
        | TokenKind::Semicolon
        | TokenKind::Op => None,
    }
}

/// The items of a `SELECT fact [[AS] name], …` that asks for nothing else: `None` in it for what the server may answer.
pub(super) fn items(text: &[u8], reading: Reading, asked: &[Asked]) -> Option<Vec<Option<Fact>>> {
    let tokens: Vec<Token> = Lexer::new(reading, text).filter(|t| t.kind != TokenKind::Semicolon).collect();
    let word = |at: usize| tokens.get(at).and_then(|t| text.get(t.start..t.end)).unwrap_or_default();
    if !word(0).eq_ignore_ascii_case(b"select") {
        return None;
    }
    let (mut at, mut items) = (1, Vec::new());
    loop {
        let (fact, used) = fact_at(text, &tokens, at)?;
        let ours = asked.iter().any(|a| a.span.start == tokens[at].start);
        items.push(ours.then_some(fact));
        at += used;
        if word(at).eq_ignore_ascii_case(b"as") {
            at += 1;
        }
        if tokens.get(at).is_some_and(|t| {
            let from = word(at).eq_ignore_ascii_case(b"from");
            matches!(t.kind, TokenKind::Word | TokenKind::Quoted | TokenKind::Str) && !from
        }) {
            at += 1;
        }
        match tokens.get(at).map(|t| t.kind) {
            None => return Some(items),
            Some(TokenKind::Comma) => at += 1,
            Some(_) => return None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::Dialect;

    #[test]
    fn only_a_select_of_facts_is_answered_in_its_row() {
        let reading = Reading::new(Dialect::Mysql);
        let told = |text: &str| items(text.as_bytes(), reading, &asked(text.as_bytes(), reading));
        assert_eq!(told("SELECT ROW_COUNT()"), Some(vec![Some(Fact::RowCount)]));
        let two = Some(vec![Some(Fact::FoundRows), Some(Fact::Warnings)]);
        assert_eq!(told("select found_rows ( ) AS `x`, @@session.warning_count y;"), two);
        for other in ["SELECT ROW_COUNT() + 1", "SELECT ROW_COUNT(), 1", "SELECT FOUND_ROWS() FROM t", "DO ROW_COUNT()"]
        {
            assert_eq!(told(other), None, "{other}");
        }
    }

    #[test]
    fn facts_are_found_where_they_stand_and_not_in_strings() {
        let reading = Reading::new(Dialect::Mysql);
        let found = asked(b"INSERT INTO t VALUES ('row_count()', ROW_COUNT(), @@error_count)", reading);
        let facts: Vec<_> = found.iter().map(|a| a.fact).collect();
        assert_eq!(facts, [Fact::RowCount, Fact::Errors]);
        assert_eq!(found[0].span, 37..48);
        assert!(asked(b"SELECT row_count FROM t", reading).is_empty());
    }
}
