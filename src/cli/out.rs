//! Where commands write to. Names, errors and versions come from servers and clients that nobody here trusts: on a terminal
//! they must neither move the cursor nor look like lines of ours.

use std::fmt::Display;
use std::io::{ErrorKind, Write};

use super::Exit;
use crate::base::shown::escaped;

/// Writes to standard output. A reader that went away (`| head`) wants no more and is no fault; whatever else fails (a full
/// disk) is.
pub(super) fn print(text: &str) {
    let mut out = std::io::stdout().lock();
    let Err(error) = out.write_all(harmless(text).as_bytes()).and_then(|()| out.flush()) else { return };
    if error.kind() == ErrorKind::BrokenPipe {
        std::process::exit(Exit::Ok as i32);
    }
    complain(format!("error: cannot write to standard output: {error}"));
    std::process::exit(Exit::Problem as i32);
}

/// Writes a line to standard error. Nobody can be told that it could not be written.
pub(super) fn complain(text: impl Display) {
    let text = harmless(text.to_string().trim_end());
    writeln!(std::io::stderr().lock(), "{text}").unwrap_or_default();
}

/// A text of several lines without anything else that a terminal would obey.
fn harmless(text: &str) -> String {
    escaped(text, |c| matches!(c, '\n' | '\t'))
}

/// A text that stays on its line.
pub(super) fn one_line(text: &str) -> String {
    escaped(text, |_| false)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_server_says_cannot_steer_the_terminal() {
        assert_eq!(
            harmless("gid \u{1b}[2J\r\u{9b}31m\u{202e}x\n\tkäse"),
            "gid \\u{1b}[2J\\r\\u{9b}31m\\u{202e}x\n\tkäse"
        );
        assert_eq!(one_line("a\nb\tc"), "a\\nb\\tc");
    }
}
