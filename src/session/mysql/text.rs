//! Small questions to a text that need no parser.

use std::borrow::Cow;
use std::ops::Range;

use crate::route::Edit;

/// Whether a `;` stands before the end: one statement to us may be several to the server.
pub(super) fn has_inner_semicolon(text: &[u8]) -> bool {
    let end = text.iter().rposition(|b| !b.is_ascii_whitespace() && *b != b';').map_or(0, |at| at + 1);
    text[..end].contains(&b';')
}

/// The first words, upper case, without leading white space; at most `count`.
pub(super) fn words(text: &[u8], count: usize) -> Vec<String> {
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
    fn edits_land_in_their_statement() {
        let edits = [Edit { span: 14..15, text: "`b`.`y`".into() }];
        assert_eq!(&edited(b"x; select from t where 1", &(2..24), &edits)[..], b" select from`b`.`y`t where 1");
        assert_eq!(&edited(b"abc", &(0..3), &[])[..], b"abc");
    }
}
