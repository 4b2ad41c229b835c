//! What a string literal says. Needed for names of the client's own two-phase commit: ours must be recognised however
//! they are written.

use super::head::{Head, unescape};
use super::lex::TokenKind;
use crate::base::Dialect;

/// The literal that stands here, decoded; adjacent ones are one, as on the servers. Steps over it.
pub(super) fn take(head: &mut Head<'_>) -> Option<String> {
    if head.mysql()
        && let Some(bytes) = hexadecimal(head)
    {
        return Some(String::from_utf8_lossy(&bytes).into_owned());
    }
    let mut out: Option<Vec<u8>> = None;
    while let Some(token) = head.peek(0).filter(|t| t.kind == TokenKind::Str) {
        let backslash = head.reading.backslash_escapes;
        out.get_or_insert_default().extend(decode(head.bytes(token), head.reading.dialect, backslash));
        head.at += 1;
    }
    out.map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
}

/// MySQL: `0x6866` and `X'6866'`.
fn hexadecimal(head: &mut Head<'_>) -> Option<Vec<u8>> {
    let first = head.bytes(head.peek(0)?);
    let digits = if let Some(digits) = first.strip_prefix(b"0x").or_else(|| first.strip_prefix(b"0X")) {
        head.at += 1;
        digits
    } else if first.eq_ignore_ascii_case(b"x") && head.kind(1) == Some(TokenKind::Str) {
        let quoted = head.bytes(head.peek(1)?);
        head.at += 2;
        quoted.get(1..quoted.len().saturating_sub(1)).unwrap_or_default()
    } else {
        return None;
    };
    let pair = |p: &[u8]| std::str::from_utf8(p).ok().and_then(|p| u8::from_str_radix(p, 16).ok());
    Some(digits.chunks(2).map(|p| pair(p).unwrap_or(b'?')).collect())
}

fn decode(token: &[u8], dialect: Dialect, backslash: bool) -> Vec<u8> {
    if token.first() == Some(&b'$') {
        let tag = token.iter().skip(1).position(|b| *b == b'$').map_or(0, |n| n + 2);
        return token.get(tag..token.len().saturating_sub(tag)).unwrap_or_default().to_vec();
    }
    let Some(open) = token.iter().position(|b| matches!(b, b'\'' | b'"')) else { return token.to_vec() };
    let prefix = token.get(..open).unwrap_or_default();
    let quote = token.get(open).copied().unwrap_or(b'\'');
    let inner = token.get(open + 1..token.len().saturating_sub(1)).unwrap_or_default();
    let escapes =
        prefix.eq_ignore_ascii_case(b"e") || (backslash && !prefix.starts_with(b"u") && !prefix.starts_with(b"U"));
    let mut out = Vec::with_capacity(inner.len());
    let mut at = 0;
    while let Some(&byte) = inner.get(at) {
        at += 1;
        if byte == quote {
            at += usize::from(inner.get(at) == Some(&quote));
            out.push(quote);
        } else if byte == b'\\' && escapes {
            at += escape(inner.get(at..).unwrap_or_default(), dialect, &mut out);
        } else {
            out.push(byte);
        }
    }
    if prefix.len() == 2 { unescape(&String::from_utf8_lossy(&out)).into_bytes() } else { out }
}

/// What follows a backslash; says how many bytes it took.
fn escape(rest: &[u8], dialect: Dialect, out: &mut Vec<u8>) -> usize {
    let Some(&byte) = rest.first() else { return 0 };
    if dialect == Dialect::Postgres {
        let (digits, radix, skip) = match byte {
            b'x' => (2, 16, 1),
            b'u' => (4, 16, 1),
            b'U' => (8, 16, 1),
            b'0'..=b'7' => (3, 8, 0),
            _ => (0, 10, 0),
        };
        let run = rest.iter().skip(skip).take(digits).take_while(|b| char::from(**b).is_digit(radix)).count();
        let code = rest.get(skip..skip + run).and_then(|d| std::str::from_utf8(d).ok());
        if let Some(c) = code.and_then(|d| u32::from_str_radix(d, radix).ok()).and_then(char::from_u32) {
            out.extend(c.to_string().into_bytes());
            return skip + run;
        }
    }
    out.push(match byte {
        b'n' => b'\n',
        b't' => b'\t',
        b'r' => b'\r',
        b'b' => 8,
        b'0' => 0,
        other => other,
    });
    1
}

#[cfg(test)]
mod tests {
    use crate::base::Dialect::{Mysql, Postgres};
    use crate::sql::Kind;
    use crate::sql::tests::names::only;

    #[test]
    fn a_two_phase_name_is_recognised_however_it_is_written() {
        let name = Kind::TwoPhase(Some("hf1.a".into()));
        for text in
            ["'hf1.a'", "E'hf\\x31.a'", "E'\\150f1.a'", "U&'\\0068f1.a'", "$$hf1.a$$", "$x$hf1.a$x$", "'hf'\n'1.a'"]
        {
            assert_eq!(only(Postgres, &format!("COMMIT PREPARED {text}")).kind, name, "{text}");
            assert_eq!(only(Postgres, &format!("PREPARE TRANSACTION {text}")).kind, name, "{text}");
        }
        for text in ["'hf1.a'", "\"hf1.a\"", "'hf1\\.a'", "0x6866312e61", "X'6866312e61'", "x'6866312E61','b',1"] {
            assert_eq!(only(Mysql, &format!("XA COMMIT {text}")).kind, name, "{text}");
        }
    }
}
