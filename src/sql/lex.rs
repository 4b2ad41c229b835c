//! The byte lexer for both dialects. It copies nothing, never fails, and reads what the servers read: quoting, comments
//! (nested on PostgreSQL; executable on MySQL, whose contents are tokens), dollar quotes, numbers and names.
//!
//! Sources: PostgreSQL `scan.l`; MySQL `sql_lex.cc` and the manual's "Comments"; MariaDB "Comment Syntax".

use super::{ClientCharset, Reading};
use crate::base::Dialect;

/// What a token is; its text is a byte range.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TokenKind {
    /// A keyword or an unquoted name.
    Word,
    /// A quoted name: `"x"`, `` `x` ``, `U&"x"`.
    Quoted,
    /// A string literal of any form.
    Str,
    /// A number.
    Number,
    /// MySQL: `@x`. System variables (`@@x`) are [`TokenKind::System`] and a name.
    Var,
    /// MySQL: `@@`.
    System,
    /// `?` (MySQL) or `$1` (PostgreSQL).
    Param,
    /// `(`, and `[` (PostgreSQL) or `{` (MySQL).
    Open,
    /// `)`, `]`, `}`.
    Close,
    /// `,`
    Comma,
    /// `.`
    Dot,
    /// `;`
    Semicolon,
    /// One byte of anything else.
    Op,
}

/// One token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Token {
    /// What.
    pub kind: TokenKind,
    /// First byte.
    pub start: usize,
    /// After the last byte.
    pub end: usize,
}

/// Cuts a text into tokens, from left to right, without looking back.
#[derive(Clone, Debug)]
pub struct Lexer<'a> {
    /// Up to where it reads.
    text: &'a [u8],
    at: usize,
    reading: Reading,
    /// Inside `/*! … */`.
    executable: bool,
    /// The last comment that starts with `handfast:`, its contents.
    directive: Option<(usize, usize)>,
    /// The last token was a dot: what follows is a name even if it starts with a digit (MySQL).
    after_dot: bool,
}

/// MariaDB executes `/*!NNNNN` of its own versions and of MySQL's up to 5.6; MySQL's later ones are comments to it.
const MARIADB_IGNORES: std::ops::RangeInclusive<u32> = 50_700..=99_999;
/// Versions above this are no MySQL's.
const MYSQL_VERSION_MAX: u32 = 99_999;

impl<'a> Lexer<'a> {
    /// Over the whole text.
    pub fn new(reading: Reading, text: &'a [u8]) -> Self {
        Self::within(reading, text, 0, text.len())
    }

    /// Over a part of the text; token positions are those of the whole text.
    pub fn within(reading: Reading, text: &'a [u8], start: usize, end: usize) -> Self {
        let text = text.get(..end).unwrap_or(text);
        Self { text, at: start.min(text.len()), reading, executable: false, directive: None, after_dot: false }
    }

    /// Where the lexer stands.
    pub fn position(&self) -> usize {
        self.at
    }

