//! Lexing, case by case.

use proptest::prelude::*;

use super::{Lexer, TokenKind};
use crate::base::Dialect::{self, Mysql, Postgres};
use crate::sql::{ClientCharset, Reading};

fn cut(dialect: Dialect, text: &str) -> Vec<&str> {
    Lexer::new(Reading::new(dialect), text.as_bytes()).map(|t| &text[t.start..t.end]).collect()
}

fn kinds(dialect: Dialect, text: &str) -> Vec<TokenKind> {
    Lexer::new(Reading::new(dialect), text.as_bytes()).map(|t| t.kind).collect()
}

#[test]
fn postgres_quotes_as_scan_l_does() {
    assert_eq!(
        cut(Postgres, "'a''b' E'a\\'b' U&'x' \"a\"\"b\" B'01' 'a\\'"),
        ["'a''b'", "E'a\\'b'", "U&'x'", "\"a\"\"b\"", "B'01'", "'a\\'"]
    );
    assert_eq!(cut(Postgres, "$$a$b$$ $x$ $$ $y$ $x$ $1 a$b$c$"), ["$$a$b$$", "$x$ $$ $y$ $x$", "$1", "a$b$c$"]);
    assert_eq!(cut(Postgres, "a/*b/*c*/d*/e--f\ng"), ["a", "e", "g"]);
}

#[test]
fn mysql_quotes_as_its_lexer_does() {
    assert_eq!(
        cut(Mysql, "'a\\'b' \"c\\\"d\" `e``f` @x @'y' @@z"),
        ["'a\\'b'", "\"c\\\"d\"", "`e``f`", "@x", "@'y'", "@@", "z"]
    );
    assert_eq!(cut(Mysql, "a#b\nc--d -- e\nf/*g/*h*/i"), ["a", "c", "-", "-", "d", "f", "i"]);
    assert_eq!(cut(Mysql, "/*!50001 a */ b /*! c */ /*M! d */"), ["a", "b", "c"]);
    assert_eq!(kinds(Mysql, "\"a\""), [TokenKind::Str]);
    let ansi = Reading { ansi_quotes: true, ..Reading::new(Mysql) };
    assert_eq!(Lexer::new(ansi, b"\"a\\\"").next().map(|t| t.kind), Some(TokenKind::Quoted));
}

#[test]
fn mariadb_executes_its_own_comments_and_not_later_mysqls() {
    let reading = Reading { mariadb: true, ..Reading::new(Mysql) };
    let text = b"/*M!100100 a */ /*!50701 b */ /*!50600 c */ /*!80000 d */ /*!100100 e */";
    let words: Vec<_> = Lexer::new(reading, text).map(|t| text[t.start]).collect();
    assert_eq!(words, *b"ace");
}

#[test]
fn numbers_and_names_that_start_with_digits() {
    assert_eq!(kinds(Mysql, "1 1.5 1e5 1e+5 0x1f"), [TokenKind::Number; 5]);
    assert_eq!(kinds(Mysql, "1a 2024_x"), [TokenKind::Word; 2]);
    assert_eq!(kinds(Postgres, "1 1.5 1e5 1e+5 0x1f 1_000"), [TokenKind::Number; 6]);
    assert_eq!(cut(Postgres, "1..2"), ["1", ".", ".", "2"]);
}

#[test]
fn an_open_quote_or_comment_runs_to_the_end() {
    for text in ["'a;b", "\"a;b", "$x$ ; $y$", "/* ; "] {
        assert!(cut(Postgres, text).len() <= 1, "{text}");
    }
}

#[test]
fn the_second_half_of_a_character_is_no_quote_and_no_backslash() {
    let gbk = Reading { charset: ClientCharset::Gbk, ..Reading::new(Mysql) };
    let cut = |reading: Reading, text: &'static [u8]| -> Vec<&[u8]> {
        Lexer::new(reading, text).map(|t| &text[t.start..t.end]).collect()
    };
    assert_eq!(cut(gbk, b"'\xbf\\';x"), [&b"'\xbf\\'"[..], b";", b"x"]);
    assert_eq!(cut(gbk, b"`\xbf``;x"), [&b"`\xbf``"[..], b";", b"x"]);
    assert_eq!(cut(gbk, b"\xbf`\xbf\\ x"), [&b"\xbf`\xbf\\"[..], b"x"]);
    assert_eq!(cut(gbk, b"@\xbf`.a x"), [&b"@\xbf`.a"[..], b"x"]);
    // Half a character is no character, and a backslash hides one byte, not one character.
    assert_eq!(cut(gbk, b"'\xbf' x"), [&b"'\xbf'"[..], b"x"]);
    assert_eq!(cut(gbk, b"'\\\xbf\\' x' y"), [&b"'\\\xbf\\' x'"[..], b"y"]);
    let utf8 = Reading::new(Mysql);
    assert_eq!(cut(utf8, b"'\xbf\\';x' y"), [&b"'\xbf\\';x'"[..], b"y"]);
}

proptest! {
    /// Where every byte is a character, the short way through names and literals is the long way.
    #[test]
    fn ascii_is_read_alike_in_every_character_set(text in "[ -~\n]{0,80}|([a-z'\"`$\\\\;/*]|--|N'|E'|\\$q\\$){0,40}") {
        for dialect in [Postgres, Mysql] {
            for backslash_escapes in [false, true] {
                let reading = Reading { backslash_escapes, ..Reading::new(dialect) };
                let all = |charset| -> Vec<_> { Lexer::new(Reading { charset, ..reading }, text.as_bytes()).collect() };
                prop_assert_eq!(all(ClientCharset::AsciiSafe), all(ClientCharset::Gbk));
            }
        }
    }
}
