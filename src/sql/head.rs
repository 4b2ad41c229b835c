//! The first tokens of one statement with a cursor over them: what the classifiers read.

use std::borrow::Cow;

use super::lex::{Token, TokenKind};
use super::{Alias, Reading, TableRef};
use crate::base::Dialect;

/// Tokens of a statement that are kept for classifying; all statements that need more are DML, whose first few suffice.
pub(super) const HEAD_TOKENS_MAX: usize = 4096;

/// A cursor over a statement's first tokens.
#[derive(Clone, Copy, Debug)]
pub(super) struct Head<'a> {
    pub(super) text: &'a [u8],
    pub(super) tokens: &'a [Token],
    pub(super) at: usize,
    pub(super) reading: Reading,
    /// The statement has more tokens than these.
    pub(super) cut: bool,
}

impl<'a> Head<'a> {
    pub(super) fn mysql(&self) -> bool {
        self.reading.dialect == Dialect::Mysql
    }

    pub(super) fn peek(&self, offset: usize) -> Option<Token> {
        self.tokens.get(self.at + offset).copied()
    }

    pub(super) fn kind(&self, offset: usize) -> Option<TokenKind> {
        self.peek(offset).map(|t| t.kind)
    }

    pub(super) fn bytes(&self, token: Token) -> &'a [u8] {
        self.text.get(token.start..token.end).unwrap_or_default()
    }

    /// Whether the token `offset` further is this keyword.
    pub(super) fn is_at(&self, offset: usize, word: &str) -> bool {
        self.peek(offset)
            .is_some_and(|t| t.kind == TokenKind::Word && self.bytes(t).eq_ignore_ascii_case(word.as_bytes()))
    }

    pub(super) fn is(&self, word: &str) -> bool {
        self.is_at(0, word)
    }

    /// The keywords in this order.
    pub(super) fn are(&self, words: &[&str]) -> bool {
        words.iter().enumerate().all(|(n, w)| self.is_at(n, w))
    }

    /// Steps over the keyword if it stands here.
    pub(super) fn take(&mut self, word: &str) -> bool {
        let here = self.is(word);
        self.at += usize::from(here);
        here
    }

    pub(super) fn take_all(&mut self, words: &[&str]) -> bool {
        let here = self.are(words);
        if here {
            self.at += words.len();
        }
        here
    }

    /// Steps over one of these, and says which.
    pub(super) fn take_any<'w>(&mut self, words: &[&'w str]) -> Option<&'w str> {
        let word = words.iter().copied().find(|w| self.is(w))?;
        self.at += 1;
        Some(word)
    }

    /// Steps over any run of these.
    pub(super) fn skip_any(&mut self, words: &[&str]) {
        while self.take_any(words).is_some() {}
    }

    pub(super) fn take_kind(&mut self, kind: TokenKind) -> bool {
        let here = self.kind(0) == Some(kind);
        self.at += usize::from(here);
        here
    }

    pub(super) fn is_op(&self, offset: usize, op: u8) -> bool {
        self.peek(offset).is_some_and(|t| t.kind == TokenKind::Op && self.bytes(t) == [op])
    }

    pub(super) fn take_op(&mut self, op: u8) -> bool {
        let here = self.is_op(0, op);
        self.at += usize::from(here);
        here
    }

    /// Nothing is left but a closing `;`.
    pub(super) fn done(&self) -> bool {
        !self.cut && self.at >= self.tokens.len()
    }

    /// Stands behind the next keyword of this name outside of parentheses; `false`, and nothing moves, without one.
    pub(super) fn seek(&mut self, words: &[&str]) -> bool {
        let mut look = *self;
        let mut depth = 0_usize;
        while let Some(token) = look.peek(0) {
            match token.kind {
                TokenKind::Open => depth += 1,
                TokenKind::Close => depth = depth.saturating_sub(1),
                other if other == TokenKind::Word && depth == 0 && look.take_any(words).is_some() => {
                    self.at = look.at;
                    return true;
                }
                TokenKind::Word
                | TokenKind::Quoted
                | TokenKind::Str
                | TokenKind::Number
                | TokenKind::Var
                | TokenKind::System
                | TokenKind::Param
                | TokenKind::Comma
                | TokenKind::Dot
                | TokenKind::Semicolon
                | TokenKind::Op => {}
            }
            look.at += 1;
        }
        false
    }

    /// Steps over a balanced pair of parentheses if one opens here.
    pub(super) fn skip_parens(&mut self) {
        if self.kind(0) != Some(TokenKind::Open) {
            return;
        }
        let mut depth = 0_usize;
        while let Some(kind) = self.kind(0) {
            self.at += 1;
            if kind == TokenKind::Open {
                depth += 1;
            } else if kind == TokenKind::Close {
                depth = depth.saturating_sub(1);
            }
            if depth == 0 {
                return;
            }
        }
    }

    /// A name, folded.
    pub(super) fn name(&mut self) -> Option<String> {
        let token = self.peek(0).filter(|t| matches!(t.kind, TokenKind::Word | TokenKind::Quoted))?;
        self.at += 1;
        Some(fold(self.text, token, self.reading.dialect))
    }

    /// A string literal's contents, if they hold no escapes.
    pub(super) fn literal(&mut self) -> Option<String> {
        let token = self.peek(0).filter(|t| t.kind == TokenKind::Str)?;
        self.at += 1;
        plain_literal(self.bytes(token)).map(|b| String::from_utf8_lossy(b).into_owned())
    }

    /// A table's name with its qualifiers; steps over `ONLY` and a trailing `*` (PostgreSQL).
    pub(super) fn table(&mut self) -> Option<TableRef> {
        let only = !self.mysql() && self.take("ONLY");
        let wrapped = only && self.take_kind(TokenKind::Open);
        let table = self.plain_table()?;
        if wrapped {
            self.take_kind(TokenKind::Close);
        }
        if !self.mysql() {
            self.take_op(b'*');
        }
        Some(table)
    }

    fn plain_table(&mut self) -> Option<TableRef> {
        let is_name = |k: Option<TokenKind>| matches!(k, Some(TokenKind::Word | TokenKind::Quoted));
        let mut parts = [self.peek(0).filter(|t| is_name(Some(t.kind)))?; 3];
        let mut count = 1;
        self.at += 1;
        while count < 3 && self.kind(0) == Some(TokenKind::Dot) && is_name(self.kind(1)) {
            if let (Some(part), Some(slot)) = (self.peek(1), parts.get_mut(count)) {
                *slot = part;
            }
            count += 1;
            self.at += 2;
        }
        Some(table_ref(self.text, parts.get(..count)?, self.reading.dialect))
    }

    /// Tables with commas between.
    pub(super) fn table_list(&mut self, into: &mut Vec<TableRef>) {
        while let Some(table) = self.table() {
            into.push(table);
            if !self.take_kind(TokenKind::Comma) {
                return;
            }
        }
    }

    /// Where the next token starts.
    pub(super) fn offset(&self) -> Option<usize> {
        self.peek(0).map(|t| t.start)
    }
}

