//! The few statements about cursors on a backend of the other dialect, which PostgreSQL sessions carry out themselves, read.

use std::ops::Range;

use super::Reading;
use super::lex::{Lexer, Token, TokenKind};
use crate::base::{Fault, FaultKind};

/// `DECLARE name [options] CURSOR [WITH HOLD] FOR query`
#[derive(Debug, PartialEq, Eq)]
pub struct Declared {
    /// It outlives its transaction.
    pub hold: bool,
    /// The query's bytes.
    pub query: Range<usize>,
}

/// What is done with a cursor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Command {
    /// FETCH so many rows.
    Fetch(u64),
    /// MOVE over so many rows.
    Move(u64),
    /// CLOSE
    Close,
}

fn tokens(reading: Reading, text: &[u8]) -> Vec<Token> {
    // All that is read here stands among the first few.
    Lexer::new(reading, text).take(24).collect()
}

fn word(text: &[u8], token: &Token) -> String {
    if !matches!(token.kind, TokenKind::Word | TokenKind::Number) {
        return String::new();
    }
    String::from_utf8_lossy(&text[token.start..token.end]).to_lowercase()
}

fn not_done(what: &str) -> Fault {
    Fault::new(FaultKind::NotSupported, format!("{what} is not done for tables on a backend of the other dialect"))
}

/// Reads a DECLARE.
///
/// # Errors
/// A form that is not done.
pub fn declared(reading: Reading, text: &[u8]) -> Result<Declared, Fault> {
    let tokens = tokens(reading, text);
    let words: Vec<String> = tokens.iter().map(|token| word(text, token)).collect();
    let found = words.iter().position(|w| w == "cursor").filter(|at| *at >= 2);
    let at = found.ok_or_else(|| not_done("this form of DECLARE"))?;
    let options = &words[2..at];
    if options.iter().any(|option| option == "binary") {
        return Err(not_done("DECLARE … BINARY CURSOR"));
    }
    if options.iter().enumerate().any(|(n, o)| o == "scroll" && (n == 0 || options[n - 1] != "no")) {
        return Err(not_done("DECLARE … SCROLL CURSOR"));
    }
    let behind = words[at + 1..].iter().position(|w| w == "for").map(|n| at + 1 + n);
    let last = behind.ok_or_else(|| not_done("this form of DECLARE"))?;
    let hold = words[at + 1..last].first().is_some_and(|w| w == "with");
    Ok(Declared { hold, query: tokens[last].end..text.len() })
}

/// Reads FETCH, MOVE or CLOSE of a cursor that is known by name.
///
/// # Errors
/// It goes backwards.
pub fn command(reading: Reading, text: &[u8]) -> Result<Command, Fault> {
    let tokens = tokens(reading, text);
    let words: Vec<String> = tokens.iter().map(|token| word(text, token)).collect();
    let verb = words.first().map(String::as_str).unwrap_or_default();
    if verb == "close" {
        return Ok(Command::Close);
    }
    // The name is last; FROM or IN may stand before it.
    let mut middle = words.get(1..words.len().saturating_sub(1)).unwrap_or_default();
    if let Some((last, before)) = middle.split_last()
        && (last == "from" || last == "in")
    {
        middle = before;
    }
    let middle: Vec<&str> = middle.iter().map(String::as_str).collect();
    let rows = match middle.as_slice() {
        [] | ["next" | "forward"] => 1,
        ["all"] | ["forward", "all"] => u64::MAX,
        [number] | ["forward", number] => match number.parse::<u64>() {
            Ok(number) => number,
            Err(_) => return Err(backwards()),
        },
        _ => return Err(backwards()),
    };
    Ok(if verb == "move" { Command::Move(rows) } else { Command::Fetch(rows) })
}

fn backwards() -> Fault {
    Fault::new(FaultKind::NotSupported, "cursor can only scan forward")
        .detail("a cursor over tables on a backend of the other dialect")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::Dialect;

    fn reading() -> Reading {
        Reading::new(Dialect::Postgres)
    }

    #[test]
    fn a_declare_is_read() {
        let text = b"DECLARE \"c1\" NO SCROLL CURSOR WITH HOLD FOR SELECT 1 FROM agents FOR UPDATE";
        let read = declared(reading(), text).unwrap();
        assert!(read.hold);
        assert_eq!(&text[read.query], b" SELECT 1 FROM agents FOR UPDATE");
        assert!(!declared(reading(), b"declare c cursor for select 1").unwrap().hold);
        assert!(!declared(reading(), b"declare c cursor without hold for select 1").unwrap().hold);
        assert!(declared(reading(), b"declare c scroll cursor for select 1").is_err());
    }

    #[test]
    fn what_is_done_with_a_cursor_is_read() {
        let read = |text: &str| command(reading(), text.as_bytes());
        assert_eq!(read("FETCH c").unwrap(), Command::Fetch(1));
        assert_eq!(read("fetch forward 100 from \"c\"").unwrap(), Command::Fetch(100));
        assert_eq!(read("FETCH ALL IN c").unwrap(), Command::Fetch(u64::MAX));
        assert_eq!(read("FETCH 5 c").unwrap(), Command::Fetch(5));
        assert_eq!(read("MOVE FORWARD ALL FROM c").unwrap(), Command::Move(u64::MAX));
        assert_eq!(read("CLOSE c").unwrap(), Command::Close);
        assert!(read("FETCH PRIOR FROM c").is_err());
        assert!(read("FETCH -1 FROM c").is_err());
    }
}