    /// Takes what the last `/* handfast: … */` comment says after the colon.
    pub fn take_directive(&mut self) -> Option<&'a [u8]> {
        self.directive.take().and_then(|(start, end)| self.text.get(start..end))
    }

    /// A new statement begins here: an open `/*! … ` of the one before ends with it, as on the server.
    pub(super) fn begin_statement(&mut self) {
        self.executable = false;
    }

    fn mysql(&self) -> bool {
        self.reading.dialect == Dialect::Mysql
    }

    fn byte(&self, offset: usize) -> Option<u8> {
        self.text.get(self.at + offset).copied()
    }

    /// What is still to be read.
    fn rest(&self) -> &'a [u8] {
        self.text.get(self.at..).unwrap_or_default()
    }

    /// Steps over all bytes that are so: each statement is read byte by byte, which must cost little.
    fn skip_while(&mut self, is: impl Fn(u8) -> bool) {
        let rest = self.rest();
        self.at += rest.iter().position(|byte| !is(*byte)).unwrap_or(rest.len());
    }

    /// Skips white space and comments; `false` at the end.
    fn skip_blanks(&mut self) -> bool {
        while let Some(byte) = self.byte(0) {
            match byte {
                b' ' | b'\t' | b'\n' | b'\r' | 0x0b | 0x0c => self.at += 1,
                b'-' if self.byte(1) == Some(b'-') && self.dashes_comment() => self.skip_line(),
                b'#' if self.mysql() => self.skip_line(),
                b'/' if self.byte(1) == Some(b'*') => self.block_comment(),
                b'*' if self.executable && self.byte(1) == Some(b'/') => {
                    self.executable = false;
                    self.at += 2;
                }
                _ => return true,
            }
        }
        false
    }

    /// MySQL wants white space or a control character after `--`.
    fn dashes_comment(&self) -> bool {
        !self.mysql() || self.byte(2).is_none_or(|b| b <= b' ' || b == 0x7f)
    }

    fn skip_line(&mut self) {
        let ends = |b: u8| b == b'\n' || (b == b'\r' && !self.mysql());
        let rest = self.rest();
        self.at += rest.iter().position(|&b| ends(b)).map_or(rest.len(), |n| n + 1);
    }

    fn block_comment(&mut self) {
        if self.mysql() && self.enter_executable() {
            return;
        }
        let start = self.at + 2;
        self.at = start;
        let mut depth = 1_usize;
        while let Some(byte) = self.byte(0) {
            match (byte, self.byte(1)) {
                (b'*', Some(b'/')) => {
                    self.at += 2;
                    depth -= 1;
                    if depth == 0 {
                        self.note_directive(start, self.at - 2);
                        return;
                    }
                }
                (b'/', Some(b'*')) if !self.mysql() => {
                    depth += 1;
                    self.at += 2;
                }
                _ => self.at += 1,
            }
        }
    }

    /// `/*!`, `/*!50000`, `/*M!`: whether its contents are tokens. If so, stands behind the marker.
    fn enter_executable(&mut self) -> bool {
        let marker = match (self.byte(2), self.byte(3)) {
            (Some(b'!'), _) => 3,
            (Some(b'M' | b'm'), Some(b'!')) if self.reading.mariadb => 4,
            _ => return false,
        };
        let digits = (0..6).take_while(|n| self.byte(marker + n).is_some_and(|b| b.is_ascii_digit())).count();
        let version = (0..digits).fold(0_u32, |v, n| v * 10 + u32::from(self.byte(marker + n).unwrap_or(b'0') - b'0'));
        let ignored = if digits < 5 {
            false
        } else if self.reading.mariadb {
            marker == 3 && MARIADB_IGNORES.contains(&version)
        } else {
            version > MYSQL_VERSION_MAX
        };
        if ignored {
            return false;
        }
        self.executable = true;
        self.at += marker + if digits < 5 { 0 } else { digits };
        true
    }

    fn note_directive(&mut self, start: usize, end: usize) {
        let Some(comment) = self.text.get(start..end) else { return };
        let blank = comment.iter().take_while(|b| b.is_ascii_whitespace()).count();
        let prefix = b"handfast:";
        let from = start + blank;
        let said = self.text.get(from..(from + prefix.len()).min(end));
        if said.is_some_and(|s| s.eq_ignore_ascii_case(prefix)) {
            self.directive = Some((from + prefix.len(), end));
        }
    }

    fn scan(&mut self, byte: u8) -> TokenKind {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'_' | 0x80.. => self.word(byte),
            b'\'' => self.string(b'\'', self.reading.backslash_escapes),
            b'"' if self.reading.ansi_quotes || !self.mysql() => self.quoted(b'"'),
            b'"' => self.string(b'"', self.reading.backslash_escapes),
            b'`' if self.mysql() => self.quoted(b'`'),
            b'$' if !self.mysql() => self.dollar(),
            b'@' if self.mysql() => self.variable(),
            b'?' if self.mysql() => self.one(TokenKind::Param),
            b'0'..=b'9' => self.number(),
            b'(' => self.one(TokenKind::Open),
            b')' => self.one(TokenKind::Close),
            b'{' if self.mysql() => self.one(TokenKind::Open),
            b'}' if self.mysql() => self.one(TokenKind::Close),
            b'[' if !self.mysql() => self.one(TokenKind::Open),
            b']' if !self.mysql() => self.one(TokenKind::Close),
            b',' => self.one(TokenKind::Comma),
            b'.' => self.one(TokenKind::Dot),
            b';' => self.one(TokenKind::Semicolon),
            b'$' => self.word(byte),
            _ => self.one(TokenKind::Op),
        }
    }

    fn one(&mut self, kind: TokenKind) -> TokenKind {
        self.at += 1;
        kind
    }

    fn skip_word(&mut self) {
        if self.reading.charset == ClientCharset::AsciiSafe {
            return self.skip_while(is_word);
        }
        while let Some(byte) = self.byte(0) {
            let width = self.width();
            if width == 1 && !is_word(byte) {
                return;
            }
            self.at += width;
        }
    }

    /// Bytes of the character here, in the client's character set.
    fn width(&self) -> usize {
        if self.reading.charset == ClientCharset::AsciiSafe {
            return 1;
        }
        self.reading.charset.width(self.rest())
    }

    /// A name, or a literal with a letter in front.
    fn word(&mut self, byte: u8) -> TokenKind {
        if !self.mysql() {
            let quote = self.byte(1);
            match byte {
                b'e' | b'E' if quote == Some(b'\'') => {
                    self.at += 1;
                    return self.string(b'\'', true);
                }
                b'b' | b'B' | b'x' | b'X' | b'n' | b'N' if quote == Some(b'\'') => {
                    self.at += 1;
                    return self.string(b'\'', self.reading.backslash_escapes && byte.eq_ignore_ascii_case(&b'n'));
                }
                b'u' | b'U' if quote == Some(b'&') && matches!(self.byte(2), Some(b'\'' | b'"')) => {
                    let mark = self.byte(2).unwrap_or(b'\'');
                    self.at += 2;
                    return if mark == b'"' { self.quoted(b'"') } else { self.string(b'\'', false) };
                }
                _ => {}
            }
        }
        self.skip_word();
        TokenKind::Word
    }

    /// Stands on the opening quote.
    fn string(&mut self, quote: u8, backslash: bool) -> TokenKind {
        self.delimited(quote, backslash);
        TokenKind::Str
    }

    fn quoted(&mut self, quote: u8) -> TokenKind {
        self.delimited(quote, false);
        TokenKind::Quoted
    }

    /// Up to the closing quote; a doubled quote stands for itself. Without one: up to the end.
    fn delimited(&mut self, quote: u8, backslash: bool) {
        self.at += 1;
        let safe = self.reading.charset == ClientCharset::AsciiSafe;
        loop {
            if safe {
                self.skip_while(|byte| byte != quote && !(backslash && byte == b'\\'));
            }
            let Some(byte) = self.byte(0) else { return };
            let width = self.width();
            self.at += width;
            if width > 1 {
                continue;
            }
            if byte == b'\\' && backslash {
                self.at = (self.at + 1).min(self.text.len());
            } else if byte == quote {
                if self.byte(0) != Some(quote) {
                    return;
                }
                self.at += 1;
            }
        }
    }

    /// PostgreSQL: `$1`, `$tag$ … $tag$`, or a lone `$`.
    fn dollar(&mut self) -> TokenKind {
        if self.byte(1).is_some_and(|b| b.is_ascii_digit()) {
            self.at += 1;
            self.skip_while(|byte| byte.is_ascii_digit());
            return TokenKind::Param;
        }
        let in_tag = |b: u8| b.is_ascii_alphanumeric() || b == b'_' || b >= 0x80;
        let rest = self.rest();
        let tag = 1 + rest.iter().skip(1).take_while(|&&b| in_tag(b)).count();
        if rest.get(tag) != Some(&b'$') {
            return self.one(TokenKind::Op);
        }
        let (mark, body) = rest.split_at(tag + 1);
        self.at += mark.len() + find(body, mark).map_or(body.len(), |n| n + mark.len());
        TokenKind::Str
    }

    /// MySQL: `@x`, `@'x'`, `@@`.
    fn variable(&mut self) -> TokenKind {
        self.at += 1;
        match self.byte(0) {
            Some(b'@') => self.one(TokenKind::System),
            Some(quote @ (b'\'' | b'"' | b'`')) => {
                self.delimited(quote, quote != b'`' && self.reading.backslash_escapes);
                TokenKind::Var
            }
            _ => {
                self.skip_word();
                while self.byte(0) == Some(b'.') {
                    self.at += 1;
                    self.skip_word();
                }
                TokenKind::Var
            }
        }
    }

    /// A number, or on MySQL a name that starts with a digit.
    fn number(&mut self) -> TokenKind {
        let start = self.at;
        let digits = |lexer: &mut Self| {
            let mysql = lexer.mysql();
            lexer.skip_while(|byte| byte.is_ascii_digit() || (byte == b'_' && !mysql));
        };
        digits(self);
        if self.mysql() && (self.after_dot || self.byte(0).is_some_and(is_word)) {
            self.at = start;
            self.skip_word();
            let run = self.text.get(start..self.at).unwrap_or_default();
            if self.after_dot || !is_number(run) {
                return TokenKind::Word;
            }
            return self.exponent_sign(run);
        }
        if self.byte(0) == Some(b'.') && self.byte(1) != Some(b'.') {
            self.at += 1;
            digits(self);
        }
        if matches!(self.byte(0), Some(b'e' | b'E')) {
            let sign = usize::from(matches!(self.byte(1), Some(b'+' | b'-')));
            if self.byte(1 + sign).is_some_and(|b| b.is_ascii_digit()) {
                self.at += 1 + sign;
                digits(self);
            }
        } else if matches!(self.byte(0), Some(b'x' | b'X' | b'o' | b'O' | b'b' | b'B')) && self.at == start + 1 {
            self.skip_word();
        }
        TokenKind::Number
    }

    /// MySQL: `1e` may go on with `+5`.
    fn exponent_sign(&mut self, run: &[u8]) -> TokenKind {
        let open = run.last().is_some_and(|b| b.eq_ignore_ascii_case(&b'e'));
        if open && matches!(self.byte(0), Some(b'+' | b'-')) && self.byte(1).is_some_and(|b| b.is_ascii_digit()) {
            self.at += 1;
            self.skip_word();
        }
        TokenKind::Number
    }
}