/// The inside of `'…'` when it stands for itself, byte by byte.
pub(super) fn plain_literal(bytes: &[u8]) -> Option<&[u8]> {
    let inner = bytes.strip_prefix(b"'").and_then(|b| b.strip_suffix(b"'"));
    let inner = inner.or_else(|| bytes.strip_prefix(b"\"").and_then(|b| b.strip_suffix(b"\"")))?;
    inner.iter().all(|b| !matches!(b, b'\\' | b'\'' | b'"')).then_some(inner)
}

/// A name as the dialect compares it: unquoted names are lower case on PostgreSQL; MySQL's stay as they are, and whoever
/// compares them does so without case.
pub(super) fn fold(text: &[u8], token: Token, dialect: Dialect) -> String {
    let bytes = text.get(token.start..token.end).unwrap_or_default();
    if token.kind != TokenKind::Quoted {
        let name = String::from_utf8_lossy(bytes);
        return if dialect == Dialect::Postgres { name.to_ascii_lowercase() } else { name.into_owned() };
    }
    let unicode = bytes.first().is_some_and(|b| b.eq_ignore_ascii_case(&b'u'));
    let quoted = if unicode { bytes.get(2..).unwrap_or_default() } else { bytes };
    let Some((quote, rest)) = quoted.split_first() else { return String::new() };
    let inner = rest.strip_suffix(&[*quote]).unwrap_or(rest);
    let name = String::from_utf8_lossy(inner);
    let mark = char::from(*quote);
    let name: Cow<'_, str> =
        if name.contains(mark) { name.replace(&format!("{mark}{mark}"), &mark.to_string()).into() } else { name };
    if unicode { unescape(&name) } else { name.into_owned() }
}

/// `U&"d\0061t\+000061"`; with another escape character (`UESCAPE`) the name stays as it is.
pub(super) fn unescape(name: &str) -> String {
    let mut out = String::with_capacity(name.len());
    let mut rest = name;
    while let Some((plain, tail)) = rest.split_once('\\') {
        out.push_str(plain);
        let (digits, used) = match tail.strip_prefix('+') {
            Some(long) => (long.get(..6), 7),
            None => (tail.get(..4), 4),
        };
        let decoded = digits.and_then(|d| u32::from_str_radix(d, 16).ok()).and_then(char::from_u32);
        match decoded {
            Some(c) => {
                out.push(c);
                rest = tail.get(used..).unwrap_or_default();
            }
            None => {
                out.push('\\');
                rest = tail.strip_prefix('\\').unwrap_or(tail);
            }
        }
    }
    out.push_str(rest);
    out
}

/// A table from one to three name parts.
pub(super) fn table_ref(text: &[u8], parts: &[Token], dialect: Dialect) -> TableRef {
    let (first, last) = match (parts.first(), parts.last()) {
        (Some(first), Some(last)) => (*first, *last),
        _ => (Token { kind: TokenKind::Word, start: 0, end: 0 }, Token { kind: TokenKind::Word, start: 0, end: 0 }),
    };
    let schema = parts.len().checked_sub(2).and_then(|n| parts.get(n)).map(|t| fold(text, *t, dialect));
    TableRef {
        schema,
        name: fold(text, last, dialect),
        span: first.start..last.end,
        name_span: last.start..last.end,
        alias: Alias::Impossible,
    }
}
