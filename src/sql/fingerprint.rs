//! A statement's text without its values: what statistics and traces may show. Values are secrets of somebody, and texts with
//! values in them never come twice.

use std::borrow::Cow;
use std::sync::Arc;

use super::Reading;
use super::lex::{Lexer, Token, TokenKind};

/// Longest normalised text, in bytes; of what is longer the beginning is kept.
pub const FINGERPRINT_BYTES_MAX: usize = 1024;

/// So much of a text is read for it, in bytes: a bulk load says what it is at its beginning.
const READ_BYTES_MAX: usize = 16 * 1024;

/// Stands for any value.
const VALUE: &str = "?";

/// Parts of a text that most statements have at most.
const PARTS_COMMON: usize = 64;

/// A normalised text, and a hash of it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Fingerprint {
    /// Values and lists of them are `?`; comments are cut; white space is single.
    pub text: Arc<str>,
    /// The same for the same text in this process.
    pub hash: u64,
}

impl Fingerprint {
    /// Of a text that can be read byte by byte ([`super::Encoding::readable`]). It is made for each text that comes for the
    /// first time, and clients that write their values into their texts send no others.
    pub(super) fn of(reading: Reading, readable: &[u8]) -> Self {
        Self::made(&normalised(reading, readable))
    }

    /// No more than its first word: a text that a server could not read may have its values anywhere.
    pub fn first_word(&self) -> Self {
        let word: String = self.text.chars().take_while(char::is_ascii_alphabetic).collect();
        Self::made(&format!("{word} …"))
    }

    fn made(text: &str) -> Self {
        // FNV-1a by eight bytes: it only spreads the texts over a table which compares them.
        let step = |hash: u64, word: u64| {
            let mixed = (hash ^ word).wrapping_mul(0x0100_0000_01b3);
            mixed ^ mixed.rotate_left(29)
        };
        let (words, rest) = text.as_bytes().as_chunks::<8>();
        let hash = words.iter().fold(0xcbf2_9ce4_8422_2325, |hash, word| step(hash, u64::from_le_bytes(*word)));
        let hash = rest.iter().fold(hash, |hash, byte| step(hash, u64::from(*byte)));
        Self { text: text.into(), hash: hash.wrapping_mul(0x9e37_79b9_7f4a_7c15) }
    }
}

/// One piece of the normalised text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Part<'a> {
    /// A value, or a list of them.
    Value,
    /// Anything else, as it stands.
    Token(TokenKind, &'a [u8]),
}

impl Part<'_> {
    fn is(self, wanted: TokenKind) -> bool {
        matches!(self, Self::Token(kind, _) if kind == wanted)
    }

    fn is_op(self, byte: u8) -> bool {
        matches!(self, Self::Token(TokenKind::Op, text) if text == [byte])
    }
}

/// A part, and whether something blank stood before it.
type Spaced<'a> = (Part<'a>, bool);

/// The text without values, comments and superfluous white space. Normalising it again changes nothing.
pub fn normalise(reading: Reading, text: &[u8]) -> String {
    normalised(reading, &reading.encoding.readable(text))
}

fn normalised(reading: Reading, all: &[u8]) -> String {
    let mut cut = all.len() > READ_BYTES_MAX;
    let read = &all[..all.len().min(READ_BYTES_MAX)];
    let mut parts: Vec<Spaced<'_>> = Vec::with_capacity(PARTS_COMMON);
    let mut bytes = 0;
    let mut behind = 0;
    for token in Lexer::new(reading, read) {
        let spaced = token.start > behind && behind > 0;
        behind = token.end;
        let part = part(read, token, parts.last().map(|(part, _)| *part));
        push(&mut parts, part, spaced);
        bytes += token.end - token.start;
        if parts.len() > FINGERPRINT_BYTES_MAX || bytes > READ_BYTES_MAX {
            cut = true;
            break;
        }
    }
    while parts.last().is_some_and(|(part, _)| part.is(TokenKind::Semicolon)) {
        parts.pop();
    }
    if cut {
        whole_rows(&mut parts);
    }
    print(&parts, read.len(), cut)
}

fn part<'a>(text: &'a [u8], token: Token, before: Option<Part<'a>>) -> Part<'a> {
    let own = text.get(token.start..token.end).unwrap_or_default();
    match token.kind {
        TokenKind::Str | TokenKind::Number | TokenKind::Param => Part::Value,
        // As this text shows values itself.
        TokenKind::Op if own == VALUE.as_bytes() => Part::Value,
        TokenKind::Word if own.eq_ignore_ascii_case(b"NULL") && listed(before) => Part::Value,
        TokenKind::Word
        | TokenKind::Quoted
        | TokenKind::Var
        | TokenKind::System
        | TokenKind::Open
        | TokenKind::Close
        | TokenKind::Comma
        | TokenKind::Dot
        | TokenKind::Semicolon
        | TokenKind::Op => Part::Token(token.kind, own),
    }
}

