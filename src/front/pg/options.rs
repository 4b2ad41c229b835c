//! Startup parameters that are settings, and the command line that `options` holds.

use crate::base::{Fault, FaultKind};
use crate::wire::pg::startup::Parameters;

/// The startup parameters that are settings, `options` (`-c name=value`) among them.
pub(super) fn settings(parameters: &[(Vec<u8>, Vec<u8>)]) -> Result<Parameters, Fault> {
    let mut list = Vec::new();
    for (name, value) in parameters {
        match name.as_slice() {
            b"user" | b"database" | b"replication" => {}
            b"options" => list.extend(options(value)?),
            other if other.starts_with(b"_pq_.") => {}
            _ => list.push((name.clone(), value.clone())),
        }
    }
    Ok(list)
}

/// `-c name=value` and `--name=value`, words split at blanks, a backslash keeping the next byte.
fn options(text: &[u8]) -> Result<Parameters, Fault> {
    let mut list = Vec::new();
    let mut words = words(text).into_iter();
    while let Some(word) = words.next() {
        let assignment = match word.strip_prefix(b"--") {
            Some(rest) => Some(rest.to_vec()),
            None if word == b"-c" => words.next(),
            None => word.strip_prefix(b"-c").map(<[u8]>::to_vec),
        };
        let pair = assignment.as_deref().and_then(|pair| {
            let at = pair.iter().position(|&b| b == b'=')?;
            Some((pair[..at].iter().map(|&b| if b == b'-' { b'_' } else { b }).collect(), pair[at + 1..].to_vec()))
        });
        list.push(pair.ok_or_else(|| {
            let word = String::from_utf8_lossy(&word).into_owned();
            Fault::new(FaultKind::NotSupported, format!("command-line option {word:?} in the startup packet"))
                .hint("Use -c name=value.")
        })?);
    }
    Ok(list)
}

fn words(text: &[u8]) -> Vec<Vec<u8>> {
    let mut list = Vec::new();
    let mut word: Option<Vec<u8>> = None;
    let mut bytes = text.iter();
    while let Some(&byte) = bytes.next() {
        if byte.is_ascii_whitespace() {
            list.extend(word.take());
            continue;
        }
        let kept = if byte == b'\\' { bytes.next().copied().unwrap_or(byte) } else { byte };
        word.get_or_insert_default().push(kept);
    }
    list.extend(word);
    list
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_are_read_as_the_server_reads_them() {
        let read = options(br"-c geqo=off  --statement-timeout=5min -csearch_path=a\ b").unwrap();
        let read: Vec<_> = read
            .iter()
            .map(|(name, value)| format!("{}={}", String::from_utf8_lossy(name), String::from_utf8_lossy(value)))
            .collect();
        assert_eq!(read, ["geqo=off", "statement_timeout=5min", "search_path=a b"]);
        assert!(options(b"-x").is_err());
        assert!(options(b"-c").is_err());
    }
}
