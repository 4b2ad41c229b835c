//! Plain words for a tired person. Every sentence stands on its own.

use std::time::Duration;

use super::model::{Branch, BranchState, Decided, HouseState, Outcome, Status, Transaction, TransactionState};

fn list(names: &[String]) -> String {
    match names {
        [] => String::from("nobody"),
        [one] => one.clone(),
        [first @ .., last] => format!("{} and {last}", first.join(", ")),
    }
}

fn plural(count: usize, one: &str, many: &str) -> String {
    if count == 1 { format!("1 {one}") } else { format!("{count} {many}") }
}

fn age(seconds: u64) -> String {
    match seconds {
        0..=119 => format!("{seconds} s"),
        120..=7199 => format!("{} min", seconds / 60),
        _ => format!("{} h", seconds / 3600),
    }
}

fn waiting(transaction: &Transaction) -> Vec<&Branch> {
    let waits = |b: &&Branch| match b.state {
        BranchState::Open | BranchState::Prepared | BranchState::Unreachable => true,
        BranchState::Committed | BranchState::RolledBack | BranchState::Heuristic => false,
    };
    transaction.branches.iter().filter(waits).collect()
}

fn heuristic(transaction: &Transaction) -> Vec<&Branch> {
    transaction.branches.iter().filter(|b| b.state == BranchState::Heuristic).collect()
}

fn names(branches: &[&Branch]) -> Vec<String> {
    let mut names: Vec<String> = branches.iter().map(|b| b.backend.clone()).collect();
    names.dedup();
    names
}

/// The status in plain words.
pub(super) fn sentence(status: &Status, in_doubt: &[Transaction], backends: usize, per_minute: u64) -> String {
    let house = match status.state {
        HouseState::Starting => "Starting: clients are not let in yet. ",
        HouseState::Draining => "Stopping: open transactions may end, new ones are refused. ",
        HouseState::Ready => "",
    };
    let down = match status.backends_down.as_slice() {
        [] => String::new(),
        [one] => format!(" {one} does not answer."),
        several => format!(" {} do not answer.", list(several)),
    };
    if in_doubt.is_empty() {
        let rate = plural(usize::try_from(per_minute).unwrap_or(usize::MAX), "transaction/min", "transactions/min");
        return format!(
            "{house}All whole. {rate} over {}, none in doubt.{down}",
            plural(backends, "database", "databases")
        );
    }
    let broken = in_doubt.iter().filter(|t| !heuristic(t).is_empty()).count();
    if broken > 0 {
        let damaged = plural(broken, "transaction was", "transactions were");
        return format!("{house}{damaged} ended by somebody else on a database: a person must look.{down}");
    }
    let mut waited_for: Vec<String> = in_doubt.iter().flat_map(|t| names(&waiting(t))).collect();
    waited_for.sort();
    waited_for.dedup();
    let (count, they) = (in_doubt.len(), if in_doubt.len() == 1 { "it waits" } else { "they wait" });
    let are = plural(count, "transaction is", "transactions are");
    let is_down = waited_for.iter().any(|name| status.backends_down.contains(name));
    let answer = match (is_down, waited_for.len()) {
        (true, 1) => ", which does not answer",
        (true, _) => ", which do not answer",
        (false, _) => "",
    };
    let decided = in_doubt.iter().filter(|t| t.decision == Some(Decided::Commit)).count();
    let it = if count == 1 { "it" } else { "them" };
    let then = match (decided, count) {
        (0, _) => format!("Handfast rolls {it} back"),
        (d, c) if d == c => format!("Handfast commits {it}"),
        (d, c) => format!("Handfast commits {d} and rolls back {}", c - d),
    };
    let back = if waited_for.len() == 1 { "is back" } else { "are back" };
    let when = if is_down { format!("when {} {back}", list(&waited_for)) } else { String::from("in a moment") };
    let oldest = age(status.oldest_in_doubt_s);
    format!(
        "{house}{are} in doubt: {they} for {}{answer} (for {oldest}). Nothing is half done for readers: they wait. {then} {when}.",
        list(&waited_for)
    )
}

/// A person's word, as timelines tell it.
pub(super) fn concluded(who: &str, outcome: Outcome) -> String {
    format!("concluded by {who}: {}", outcome.word())
}

/// A person's word on a part that was only not reached.
pub(super) fn given_up(who: &str) -> String {
    format!("given up by {who}: nobody waits for it any more")
}

/// Parts of an ended transaction that a person has given up without anybody knowing what became of them.
fn given_up_on(transaction: &Transaction) -> Vec<String> {
    let given_up: Vec<&Branch> = transaction.branches.iter().filter(|b| b.state == BranchState::Unreachable).collect();
    names(&given_up)
}

