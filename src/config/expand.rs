//! `${NAME}`, `${NAME:-default}` and `$$` in texts.

/// What is wrong with a text's variables.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum ExpandFault {
    /// Not set, and no default.
    Unset(String),
    /// `$` that is neither `${NAME}` nor `$$`.
    Syntax,
}

/// Replaces the variables. `literal(at)` says whether the value of a variable at byte `at` of the template must be
/// percent-encoded (inside a URL's user or password, where its characters mean nothing special).
pub(super) fn expand(
    template: &str,
    env: &dyn Fn(&str) -> Option<String>,
    literal: &dyn Fn(usize) -> bool,
) -> Result<String, Vec<ExpandFault>> {
    let (mut out, mut faults, mut at) = (String::new(), Vec::new(), 0);
    while let Some(dollar) = template[at..].find('$').map(|offset| at + offset) {
        out.push_str(&template[at..dollar]);
        let rest = &template[dollar + 1..];
        if rest.starts_with('$') {
            out.push('$');
            at = dollar + 2;
            continue;
        }
        let Some((body, end)) = rest.strip_prefix('{').and_then(|body| Some((body, body.find('}')?))) else {
            faults.push(ExpandFault::Syntax);
            at = dollar + 1;
            continue;
        };
        match value(&body[..end], env) {
            Ok(value) if literal(dollar) => out.push_str(&percent_encoded(&value)),
            Ok(value) => out.push_str(&value),
            Err(fault) => faults.push(fault),
        }
        at = dollar + 2 + end + 1;
    }
    out.push_str(&template[at..]);
    if faults.is_empty() { Ok(out) } else { Err(faults) }
}

fn value(body: &str, env: &dyn Fn(&str) -> Option<String>) -> Result<String, ExpandFault> {
    let (name, default) = match body.split_once(":-") {
        Some((name, default)) => (name, Some(default)),
        None => (body, None),
    };
    let word = |b: u8| b.is_ascii_alphanumeric() || b == b'_';
    if name.is_empty() || name.starts_with(|c: char| c.is_ascii_digit()) || !name.bytes().all(word) {
        return Err(ExpandFault::Syntax);
    }
    // As in a shell, `:-` also replaces an empty value.
    match (env(name), default) {
        (Some(value), Some(default)) if value.is_empty() => Ok(default.to_owned()),
        (Some(value), _) => Ok(value),
        (None, Some(default)) => Ok(default.to_owned()),
        (None, None) => Err(ExpandFault::Unset(name.to_owned())),
    }
}

/// Text as it stands in a URL's user, password or database.
pub(super) fn percent_encoded(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn env(name: &str) -> Option<String> {
        match name {
            "PASSWORD" => Some("p@ss/w$rd".to_owned()),
            "EMPTY" => Some(String::new()),
            _ => None,
        }
    }

    #[test]
    fn variables_and_defaults_and_dollars_are_replaced() {
        let plain = |_: usize| false;
        for (template, expected) in [
            ("no variables", "no variables"),
            ("<${PASSWORD}>", "<p@ss/w$rd>"),
            ("${NONE:-fall back}", "fall back"),
            ("${EMPTY:-fall back}", "fall back"),
            ("${EMPTY}", ""),
            ("a$$b$${c}", "a$b${c}"),
        ] {
            assert_eq!(expand(template, &env, &plain).unwrap(), expected, "{template}");
        }
        assert_eq!(expand("${PASSWORD}", &env, &|_| true).unwrap(), "p%40ss%2Fw%24rd");
    }

    #[test]
    fn every_bad_variable_of_a_text_is_told() {
        let faults = expand("${NONE} ${OTHER} $x ${9} ${", &env, &|_| false).unwrap_err();
        let unset = |name: &str| ExpandFault::Unset(name.to_owned());
        let syntax = || ExpandFault::Syntax;
        assert_eq!(faults, [unset("NONE"), unset("OTHER"), syntax(), syntax(), syntax()]);
    }
}
