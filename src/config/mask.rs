//! No password is ever shown: lines of the file are masked before they are printed.

/// The line with every password replaced by as many asterisks, so that carets still fit.
pub(super) fn masked(line: &str) -> String {
    let mut chars: Vec<char> = line.chars().collect();
    mask_urls(&mut chars);
    mask_passwords(&mut chars);
    chars.into_iter().collect()
}

fn find(chars: &[char], from: usize, what: &str) -> Option<usize> {
    let what: Vec<char> = what.chars().collect();
    (from..chars.len()).find(|&start| chars[start..].starts_with(&what))
}

/// `://user:PASSWORD@`
fn mask_urls(chars: &mut [char]) {
    let mut from = 0;
    while let Some(scheme) = find(chars, from, "://") {
        let start = scheme + 3;
        let ends = |c: &char| matches!(c, '"' | '\'') || c.is_whitespace();
        let end = chars[start..].iter().position(ends).map_or(chars.len(), |length| start + length);
        let at = chars[start..end].iter().rposition(|&c| c == '@').map(|length| start + length);
        let colon = chars[start..end].iter().position(|&c| c == ':').map(|length| start + length);
        if let (Some(at), Some(colon)) = (at, colon) {
            mask(chars, colon + 1, at);
        }
        from = end;
    }
}

/// `password = "PASSWORD"`
fn mask_passwords(chars: &mut [char]) {
    let mut from = 0;
    while let Some(key) = find(chars, from, "password") {
        from = key + "password".len();
        if chars[from..].starts_with(&['_', 'h', 'a', 's', 'h']) {
            from += "_hash".len();
        }
        let Some(start) =
            (from..chars.len()).find(|&at| !chars[at].is_whitespace() && !matches!(chars[at], '"' | '\''))
        else {
            return;
        };
        if chars[start] != '=' {
            continue;
        }
        let value = (start + 1..chars.len()).find(|&at| !chars[at].is_whitespace()).unwrap_or(chars.len());
        let quote = chars.get(value).copied().filter(|c| matches!(c, '"' | '\''));
        let first = if quote.is_some() { value + 1 } else { value };
        let last = match quote {
            Some(quote) => closing_quote(chars, first, quote),
            None => chars[first..].iter().position(|c| matches!(c, ',' | '}' | '#')).map_or(chars.len(), |n| first + n),
        };
        mask(chars, first, last);
        from = last;
    }
}

fn closing_quote(chars: &[char], from: usize, quote: char) -> usize {
    let mut at = from;
    while at < chars.len() && chars[at] != quote {
        at += if chars[at] == '\\' && quote == '"' { 2 } else { 1 };
    }
    at.min(chars.len())
}

/// Variables are names, not secrets: a text of exactly one `${…}` without a default stays.
fn mask(chars: &mut [char], from: usize, to: usize) {
    let secret: String = chars[from..to].iter().collect();
    let variable = secret.strip_prefix("${").and_then(|rest| rest.strip_suffix('}'));
    if variable.is_some_and(|name| name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')) {
        return;
    }
    chars[from..to].fill('*');
}