/// What still happens to them.
fn should_it_come_back(transaction: &Transaction, verb: &str) -> String {
    let names = list(&given_up_on(transaction));
    format!(
        "Its part on {names} was given up by a person, and nobody knows whether it is there. Should {names} come back with it, Handfast \
         {verb} it there; the statement to do it by hand stands beside it."
    )
}

/// Parts of a committed transaction that somebody else had ended against its decision, and that a person has said to be lost.
fn lost(transaction: &Transaction) -> Vec<String> {
    let lost: Vec<&Branch> = transaction.branches.iter().filter(|b| b.state == BranchState::RolledBack).collect();
    names(&lost)
}

/// Why a transaction is not simply done, or did not commit. None: nothing is to be explained.
pub(super) fn why(transaction: &Transaction, cause: Option<&str>) -> Option<String> {
    let waiting = waiting(transaction);
    let problem = |b: &Branch| b.problem.as_ref().map_or_else(String::new, |p| format!(": {p}"));
    match transaction.state {
        TransactionState::Ending => None,
        TransactionState::Committed | TransactionState::RolledBack if !given_up_on(transaction).is_empty() => {
            let part = list(&given_up_on(transaction));
            Some(format!("{part} was never reached again, and a person has given up its part"))
        }
        TransactionState::Committed => {
            let lost = lost(transaction);
            let part = if lost.len() == 1 { "its part" } else { "its parts" };
            (!lost.is_empty()).then(|| {
                format!("it was decided COMMIT, and {part} on {} ended otherwise, by somebody else's hand", list(&lost))
            })
        }
        TransactionState::RolledBack => cause.map(str::to_owned),
        TransactionState::Unknown => {
            Some(String::from("the journal could not be written, so nobody knows whether it is decided"))
        }
        TransactionState::InDoubt => {
            let heuristic = heuristic(transaction);
            if let Some(first) = heuristic.first() {
                let who = list(&names(&heuristic));
                return Some(format!(
                    "it was decided COMMIT, and its part on {who} was ended by somebody else{}",
                    problem(first)
                ));
            }
            let decided = match transaction.decision {
                Some(Decided::Commit) => String::from("it is decided COMMIT"),
                None => cause
                    .map_or_else(|| String::from("it was never decided"), |c| format!("it was never decided ({c})")),
            };
            let met = waiting.iter().find(|b| b.problem.is_some()).or(waiting.first());
            let met = met.map_or_else(String::new, |b| problem(b));
            Some(format!("{decided}, and {} has not confirmed yet{met}", list(&names(&waiting))))
        }
    }
}

/// What happens next, and who does it.
pub(super) fn next(transaction: &Transaction, interval: Duration) -> String {
    let waiting = waiting(transaction);
    match transaction.state {
        TransactionState::Committed if !given_up_on(transaction).is_empty() => {
            let lost = lost(transaction);
            let also =
                if lost.is_empty() { String::new() } else { format!(" What it did on {} is lost there.", list(&lost)) };
            format!("It is NOT known to be whole.{also} {}", should_it_come_back(transaction, "commits"))
        }
        TransactionState::RolledBack if !given_up_on(transaction).is_empty() => {
            should_it_come_back(transaction, "rolls back")
        }
        TransactionState::Committed if !lost(transaction).is_empty() => format!(
            "Nothing by Handfast, for a person has concluded it. It is NOT whole: what it did on {} is lost there.",
            list(&lost(transaction))
        ),
        TransactionState::Committed => String::from("Nothing: it is committed everywhere."),
        TransactionState::RolledBack => String::from("Nothing: it is rolled back everywhere."),
        TransactionState::Ending => String::from("It is ending now; this takes milliseconds."),
        TransactionState::Unknown => {
            String::from("Restart Handfast: it reads the journal again and commits or rolls back, all or nothing.")
        }
        TransactionState::InDoubt if !heuristic(transaction).is_empty() => format!(
            "A person must look: make the rows on {} as the decision says, then resolve it as COMMIT by force, with your name.",
            list(&names(&heuristic(transaction)))
        ),
        TransactionState::InDoubt => {
            let (verb, who) = match transaction.decision {
                Some(Decided::Commit) => ("commits it on", list(&names(&waiting))),
                None => ("rolls it back on", list(&names(&waiting))),
            };
            let tried = waiting.iter().map(|b| b.attempts).max().unwrap_or(0);
            let tried =
                if tried > 0 { format!("; tried {}", plural(tried as usize, "time", "times")) } else { String::new() };
            format!(
                "Nothing to do: Handfast {verb} {who} as soon as it answers (it tries at least every {} s{tried}).",
                interval.as_secs().max(5)
            )
        }
    }
}
