//! Texts of servers and clients that nobody here trusts, as people may see them: on a terminal they must neither move the cursor
//! nor look like something else.

/// The text with escapes for whatever a terminal would obey, except what `may` stay.
pub fn escaped(text: &str, may: impl Fn(char) -> bool) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        if steers(c) && !may(c) {
            out.extend(c.escape_default());
        } else {
            out.push(c);
        }
    }
    out
}

/// Whether a terminal obeys it. Marks of direction make a name look like another one.
pub fn steers(c: char) -> bool {
    c.is_control() || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}
