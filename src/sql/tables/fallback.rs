//! Every identifier of a statement that is not understood: the router looks which of them it has a rule for.

use std::collections::HashSet;
use std::ops::Range;

use super::IDENTIFIERS_MAX;
use crate::sql::head::table_ref;
use crate::sql::lex::{Lexer, Token, TokenKind};
use crate::sql::{Reading, TableRef};

/// Each name once, with the qualifier it first had; at most [`IDENTIFIERS_MAX`].
pub(in crate::sql) fn identifiers(reading: Reading, text: &[u8], span: Range<usize>) -> Vec<TableRef> {
    let mut out = Vec::new();
    let mut seen = HashSet::new();
    let mut parts: Vec<Token> = Vec::new();
    let mut dotted = false;
    let mut flush = |parts: &mut Vec<Token>, out: &mut Vec<TableRef>| {
        // In `a.b.c` a table may be `a`, `a.b` or `b.c`.
        for end in 1..=parts.len() {
            for start in end.saturating_sub(2)..end {
                let Some(some) = parts.get(start..end) else { continue };
                let table = table_ref(text, some, reading.dialect);
                if out.len() < IDENTIFIERS_MAX && seen.insert((table.schema.clone(), table.name.clone())) {
                    out.push(table);
                }
            }
        }
        parts.clear();
    };
    for token in Lexer::within(reading, text, span.start, span.end) {
        match token.kind {
            TokenKind::Word | TokenKind::Quoted => {
                if !dotted || parts.len() >= 4 {
                    flush(&mut parts, &mut out);
                }
                parts.push(token);
                dotted = false;
            }
            TokenKind::Dot => dotted = !parts.is_empty(),
            TokenKind::Str
            | TokenKind::Number
            | TokenKind::Var
            | TokenKind::System
            | TokenKind::Param
            | TokenKind::Open
            | TokenKind::Close
            | TokenKind::Comma
            | TokenKind::Semicolon
            | TokenKind::Op => {
                flush(&mut parts, &mut out);
                dotted = false;
            }
        }
    }
    flush(&mut parts, &mut out);
    out
}
