//! Cuts a text into statements as the servers do: at `;` outside of everything.

use std::ops::Range;

use super::Reading;
use super::head::HEAD_TOKENS_MAX;
use super::lex::{Lexer, Token, TokenKind};
use crate::base::Dialect;

/// One statement's bytes and its first tokens.
#[derive(Debug)]
pub(super) struct Piece {
    pub(super) span: Range<usize>,
    pub(super) head: Vec<Token>,
    /// The head is not all of it.
    pub(super) cut: bool,
    /// `backend=NAME` of a `/* handfast: … */` in it.
    pub(super) backend: Option<String>,
}

/// Statements of a text, one after the other; those without a token are left out.
pub(super) struct Splitter<'a> {
    text: &'a [u8],
    lexer: Lexer<'a>,
    reading: Reading,
}

impl<'a> Splitter<'a> {
    pub(super) fn new(reading: Reading, text: &'a [u8]) -> Self {
        Self::within(reading, text, 0)
    }

    /// From `start` on.
    pub(super) fn within(reading: Reading, text: &'a [u8], start: usize) -> Self {
        Self { text, lexer: Lexer::within(reading, text, start, text.len()), reading }
    }

    fn word(&self, token: Token, word: &str) -> bool {
        token.kind == TokenKind::Word
            && self.text.get(token.start..token.end).is_some_and(|b| b.eq_ignore_ascii_case(word.as_bytes()))
    }

    fn one_of(&self, token: Token, words: &[&str]) -> bool {
        words.iter().any(|w| self.word(token, w))
    }

    /// Up to the closing `;` or the end.
    fn piece(&mut self) -> Option<Piece> {
        self.lexer.begin_statement();
        let start = self.lexer.position();
        let mut state = Block::default();
        let mut depth = 0_usize;
        let mut head: Vec<Token> = Vec::new();
        let mut count = 0_usize;
        let mut end = None;
        while let Some(token) = self.lexer.next() {
            if token.kind == TokenKind::Semicolon && depth == 0 && !state.open {
                end = Some(token.start);
                break;
            }
            if token.kind == TokenKind::Open {
                depth += 1;
            } else if token.kind == TokenKind::Close {
                depth = depth.saturating_sub(1);
            }
            if head.len() < HEAD_TOKENS_MAX {
                head.push(token);
            }
            self.follow(&mut state, token, count);
            count += 1;
        }
        if end.is_none() && count == 0 && self.lexer.position() >= self.text.len() {
            return None;
        }
        let span = trim(self.text, start, end.unwrap_or(self.text.len()));
        let backend = self.lexer.take_directive().and_then(directive);
        Some(Piece { span, cut: count > head.len(), head, backend })
    }

    /// Keeps `open` true while a `;` belongs to a routine's body.
    fn follow(&self, state: &mut Block, token: Token, index: usize) {
        if self.reading.dialect == Dialect::Mysql {
            self.follow_mysql(state, token, index);
        } else {
            self.follow_postgres(state, token, index);
        }
    }

    /// MySQL: a stored program is one statement up to the end of the text, as no `DELIMITER` reaches the server.
    fn follow_mysql(&self, state: &mut Block, token: Token, index: usize) {
        if index == 0 {
            state.create = self.one_of(token, &["CREATE", "ALTER"]);
            state.alter = self.word(token, "ALTER");
            state.begin = self.word(token, "BEGIN");
            let block = ["IF", "CASE", "LOOP", "WHILE", "REPEAT", "FOR"];
            state.open = self.reading.mariadb && self.one_of(token, &block);
        } else if state.create {
            let stops = ["TABLE", "VIEW", "INDEX", "DATABASE", "SCHEMA", "USER", "ROLE", "SERVER", "SEQUENCE", "AS"];
            let programs = ["EVENT", "PROCEDURE", "FUNCTION", "TRIGGER", "PACKAGE"];
            let program = self.one_of(token, &programs);
            // ALTER gives a body to an event only.
            state.open = program && (!state.alter || self.word(token, "EVENT"));
            state.create = !program && index < 16 && !self.one_of(token, &stops);
        } else if state.begin && index == 1 {
            state.open = self.word(token, "NOT");
        }
    }

    /// PostgreSQL: `CREATE FUNCTION … BEGIN ATOMIC …; END`, counted as psql does.
    fn follow_postgres(&self, state: &mut Block, token: Token, index: usize) {
        if index == 0 {
            state.create = self.word(token, "CREATE");
            return;
        }
        if !state.create || token.kind != TokenKind::Word {
            return;
        }
        if index <= 3 && self.one_of(token, &["FUNCTION", "PROCEDURE"]) {
            state.routine = true;
        } else if !state.routine {
            state.create = index < 3;
        } else if state.blocks > 0 {
            if self.one_of(token, &["BEGIN", "CASE"]) {
                state.blocks += 1;
            } else if self.word(token, "END") {
                state.blocks -= 1;
            }
        } else if state.begin && self.word(token, "ATOMIC") {
            state.blocks = 1;
        }
        state.begin = self.word(token, "BEGIN");
        state.open = state.blocks > 0;
    }
}

/// Where a routine's body has got to.
#[derive(Default)]
struct Block {
    create: bool,
    alter: bool,
    routine: bool,
    begin: bool,
    blocks: usize,
    open: bool,
}

impl Iterator for Splitter<'_> {
    type Item = Piece;

    fn next(&mut self) -> Option<Piece> {
        loop {
            let piece = self.piece()?;
            if !piece.head.is_empty() {
                return Some(piece);
            }
        }
    }
}

fn trim(text: &[u8], mut start: usize, mut end: usize) -> Range<usize> {
    let blank = |at: usize| text.get(at).is_none_or(|b| matches!(b, b' ' | b'\t' | b'\n' | b'\r' | 0x0b | 0x0c));
    while start < end && blank(start) {
        start += 1;
    }
    while end > start && blank(end - 1) {
        end -= 1;
    }
    start..end
}

/// ` backend = NAME ` of a directive.
fn directive(said: &[u8]) -> Option<String> {
    let said = std::str::from_utf8(said).ok()?;
    let (key, value) = said.split_once('=')?;
    let value = value.trim().trim_matches(['"', '\'', '`']);
    (key.trim().eq_ignore_ascii_case("backend") && !value.is_empty()).then(|| value.to_owned())
}
