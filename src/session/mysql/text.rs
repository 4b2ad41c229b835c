//! Small questions to a text that need no parser.

use std::borrow::Cow;
use std::ops::Range;

use crate::route::Edit;

/// Whether a `;` stands before the end: one statement to us may be several to the server.
pub(super) fn has_inner_semicolon(text: &[u8]) -> bool {
    let end = text.iter().rposition(|b| !b.is_ascii_whitespace() && *b != b';').map_or(0, |at| at + 1);
    text[..end].contains(&b';')
}

/// The text without the white space and the comments before its first word. Comments that servers execute stay.
pub(super) fn from_first_word(mut text: &[u8]) -> &[u8] {
    let after = |text: &[u8], end: &[u8]| text.windows(end.len()).position(|w| w == end).map(|at| at + end.len());
    loop {
        text = text.trim_ascii_start();
        let executed = text.starts_with(b"/*!") || text.starts_with(b"/*M!");
        let end = match text {
            [b'/', b'*', rest @ ..] if !executed => after(rest, b"*/").map(|at| at + 2),
            [b'#', ..] | [b'-', b'-', b' ' | b'\t' | b'\n', ..] => after(text, b"\n"),
            _word => return text,
        };
        match end {
            Some(end) => text = &text[end..],
            None => return text,
        }
    }
}

/// The first words, upper case, without comments before them; at most `count`, and of the first bytes only.
pub(super) fn words(text: &[u8], count: usize) -> Vec<String> {
    const LOOK_AT_BYTES: usize = 256;
    let text = from_first_word(text);
    let text = text.get(..LOOK_AT_BYTES).unwrap_or(text);
    let of_word = |b: &u8| !b.is_ascii_whitespace() && *b != b';';
    text.split(|b| !of_word(b))
        .filter(|word| !word.is_empty())
        .take(count)
        .map(|word| String::from_utf8_lossy(word).to_ascii_uppercase())
        .collect()
}

/// Whether the text holds this word (lower case) in any case.
pub(super) fn holds(text: &[u8], word: &[u8]) -> bool {
    text.windows(word.len()).any(|w| w.eq_ignore_ascii_case(word))
}

/// The user variables of a text, lower case, as far as a glance tells: `@x`, not `@@x`. One in a string is one too much.
pub(super) fn user_variables(text: &[u8]) -> Vec<String> {
    let of_name = |b: &u8| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'.' | b'$' | 0x80..);
    let quoted = |b: &u8| matches!(b, b'`' | b'\'' | b'"');
    let mut names = Vec::new();
    let mut at = 0;
    while let Some(here) = text[at..].iter().position(|b| *b == b'@') {
        let system = text[at + here + 1..].starts_with(b"@");
        at += here + if system { 2 } else { 1 };
        let rest = &text[at..];
        let rest = rest.strip_prefix(rest.get(..1).filter(|b| quoted(&b[0])).unwrap_or_default()).unwrap_or(rest);
        let name = &rest[..rest.iter().position(|b| !of_name(b)).unwrap_or(rest.len())];
        if !system && !name.is_empty() {
            names.push(String::from_utf8_lossy(name).to_lowercase());
        }
    }
    names
}

/// Whether a text says `INTO @…`.
pub(super) fn into_variable(text: &[u8]) -> bool {
    let mut words = text.windows(4).enumerate().filter(|(_, w)| w.eq_ignore_ascii_case(b"into"));
    words.any(|(at, _)| text[at + 4..].trim_ascii_start().starts_with(b"@"))
}

/// The variable's name as written, if the text asks for the session's autocommit and for nothing else, as drivers do.
pub(super) fn asked_for_autocommit(text: &[u8]) -> Option<&str> {
    const LONGEST_BYTES: usize = 64;
    let text = from_first_word(text);
    if text.len() > LONGEST_BYTES {
        return None;
    }
    let text = std::str::from_utf8(text).ok()?.trim_end_matches([';', ' ', '\n']);
    let (select, name) = text.split_once(char::is_whitespace)?;
    let (select, name) = (select.to_ascii_lowercase(), name.trim());
    let asked = ["@@autocommit", "@@session.autocommit", "@@local.autocommit"];
    (select == "select" && asked.contains(&&*name.to_ascii_lowercase())).then_some(name)
}

/// The part of a text, with the edits that fall into it.
pub(super) fn edited<'a>(text: &'a [u8], span: &Range<usize>, edits: &[Edit]) -> Cow<'a, [u8]> {
    let part = text.get(span.clone()).unwrap_or(text);
    if edits.is_empty() {
        return Cow::Borrowed(part);
    }
    let (mut out, mut at) = (Vec::with_capacity(part.len() + 32), span.start);
    for edit in edits {
        if edit.span.start < at || edit.span.end > span.end {
            continue;
        }
        out.extend_from_slice(&text[at..edit.span.start]);
        out.extend_from_slice(edit.text.as_bytes());
        at = edit.span.end;
    }
    out.extend_from_slice(&text[at..span.end]);
    Cow::Owned(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_semicolon_before_the_end_counts() {
        for (text, inner) in
            [("a; b", true), ("a;", false), ("a ; \n", false), ("a;;", false), ("';'", true), ("", false)]
        {
            assert_eq!(has_inner_semicolon(text.as_bytes()), inner, "{text}");
        }
    }

    #[test]
    fn comments_before_a_word_are_passed_over() {
        let text = b" /* handfast: backend=x */ -- one\n# two\n create temporary table t(id int)";
        assert_eq!(words(text, 2), ["CREATE", "TEMPORARY"]);
        assert_eq!(words(b"/*!40000 ALTER */", 1), ["/*!40000"]);
        assert!(words(b"/* open", 1).len() <= 1);
    }

    #[test]
    fn user_variables_are_told_from_the_servers() {
        assert_eq!(user_variables(b"select @A, @@b, @`c`, '@', @"), ["a", "c"]);
        assert!(user_variables(b"select 1").is_empty());
        assert!(into_variable(b"select 1 INTO @a"));
        assert!(!into_variable(b"insert into t values (@a)"));
    }

    #[test]
    fn only_a_question_for_autocommit_alone_is_ours_to_answer() {
        assert_eq!(asked_for_autocommit(b"/* x */ SELECT @@Session.autocommit;"), Some("@@Session.autocommit"));
        for other in [&b"SELECT @@autocommit, 1"[..], b"SELECT @@global.autocommit", b"SELECT", b"", &[b' '; 500]] {
            assert_eq!(asked_for_autocommit(other), None);
        }
    }

    #[test]
    fn edits_land_in_their_statement() {
        let edits = [Edit { span: 14..15, text: "`b`.`y`".into() }];
        assert_eq!(&edited(b"x; select from t where 1", &(2..24), &edits)[..], b" select from`b`.`y`t where 1");
        assert_eq!(&edited(b"abc", &(0..3), &[])[..], b"abc");
    }
}