/// Bytes of names and keywords.
const WORD: [bool; 256] = {
    let mut word = [false; 256];
    let mut byte = 0_u8;
    loop {
        word[byte as usize] = byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'$' || byte >= 0x80;
        if byte == u8::MAX {
            break word;
        }
        byte += 1;
    }
};

fn is_word(byte: u8) -> bool {
    WORD[usize::from(byte)]
}

/// `0x1f`, `0b1`, `12e5`, `12e`: everything else that starts with a digit and has a letter is a name on MySQL.
fn is_number(run: &[u8]) -> bool {
    let hex = run.strip_prefix(b"0x").is_some_and(|r| r.iter().all(u8::is_ascii_hexdigit));
    let bin = run.strip_prefix(b"0b").is_some_and(|r| r.iter().all(|b| matches!(b, b'0' | b'1')));
    let tail = run.iter().position(|b| !b.is_ascii_digit()).and_then(|n| run.get(n..)).unwrap_or_default();
    let exponent = tail
        .split_first()
        .is_some_and(|(e, rest)| e.eq_ignore_ascii_case(&b'e') && rest.iter().all(u8::is_ascii_digit));
    hex || bin || exponent
}

/// First place of `needle` in `hay`; linear because a needle starts with `$` and holds no other.
fn find(hay: &[u8], needle: &[u8]) -> Option<usize> {
    let mut from = 0;
    while let Some(n) = hay.get(from..)?.iter().position(|&b| b == b'$') {
        from += n;
        if hay.get(from..)?.starts_with(needle) {
            return Some(from);
        }
        from += 1;
    }
    None
}

impl Iterator for Lexer<'_> {
    type Item = Token;

    fn next(&mut self) -> Option<Token> {
        if !self.skip_blanks() {
            return None;
        }
        let byte = self.byte(0)?;
        let start = self.at;
        let kind = self.scan(byte);
        self.after_dot = kind == TokenKind::Dot;
        Some(Token { kind, start, end: self.at })
    }
}

#[cfg(test)]
mod tests;