/// Whether a value is all that can follow: it stands in a list, or behind an operator.
fn listed(before: Option<Part<'_>>) -> bool {
    before.is_some_and(|part| part.is(TokenKind::Open) || part.is(TokenKind::Comma) || part.is_op(b'='))
}

/// A sign belongs to its number where nothing could be added to or taken from.
fn is_sign(last: Option<Part<'_>>, before: Option<Part<'_>>) -> bool {
    let signed = last.is_some_and(|last| last.is_op(b'-') || last.is_op(b'+'));
    signed && (listed(before) || before.is_some_and(|part| part.is(TokenKind::Op)))
}

/// Of a list of rows that was cut off, what is not whole.
fn whole_rows(parts: &mut Vec<Spaced<'_>>) {
    let is = |index: usize, kind: TokenKind| parts.get(index).is_some_and(|(part, _)| part.is(kind));
    let behind = (0..parts.len()).rev().take(8).find(|index| is(*index, TokenKind::Close));
    if let Some(close) = behind.filter(|close| is(close + 1, TokenKind::Comma)) {
        parts.truncate(close + 1);
    }
}

fn push<'a>(parts: &mut Vec<Spaced<'a>>, part: Part<'a>, spaced: bool) {
    let at = |parts: &[Spaced<'a>], back: usize| {
        parts.len().checked_sub(back).and_then(|index| parts.get(index)).map(|(part, _)| *part)
    };
    if part == Part::Value {
        let mut spaced = spaced;
        while is_sign(at(parts, 1), at(parts, 2)) {
            spaced = parts.pop().is_some_and(|(_, before)| before);
        }
        let last = at(parts, 1);
        // `'a' 'b'` is one string.
        if last == Some(Part::Value) {
            return;
        }
        if last.is_some_and(|part| part.is(TokenKind::Comma)) && at(parts, 2) == Some(Part::Value) {
            parts.pop();
            return;
        }
        parts.push((part, spaced));
        return;
    }
    parts.push((part, spaced));
    // (?), (?)  is  (?)
    let row = |from: usize| {
        at(parts, from).is_some_and(|part| part.is(TokenKind::Open))
            && at(parts, from - 1) == Some(Part::Value)
            && at(parts, from - 2).is_some_and(|part| part.is(TokenKind::Close))
    };
    if part.is(TokenKind::Close) && row(3) && at(parts, 4).is_some_and(|part| part.is(TokenKind::Comma)) && row(7) {
        parts.truncate(parts.len() - 4);
    }
}

/// The text of a part, if all of it may be shown as it stands. Names may have line ends in their quotes; a line of a table has
/// none.
fn plain(own: &[u8]) -> Option<&str> {
    let text = std::str::from_utf8(own).ok()?;
    let shown = own.iter().all(|byte| matches!(byte, b' '..=b'~')) || !text.contains(char::is_control);
    shown.then_some(text)
}

