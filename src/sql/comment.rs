//! Comments of the sqlcommenter kind: `/*key='value',key='value'*/`, in front of a statement or behind it. Whoever traces
//! requests puts their trace context there.
//!
//! Source: open-telemetry.github.io/opentelemetry-sqlcommenter/spec; values without quotes are met, too.

/// Where the white space and the comment begin that end a text, if that is one of this kind. What is before it is the same
/// statement: only texts that no server reads to their end differ.
pub(super) fn trailing(text: &[u8]) -> Option<usize> {
    let end = text.iter().rposition(|b| !b.is_ascii_whitespace() && *b != b';')? + 1;
    let body = text.get(..end)?.strip_suffix(b"*/")?;
    let start = body.windows(2).rposition(|two| two == b"/*")?;
    let inside = body.get(start + 2..)?;
    // What looks like a comment may stand in a literal, a name or another comment. Its quotes come in pairs, so that whoever reads
    // it from inside of a literal is inside again at the end, and refuses the text: unless something in between ends or swallows
    // what follows, as a second quote, a comment or a new line does.
    let ends_it = |b: &u8| b"\"`$#*\\".contains(b) || (b.is_ascii_control() && *b != b'\t');
    let certain = !inside.iter().any(ends_it) && !inside.windows(2).any(|two| two == b"--");
    let certain = certain && pairs(inside).next().is_some();
    let all = certain && pairs(inside).all(|pair| pair.is_some());
    let bare = text.get(..start)?;
    all.then(|| bare.iter().rposition(|b| !b.is_ascii_whitespace()).map_or(0, |at| at + 1)).filter(|at| *at > 0)
}

/// The trace context that a comment in front of a text or behind it names.
pub fn traceparent(text: &[u8]) -> Option<&str> {
    let trimmed = text.trim_ascii_start();
    let behind = || {
        let end = text.iter().rposition(|b| !b.is_ascii_whitespace() && *b != b';')? + 1;
        let body = text.get(..end)?.strip_suffix(b"*/")?;
        body.get(body.windows(2).rposition(|two| two == b"/*")? + 2..)
    };
    let before = || {
        let body = trimmed.strip_prefix(b"/*")?;
        body.get(..body.windows(2).position(|two| two == b"*/")?)
    };
    let named = |inside: &'_ [u8]| -> Option<(usize, usize)> {
        let (_, value) = pairs(inside).flatten().find(|(key, _)| *key == b"traceparent")?;
        let at = value.as_ptr().addr() - inside.as_ptr().addr();
        Some((at, at + value.len()))
    };
    let of = |inside: Option<&'_ [u8]>| -> Option<(usize, usize)> {
        let inside = inside?;
        let (from, to) = named(inside)?;
        let base = inside.as_ptr().addr() - text.as_ptr().addr();
        Some((base + from, base + to))
    };
    let (from, to) = of(behind()).or_else(|| of(before()))?;
    std::str::from_utf8(text.get(from..to)?).ok()
}

/// A key and its value.
type Pair<'a> = (&'a [u8], &'a [u8]);

/// The pairs of a comment's inside; `None` for what is no pair.
fn pairs(inside: &[u8]) -> impl Iterator<Item = Option<Pair<'_>>> {
    let mut rest = Some(inside);
    std::iter::from_fn(move || {
        let own = rest?;
        let Some((pair, behind)) = pair(own.trim_ascii_start()) else {
            rest = None;
            return Some(None);
        };
        let behind = behind.trim_ascii_start();
        rest = match behind.split_first() {
            None => None,
            Some((b',', next)) => Some(next),
            // Goes on with what is no pair.
            Some(_) => Some(&b"?"[..]),
        };
        Some(Some(pair))
    })
}

/// `key=value` at the front, and what is behind it.
fn pair(text: &[u8]) -> Option<(Pair<'_>, &[u8])> {
    let plain = |b: &u8| b.is_ascii_alphanumeric() || b"_.%-~".contains(b);
    let key_bytes = text.iter().take_while(|b| plain(b)).count();
    let (key, rest) = text.split_at(key_bytes);
    let value = rest.trim_ascii_start().strip_prefix(b"=")?.trim_ascii_start();
    if key.is_empty() {
        return None;
    }
    if let Some(quoted) = value.strip_prefix(b"'") {
        let end = quoted.iter().position(|b| *b == b'\'')?;
        return Some(((key, &quoted[..end]), &quoted[end + 1..]));
    }
    let end = value.iter().take_while(|b| plain(b)).count();
    Some(((key, &value[..end]), &value[end..]))
}

#[cfg(test)]
mod tests {
    use super::*;

    const PARENT: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

    #[test]
    fn a_trace_context_is_found_quoted_or_not_in_front_or_behind() {
        for text in [
            format!("SELECT 1 /*traceparent='{PARENT}'*/"),
            format!("SELECT 1 /* action='%2Fpay',traceparent = '{PARENT}', x='y' */ ;"),
            format!("SELECT 1 /*traceparent={PARENT}*/"),
            format!(" /*traceparent='{PARENT}'*/ SELECT 1"),
            format!("/*traceparent='{PARENT}'*/ SELECT 1 /*route='a'*/"),
        ] {
            assert_eq!(traceparent(text.as_bytes()), Some(PARENT), "{text}");
        }
        for text in
            ["SELECT 1", "SELECT '/*traceparent=*/'", "/* x */", "*/", "/*", "SELECT 1 /*tracestate='a=1'*/", ""]
        {
            assert_eq!(traceparent(text.as_bytes()), None, "{text}");
        }
    }

    #[test]
    fn only_a_comment_of_pairs_at_the_end_is_cut() {
        for (text, bare) in [
            ("SELECT 1 /*a='b'*/", "SELECT 1"),
            ("SELECT 1\n/*a='b',c_d='%2F'*/ ; ", "SELECT 1"),
            ("SELECT 1/*a=b*/", "SELECT 1"),
        ] {
            assert_eq!(trailing(text.as_bytes()).map(|at| &text[..at]), Some(bare), "{text}");
        }
        for text in [
            "SELECT 1",
            "/*a='b'*/",
            "SELECT 1 /* handfast: backend=delivery */",
            "SELECT 1 /*+ NO_MERGE(a) */",
            "SELECT 1 /*!50000 a='b'*/",
            "SELECT 1 /*M! a='b'*/",
            "SELECT 1 /**/",
            "SELECT 1 /* words */",
            "SELECT 1 /*a='b\\'c'*/",
            "SELECT 1 /*a='b' c='d'*/",
            "SELECT 1 /*a='b*/",
            "SELECT 1 /*a='b'*/ FROM t",
            // To a server these are whole statements, of which the front is only a part.
            "SELECT '/*a=' , (SELECT n FROM t) -- '*/",
            "SELECT '/*a='--'*/",
            "SELECT '/*a=' # '*/",
            "SELECT \"/*a='\" , (SELECT n FROM t) -- '*/",
            "SELECT \"/*a='\"; COMMIT -- '*/",
            "SELECT n AS `/*a='` FROM t -- '*/",
            "SELECT $$/*a='$$ , 1 -- '*/",
            "SELECT 1 -- /*a='\n , (SELECT n FROM t) -- '*/",
        ] {
            assert_eq!(trailing(text.as_bytes()), None, "{text}");
        }
    }
}
