//! `handfast config show|schema` and `handfast hash-password`.

use std::io::{IsTerminal, Read};

use serde_json::json;

use super::{Exit, Output, complain, print};
use crate::config::{Config, Verifier, schema};

/// Prints every value.
pub(super) fn show(config: &Config, origin: bool, output: Output) -> Exit {
    match output {
        Output::Json => {
            let value = |setting: &crate::config::Setting| json!({ "key": setting.key, "value": setting.value, "origin": setting.origin.to_string() });
            let values: Vec<_> = config.settings.iter().map(value).collect();
            print(&format!("{:#}\n", json!({ "values": values })));
        }
        Output::Table => {
            let width = |cells: &dyn Fn(usize) -> usize| (0..config.settings.len()).map(cells).max().unwrap_or(0);
            let keys = width(&|n| config.settings[n].key.chars().count());
            let values = width(&|n| config.settings[n].value.chars().count()).min(VALUE_CHARS_MAX);
            for setting in &config.settings {
                let value = if setting.value.is_empty() { "-" } else { &setting.value };
                let origin = if origin { setting.origin.to_string() } else { String::new() };
                let line = format!("{:keys$}  {value:values$}  {origin}", setting.key);
                print(&format!("{}\n", line.trim_end()));
            }
        }
    }
    Exit::Ok
}

/// A longer value does not push the origins of the others out of sight.
const VALUE_CHARS_MAX: usize = 60;

/// Prints the schema.
pub(super) fn schema() -> Exit {
    print(&schema::text());
    Exit::Ok
}

/// Nobody's password is longer.
const PASSWORD_BYTES_MAX: u64 = 4096;

/// Reads a password and prints its verifier. Never from the command line, which everybody on the machine can read.
pub(super) fn hash_password() -> Exit {
    let stdin = std::io::stdin();
    let read = if stdin.is_terminal() { asked() } else { piped(&mut stdin.lock()) };
    let password = match read {
        Ok(password) => password,
        Err(why) => {
            complain(format!("error: {why}"));
            return Exit::Usage;
        }
    };
    let verifier = Verifier::new(&password, &rand::random::<[u8; 16]>());
    print(&format!("password_hash = \"{}\"\n", verifier.text()));
    Exit::Ok
}

fn piped(input: &mut dyn Read) -> Result<String, String> {
    let mut text = String::new();
    input.take(PASSWORD_BYTES_MAX).read_to_string(&mut text).map_err(|error| format!("no password: {error}"))?;
    let password = text.trim_end_matches(['\r', '\n']);
    match password {
        "" => Err("the password is empty; pipe it in, or type it at the terminal".to_owned()),
        text if text.contains(['\r', '\n']) => Err("the password has several lines".to_owned()),
        text => Ok(text.to_owned()),
    }
}

/// Asks at the terminal, twice, without showing what is typed.
fn asked() -> Result<String, String> {
    let first = typed("Password: ")?;
    if typed("Again: ")? == first { Ok(first) } else { Err("the two are not the same".to_owned()) }
}

fn typed(prompt: &str) -> Result<String, String> {
    use rustix::termios::{LocalModes, OptionalActions, tcgetattr, tcsetattr};
    let stdin = std::io::stdin();
    let failed = |error: rustix::io::Errno| format!("the terminal cannot be used: {error}");
    let before = tcgetattr(&stdin).map_err(failed)?;
    let mut silent = before.clone();
    silent.local_modes.remove(LocalModes::ECHO);
    silent.local_modes.insert(LocalModes::ECHONL);
    eprint!("{prompt}");
    tcsetattr(&stdin, OptionalActions::Flush, &silent).map_err(failed)?;
    let mut line = String::new();
    let read = stdin.read_line(&mut line).map_err(|error| format!("no password: {error}"));
    tcsetattr(&stdin, OptionalActions::Flush, &before).map_err(failed)?;
    read.and_then(|_| piped(&mut line.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_piped_password_is_one_line_and_its_end_is_not_its_own() {
        assert_eq!(piped(&mut "sec ret\r\n".as_bytes()).unwrap(), "sec ret");
        assert!(piped(&mut "\n".as_bytes()).is_err());
        assert!(piped(&mut "a\nb\n".as_bytes()).is_err());
    }
}
