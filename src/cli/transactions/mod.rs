//! `handfast transactions list|show|resolve|strangers`: the running one is asked; while none runs, `list` and `strangers` ask
//! the backends themselves.

mod offline;
mod show;

use super::args::{Output, TransactionsAction};
use super::running::{AskError, Running};
use super::{Exit, complain, print};
use crate::config::Config;
use crate::ops::model::{Outcome, Resolve, Status, Strangers, Transaction, TransactionState, Transactions};

pub(super) fn run(config: &Config, action: &TransactionsAction) -> Exit {
    let done = match action {
        TransactionsAction::List { all, output } => list(config, *all, *output),
        TransactionsAction::Show { name, output } => show(config, name, *output),
        TransactionsAction::Resolve { name, commit, rollback: _, force_heuristic, give_up, who, output } => {
            let outcome = if *commit { Outcome::Commit } else { Outcome::Rollback };
            let who = who.clone().or_else(|| std::env::var("USER").ok()).unwrap_or_default();
            let asked = Resolve { outcome, force: *force_heuristic, give_up: give_up.clone(), who };
            resolve(config, name, &asked, *output)
        }
        TransactionsAction::Strangers { output } => strangers(config, *output),
    };
    done.unwrap_or_else(|error| {
        complain(error.told());
        Exit::Problem
    })
}

/// What to do while nobody runs; errors of a running one are told as they are.
fn or_offline(error: AskError, config: &Config, what: offline::Wanted, output: Output) -> Result<Exit, AskError> {
    match error {
        AskError::Off | AskError::NotRunning { .. } => {
            complain(format!("note: {error}; asking the backends themselves"));
            Ok(offline::list(config, what, output))
        }
        AskError::NoAnswer { .. } | AskError::Refused(_) => Err(error),
    }
}

fn list(config: &Config, all: bool, output: Output) -> Result<Exit, AskError> {
    let asked = Running::of(config).and_then(|running| {
        let found: Transactions =
            running.get(if all { "transactions?state=all" } else { "transactions?state=in_doubt" })?;
        Ok((found, running.get::<Status>("status")?))
    });
    let (found, status) = match asked {
        Ok(both) => both,
        Err(error) => return or_offline(error, config, offline::Wanted::All, output),
    };
    match output {
        Output::Json => print(&super::json(&found)),
        Output::Table => print(&show::table(&found.transactions, &status)),
    }
    Ok(if status.in_doubt == 0 { Exit::Ok } else { Exit::Problem })
}

fn show(config: &Config, name: &str, output: Output) -> Result<Exit, AskError> {
    let transaction: Transaction = Running::of(config)?.get(&format!("transactions/{}", path_part(name)))?;
    Ok(told(&transaction, output))
}

fn resolve(config: &Config, name: &str, asked: &Resolve, output: Output) -> Result<Exit, AskError> {
    let path = format!("transactions/{}/resolve", path_part(name));
    let transaction: Transaction = Running::of(config)?.post(&path, asked)?;
    Ok(told(&transaction, output))
}

fn told(transaction: &Transaction, output: Output) -> Exit {
    match output {
        Output::Json => print(&super::json(transaction)),
        Output::Table => print(&show::one(transaction)),
    }
    match transaction.state {
        TransactionState::InDoubt | TransactionState::Unknown => Exit::Problem,
        TransactionState::Ending | TransactionState::Committed | TransactionState::RolledBack => Exit::Ok,
    }
}

fn strangers(config: &Config, output: Output) -> Result<Exit, AskError> {
    let found: Strangers = match Running::of(config).and_then(|running| running.get("strangers")) {
        Ok(found) => found,
        Err(error) => return or_offline(error, config, offline::Wanted::Strangers, output),
    };
    match output {
        Output::Json => print(&super::json(&found)),
        Output::Table => print(&show::strangers(&found)),
    }
    Ok(if found.strangers.is_empty() { Exit::Ok } else { Exit::Problem })
}

/// A text as one part of a URL's path; our own names need no escape, whatever else is typed does.
fn path_part(text: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_' | b'~');
    text.bytes().map(|byte| if plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") }).collect()
}
