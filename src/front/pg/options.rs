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

/// Reads a backend's command line: `-c name=value`, `--name=value`, and the switches that stand for a setting which a user
/// may change. What follows a switch may stand in the same word or in the next.
fn options(text: &[u8]) -> Result<Parameters, Fault> {
    let mut list = Vec::new();
    let mut words = words(text).into_iter();
    while let Some(word) = words.next() {
        let value = |words: &mut std::vec::IntoIter<Vec<u8>>| match word.get(2..) {
            Some(rest) if !rest.is_empty() => Ok(rest.to_vec()),
            Some(_) | None => words.next().ok_or_else(|| invalid(&word)),
        };
        match word.as_slice() {
            // The end of the switches: what comes behind is none.
            b"--" => return words.next().map_or(Ok(list), |word| Err(invalid(&word))),
            [b'-', b'-', rest @ ..] => list.push(assignment("--", rest)?),
            [b'-', b'c', ..] => list.push(assignment("-c ", &value(&mut words)?)?),
            b"-e" => list.push((b"datestyle".to_vec(), b"euro".to_vec())),
            [b'-', b'S', ..] => list.push((b"work_mem".to_vec(), value(&mut words)?)),
            [b'-', b'f', ..] => {
                let name = match value(&mut words)?.as_slice() {
                    b"s" => "enable_seqscan",
                    b"i" => "enable_indexscan",
                    b"o" => "enable_indexonlyscan",
                    b"b" => "enable_bitmapscan",
                    b"t" => "enable_tidscan",
                    b"n" => "enable_nestloop",
                    b"m" => "enable_mergejoin",
                    b"h" => "enable_hashjoin",
                    _ => return Err(invalid(&word)),
                };
                list.push((name.as_bytes().to_vec(), b"false".to_vec()));
            }
            [
                b'-',
                b'B' | b'd' | b'F' | b'p' | b't' | b'W' | b'l' | b'N' | b'O' | b'P' | b'r' | b'D' | b'k' | b'h',
                ..,
            ] => {
                let text = format!("the switch {} in options is not read", String::from_utf8_lossy(&word));
                return Err(Fault::new(FaultKind::NotSupported, text).hint("Use -c name=value."));
            }
            _ => return Err(invalid(&word)),
        }
    }
    Ok(list)
}

fn invalid(word: &[u8]) -> Fault {
    let word = String::from_utf8_lossy(word);
    let text = format!("invalid command-line argument for server process: {word}");
    Fault::verbatim(FaultKind::Syntax, text).hint("Try \"postgres --help\" for more information.")
}

/// `name=value`, a hyphen in the name standing for an underscore.
fn assignment(switch: &str, text: &[u8]) -> Result<(Vec<u8>, Vec<u8>), Fault> {
    let Some(at) = text.iter().position(|&b| b == b'=') else {
        let text = format!("{switch}{} requires a value", String::from_utf8_lossy(text));
        return Err(Fault::verbatim(FaultKind::Syntax, text));
    };
    Ok((text[..at].iter().map(|&b| if b == b'-' { b'_' } else { b }).collect(), text[at + 1..].to_vec()))
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
        for wrong in ["-x", "-c", "-c foo", "--foo", "-", "word", "-- word", "-fx", "-S", "-B 10"] {
            assert!(options(wrong.as_bytes()).is_err(), "{wrong}");
        }
        assert_eq!(options(b"-S 100 -e -fs --").unwrap().len(), 3);
    }
}
