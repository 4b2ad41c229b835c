//! LIKE, and as much of regular expressions as catalog queries of clients use.

use crate::base::{Fault, FaultKind};

/// One piece of a pattern.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Piece {
    /// Any text.
    Any,
    /// Any character.
    One,
    /// This one.
    Is(char),
}

/// Whether `text` is like `pattern` as a whole.
pub(super) fn like(text: &str, pattern: &str, escape: Option<char>, fold: bool) -> bool {
    let escape = escape.unwrap_or('\\');
    let mut pieces = Vec::new();
    let mut rest = pattern.chars();
    while let Some(c) = rest.next() {
        pieces.push(match c {
            '%' if escape != '%' => Piece::Any,
            '_' if escape != '_' => Piece::One,
            c if c == escape => Piece::Is(rest.next().unwrap_or(c)),
            c => Piece::Is(c),
        });
    }
    whole(text, &pieces, fold)
}

fn lower(c: char) -> char {
    c.to_lowercase().next().unwrap_or(c)
}

/// Greedy with one place to come back to: linear in the text for each piece.
fn whole(text: &str, pieces: &[Piece], fold: bool) -> bool {
    let text: Vec<char> = text.chars().map(|c| if fold { lower(c) } else { c }).collect();
    let is = |piece: Piece, c: char| match piece {
        Piece::Any => false,
        Piece::One => true,
        Piece::Is(wanted) => c == if fold { lower(wanted) } else { wanted },
    };
    let (mut at, mut piece, mut back) = (0, 0, None);
    while at < text.len() {
        if pieces.get(piece) == Some(&Piece::Any) {
            back = Some((at, piece));
            piece += 1;
        } else if pieces.get(piece).is_some_and(|p| is(*p, text[at])) {
            (at, piece) = (at + 1, piece + 1);
        } else if let Some((from, any)) = back {
            back = Some((from + 1, any));
            (at, piece) = (from + 1, any + 1);
        } else {
            return false;
        }
    }
    pieces[piece..].iter().all(|p| *p == Piece::Any)
}

/// A regular expression of literals, `.`, `.*`, one group of alternatives, `^` and `$`.
#[derive(Clone, Debug)]
pub(super) struct Match {
    alternatives: Vec<Vec<Piece>>,
    fold: bool,
}

impl Match {
    /// Reads one. Errors: it needs more than that.
    pub(super) fn read(pattern: &str, fold: bool) -> Result<Self, Fault> {
        let (start, rest) = pattern.strip_prefix('^').map_or((false, pattern), |rest| (true, rest));
        let (end, rest) = match rest.strip_suffix('$') {
            Some(inner) if !inner.ends_with('\\') => (true, inner),
            Some(_) | None => (false, rest),
        };
        let inner = rest.strip_prefix('(').and_then(|rest| rest.strip_suffix(')')).unwrap_or(rest);
        let mut alternatives = Vec::new();
        for one in inner.split('|') {
            let mut pieces = if start { Vec::new() } else { vec![Piece::Any] };
            let mut chars = one.chars().peekable();
            while let Some(c) = chars.next() {
                pieces.push(match c {
                    '.' if chars.next_if_eq(&'*').is_some() => Piece::Any,
                    '.' => Piece::One,
                    '\\' => match chars.next() {
                        Some(c) if !c.is_alphanumeric() => Piece::Is(c),
                        Some(_) | None => return Err(unknown(pattern)),
                    },
                    '^' | '$' | '*' | '+' | '?' | '(' | ')' | '[' | ']' | '{' | '}' => return Err(unknown(pattern)),
                    c => Piece::Is(c),
                });
            }
            if !end {
                pieces.push(Piece::Any);
            }
            alternatives.push(pieces);
        }
        Ok(Self { alternatives, fold })
    }

    /// Whether a text matches.
    pub(super) fn holds(&self, text: &str) -> bool {
        self.alternatives.iter().any(|pieces| whole(text, pieces, self.fold))
    }
}

fn unknown(pattern: &str) -> Fault {
    let what = format!("the console does not know the regular expression '{pattern}'");
    Fault::new(FaultKind::NotSupported, what).hint("Use LIKE, or a plainer expression.")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn like_knows_its_wildcards_and_escapes() {
        for (text, pattern, is) in [
            ("delivery", "del%", true),
            ("delivery", "%very", true),
            ("delivery", "d_livery", true),
            ("delivery", "deliver", false),
            ("a%b", "a\\%b", true),
            ("axb", "a\\%b", false),
            ("", "%", true),
            ("aXbXc", "a%b%c", true),
            ("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaab", "%a%a%a%a%a%a%a%c", false),
        ] {
            assert_eq!(like(text, pattern, None, false), is, "{text} LIKE {pattern}");
        }
        assert!(like("Delivery", "dEL%", None, true));
    }

    #[test]
    fn a_regular_expression_of_psql_matches_names() {
        assert!(Match::read("^(transactions)$", false).unwrap().holds("transactions"));
        assert!(!Match::read("^(transactions)$", false).unwrap().holds("transactions2"));
        assert!(Match::read("^(trans.*)$", false).unwrap().holds("transactions"));
        assert!(Match::read("^pg_toast", false).unwrap().holds("pg_toast_1"));
        assert!(!Match::read("^pg_toast", false).unwrap().holds("public"));
        assert!(Match::read("a|b", false).unwrap().holds("xbx"));
        assert!(Match::read("[ab]", false).is_err());
    }
}