fn print(parts: &[Spaced<'_>], text_bytes: usize, cut: bool) -> String {
    let mut out = String::with_capacity(text_bytes.min(FINGERPRINT_BYTES_MAX) + '…'.len_utf8());
    for (part, spaced) in parts {
        let own: Cow<'_, str> = match part {
            Part::Value => VALUE.into(),
            Part::Token(_, own) => match plain(own) {
                Some(own) => own.into(),
                None => String::from_utf8_lossy(own).replace(char::is_control, " ").into(),
            },
        };
        if out.len() + 1 + own.len() > FINGERPRINT_BYTES_MAX {
            out.push('…');
            return out;
        }
        // Two words that a comment has kept apart stay apart.
        if *spaced && !out.is_empty() {
            out.push(' ');
        }
        out.push_str(&own);
    }
    if cut {
        out.push('…');
    }
    out
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::base::Dialect;

    fn pg(text: &str) -> String {
        normalise(Reading::new(Dialect::Postgres), text.as_bytes())
    }

    fn my(text: &str) -> String {
        normalise(Reading::new(Dialect::Mysql), text.as_bytes())
    }

    #[test]
    fn values_become_question_marks_on_both_dialects() {
        for both in [pg as fn(&str) -> String, my] {
            let cases = [
                ("SELECT * FROM items WHERE id = 42", "SELECT * FROM items WHERE id = ?"),
                ("select 'a''b', 1.5e-3, x.y", "select ?, x.y"),
                ("UPDATE items SET stock = stock - 1 WHERE id = -7", "UPDATE items SET stock = stock - ? WHERE id = ?"),
                ("INSERT INTO t (a, b) VALUES (1, 'x'), (2, NULL),\n (-3, 'y');", "INSERT INTO t (a, b) VALUES (?)"),
                ("SELECT 1 IN (1,2 , 3) AND a IS NULL", "SELECT ? IN (?) AND a IS NULL"),
                ("  COMMIT ;;", "COMMIT"),
                ("SELECT f(1), f('a' 'b')", "SELECT f(?), f(?)"),
            ];
            for (text, normal) in cases {
                assert_eq!(both(text), normal, "{text}");
            }
        }
        assert_eq!(pg("SELECT $1, $tag$secret$tag$, E'\\'s', U&'x', B'01' FROM \"T\""), "SELECT ? FROM \"T\"");
        assert_eq!(
            my("SELECT ?, \"secret\", 0xff, x'41' FROM `T` WHERE @a = @@b"),
            "SELECT ?, x? FROM `T` WHERE @a = @@b"
        );
    }

    #[test]
    fn comments_are_cut_wherever_they_are() {
        for both in [pg as fn(&str) -> String, my] {
            let bare = both("SELECT a FROM items");
            for comment in ["/*traceparent='00-1-2-01',route='%2Fpay'*/", "/* x */", "-- secret\n"] {
                assert_eq!(both(&format!("SELECT a FROM items {comment}")), bare);
                assert_eq!(both(&format!("{comment} SELECT/**/ a FROM {comment} items")), bare);
            }
        }
        assert_eq!(my("SELECT 1 # secret"), "SELECT ?");
        assert_eq!(my("SELECT /*!50000 STRAIGHT_JOIN */ 'x'"), "SELECT STRAIGHT_JOIN ?");
    }

    #[test]
    fn names_are_shown_on_one_line_whatever_is_in_them() {
        assert_eq!(pg("SELECT \"a\n\tb\" FROM \"\u{85}größe\""), "SELECT \"a  b\" FROM \" größe\"");
        let bytes = normalise(Reading::new(Dialect::Postgres), b"SELECT \"\xff\n\", \xe4");
        assert_eq!(bytes, "SELECT \"\u{fffd} \", \u{fffd}");
    }

    #[test]
    fn a_bulk_load_is_cut_and_stays_itself() {
        let rows = vec!["(1, 'secret', NULL)"; 20_000].join(", ");
        let text = format!("INSERT INTO t VALUES {rows}");
        assert_eq!(my(&text), "INSERT INTO t VALUES (?)…");
        let columns: Vec<String> = (0..2000).map(|n| format!("c{n}")).collect();
        let long = pg(&format!("SELECT {}", columns.join(", ")));
        assert!(long.len() <= FINGERPRINT_BYTES_MAX + "…".len() && long.ends_with('…'), "{}", long.len());
    }

    /// A literal with the secret in it, as a client may write it.
    fn literal(dialect: Dialect) -> impl Strategy<Value = String> {
        let forms: &[&str] = match dialect {
            Dialect::Postgres => &[
                "'s3cret'",
                "E's3cret\\''",
                "$$s3cret$$",
                "$q$ 's3cret $q$",
                "'a''s3cret'",
                "/* s3cret */",
                "-- s3cret\n",
            ],
            Dialect::Mysql => &[
                "'s3cret'",
                "\"s3cret\"",
                "'\\'s3cret'",
                "x's3cret'",
                "_utf8'a''s3cret'",
                "/* s3cret */",
                "# s3cret\n",
            ],
        };
        proptest::sample::select(forms.to_vec()).prop_map(str::to_owned)
    }

    fn texts(dialect: Dialect) -> impl Strategy<Value = String> {
        let words = [
            "SELECT ", "FROM ", "a", " , ", "(", ")", " = ", " - ", "NULL", ";", " 12.5 ", "\n", "t.x ", "?",
            "VALUES ", "IN ",
        ];
        let piece = prop_oneof![proptest::sample::select(words.to_vec()).prop_map(str::to_owned), literal(dialect)];
        proptest::collection::vec(piece, 0..40).prop_map(|pieces| pieces.join(" "))
    }

    proptest! {
        #[test]
        fn no_literal_survives_and_what_is_normal_stays_so((dialect, text) in prop_oneof![
            texts(Dialect::Postgres).prop_map(|text| (Dialect::Postgres, text)),
            texts(Dialect::Mysql).prop_map(|text| (Dialect::Mysql, text)),
        ]) {
            let reading = Reading::new(dialect);
            let normal = normalise(reading, text.as_bytes());
            prop_assert!(!normal.contains("s3cret"), "{text} gave {normal}");
            prop_assert_eq!(normalise(reading, normal.as_bytes()), normal);
        }

        #[test]
        fn any_bytes_are_normalised_and_what_is_normal_stays_so(text in proptest::collection::vec(any::<u8>(), 0..200), postgres: bool) {
            let reading = Reading::new(if postgres { Dialect::Postgres } else { Dialect::Mysql });
            let normal = normalise(reading, &text);
            prop_assert!(normal.len() <= 4 * FINGERPRINT_BYTES_MAX);
        }
    }
}
