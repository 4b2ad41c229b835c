//! `_binary'…'` with bytes that are no text, as MySQL's drivers write them: the parser reads UTF-8 only, so they are given
//! to it in hexadecimal.

use std::borrow::Cow;
use std::fmt::Write;

use crate::base::Dialect;
use crate::sql::Reading;
use crate::sql::lex::{Lexer, TokenKind};

/// The statement in UTF-8; `None` if there is other text in it that is not.
pub(super) fn legible(text: &[u8], reading: Reading) -> Option<Cow<'_, str>> {
    if let Ok(text) = std::str::from_utf8(text) {
        return Some(Cow::Borrowed(text));
    }
    if reading.dialect != Dialect::Mysql {
        return None;
    }
    let (mut out, mut copied) = (String::with_capacity(text.len() * 2), 0);
    let mut introduced = false;
    for token in Lexer::new(reading, text) {
        let here = &text[token.start..token.end];
        // An introducer is a token of its own, or one with its literal.
        let literal = match here.iter().position(|b| matches!(b, b'\'' | b'"')) {
            Some(at) if token.kind == TokenKind::Str => {
                let binary = introduced && at == 0 || here[..at].trim_ascii().eq_ignore_ascii_case(b"_binary");
                (binary && std::str::from_utf8(here).is_err()).then_some((token.start + at, &here[at..]))
            }
            _ => None,
        };
        if let Some((start, quoted)) = literal {
            out.push_str(std::str::from_utf8(&text[copied..start]).ok()?);
            push_hexadecimal(&mut out, &unquoted(quoted, reading.backslash_escapes)?);
            copied = token.end;
        }
        introduced = token.kind == TokenKind::Word && here.eq_ignore_ascii_case(b"_binary");
    }
    out.push_str(std::str::from_utf8(&text[copied..]).ok()?);
    Some(Cow::Owned(out))
}

fn push_hexadecimal(out: &mut String, bytes: &[u8]) {
    out.push_str(" X'");
    for byte in bytes {
        // Writing to a String cannot fail.
        write!(out, "{byte:02x}").unwrap_or_default();
    }
    out.push('\'');
}

/// What a literal in quotes holds. Source: MySQL's manual, "String Literals".
fn unquoted(literal: &[u8], escapes: bool) -> Option<Vec<u8>> {
    let (&quote, rest) = literal.split_first()?;
    let mut bytes = rest.strip_suffix(&[quote])?.iter().copied();
    let mut out = Vec::with_capacity(rest.len());
    while let Some(byte) = bytes.next() {
        out.push(match byte {
            b'\\' if escapes => match bytes.next()? {
                b'0' => 0,
                b'b' => 8,
                b't' => b'\t',
                b'n' => b'\n',
                b'r' => b'\r',
                b'Z' => 0x1a,
                other => other,
            },
            doubled if doubled == quote => bytes.next().filter(|next| *next == quote)?,
            other => other,
        });
    }
    Some(out)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(text: &[u8]) -> Option<String> {
        legible(text, Reading::new(Dialect::Mysql)).map(Cow::into_owned)
    }

    #[test]
    fn bytes_that_are_no_text_become_hexadecimal() {
        let read = read(b"INSERT INTO a VALUES (_binary'\xff\\0\\'\\Z''', 'it\\'s', _binary 'text')").unwrap();
        assert_eq!(read, "INSERT INTO a VALUES (_binary X'ff00271a27', 'it\\'s', _binary 'text')");
    }

    #[test]
    fn text_that_is_not_utf8_stays_a_refusal() {
        assert_eq!(read(b"SELECT '\xe9', _binary'\xff'"), None);
        assert_eq!(read(b"SELECT \xe9"), None);
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(text: Vec<u8>) {
            let _text = read(&text);
        }
    }
}
