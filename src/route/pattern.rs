//! Table patterns: `items`, `courier_*`, `delivery.*`.

/// Whether `name` fits the pattern; `*` stands for any text. Linear but for the stars.
pub fn fits(pattern: &str, name: &str) -> bool {
    let Some((head, rest)) = pattern.split_once('*') else { return pattern == name };
    let Some(mut left) = name.strip_prefix(head) else { return false };
    let Some((middle, tail)) = rest.rsplit_once('*') else { return left.ends_with(rest) };
    for part in middle.split('*').filter(|p| !p.is_empty()) {
        let Some(at) = left.find(part) else { return false };
        left = left.get(at + part.len()..).unwrap_or_default();
    }
    left.ends_with(tail)
}

/// Bytes of a pattern that stand for themselves: the more, the more specific.
pub(super) fn literal_bytes(pattern: &str) -> usize {
    pattern.bytes().filter(|b| *b != b'*').count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_star_stands_for_any_text() {
        for (pattern, name) in
            [("courier_*", "courier_x"), ("*", ""), ("a*b*c", "a1b2c"), ("*_log", "x_log"), ("x", "x")]
        {
            assert!(fits(pattern, name), "{pattern} {name}");
        }
        for (pattern, name) in
            [("courier_*", "courier"), ("a*b*c", "acb"), ("*_log", "log"), ("x", "xy"), ("ab*ba", "aba")]
        {
            assert!(!fits(pattern, name), "{pattern} {name}");
        }
    }
}
