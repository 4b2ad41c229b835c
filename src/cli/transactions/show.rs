//! Transactions for people.

use crate::cli::out::one_line;
use crate::ops::model::{
    Branch, BranchState, Decided, Event, Status, Stranger, Strangers, Transaction, TransactionState,
};

fn state(state: TransactionState) -> &'static str {
    match state {
        TransactionState::InDoubt => "in doubt",
        TransactionState::Unknown => "unknown",
        TransactionState::Ending => "ending",
        TransactionState::Committed => "committed",
        TransactionState::RolledBack => "rolled back",
    }
}

fn branch(state: BranchState) -> &'static str {
    match state {
        BranchState::Open => "open",
        BranchState::Prepared => "prepared",
        BranchState::Committed => "committed",
        BranchState::RolledBack => "rolled back",
        BranchState::Unreachable => "unreachable",
        BranchState::Heuristic => "HEURISTIC",
    }
}

fn decision(decision: Option<Decided>) -> &'static str {
    match decision {
        Some(Decided::Commit) => "COMMIT",
        None => "-",
    }
}

fn age(ms: u64) -> String {
    match ms {
        0..=119_999 => format!("{:.1} s", ms as f64 / 1000.0),
        120_000..=7_199_999 => format!("{} min", ms / 60_000),
        _ => format!("{} h", ms / 3_600_000),
    }
}

/// Columns as wide as their widest cell, two blanks between.
fn columns(rows: &[Vec<String>]) -> String {
    let rows: Vec<Vec<String>> = rows.iter().map(|row| row.iter().map(|cell| one_line(cell)).collect()).collect();
    let count = rows.iter().map(Vec::len).max().unwrap_or(0);
    let width = |column| rows.iter().filter_map(|row| row.get(column)).map(|cell: &String| cell.chars().count()).max();
    let widths: Vec<usize> = (0..count).map(|column| width(column).unwrap_or(0)).collect();
    let mut out = String::new();
    for row in &rows {
        let cells = row.iter().zip(&widths).map(|(cell, width)| format!("{cell:<width$}"));
        out.push_str(cells.collect::<Vec<_>>().join("  ").trim_end());
        out.push('\n');
    }
    out
}

/// `handfast transactions list`
pub(super) fn table(transactions: &[Transaction], status: &Status) -> String {
    let mut rows = vec![["NAME", "STATE", "DECISION", "AGE", "BRANCHES", "WHY"].map(str::to_owned).to_vec()];
    for t in transactions {
        let branches: Vec<String> = t.branches.iter().map(|b| format!("{} {}", b.backend, branch(b.state))).collect();
        rows.push(vec![
            t.name.clone(),
            state(t.state).to_owned(),
            decision(t.decision).to_owned(),
            age(t.age_ms),
            branches.join(", "),
            t.why.clone().unwrap_or_else(|| String::from("-")),
        ]);
    }
    let table = if transactions.is_empty() { String::new() } else { columns(&rows) };
    format!("{table}{}\n", status.sentence)
}

/// `handfast transactions show NAME`
pub(super) fn one(t: &Transaction) -> String {
    let client = t
        .client
        .as_ref()
        .map_or_else(|| String::from("from before this start"), |c| format!("{} ({})", c.user, c.protocol));
    let mut out = format!(
        "{}\nstate      {}, decision {}, {} ago\nclient     {client}\n",
        t.name,
        state(t.state),
        decision(t.decision),
        age(t.age_ms)
    );
    if let Some(traceparent) = &t.traceparent {
        out.push_str(&format!("trace      {traceparent}\n"));
    }
    let rows: Vec<Vec<String>> = t.branches.iter().map(branch_row).collect();
    out.push_str("branches\n");
    out.push_str(&columns(&rows));
    if !t.timeline.is_empty() {
        out.push_str("timeline\n");
        out.push_str(&columns(&t.timeline.iter().map(event_row).collect::<Vec<_>>()));
    }
    if let Some(why) = &t.why {
        out.push_str(&format!("why        {}\n", one_line(why)));
    }
    out.push_str(&format!("what now   {}\n", t.next));
    for (b, sql) in t.branches.iter().filter_map(|b| b.by_hand.as_ref().map(|sql| (b, sql))) {
        out.push_str(&format!("by hand    on {}: {sql}\n", b.backend));
    }
    out
}

fn branch_row(b: &Branch) -> Vec<String> {
    let tried = if b.attempts > 0 { format!("tried {} times", b.attempts) } else { String::new() };
    let problem = b.problem.clone().unwrap_or_default();
    vec![format!("  {}", b.backend), branch(b.state).to_owned(), b.name.clone(), tried, problem]
}

fn event_row(e: &Event) -> Vec<String> {
    let (backend, detail) = (e.backend.clone().unwrap_or_default(), e.detail.clone().unwrap_or_default());
    vec![format!("{:>9.1} ms", e.at_ms), e.what.word().to_owned(), backend, detail]
}

/// `handfast transactions strangers`
pub(super) fn strangers(found: &Strangers) -> String {
    if found.strangers.is_empty() {
        return String::from("no strangers: every prepared branch on the backends is this node's to finish\n");
    }
    branches(&found.strangers)
}

/// Prepared branches with whose they are and what to do about them.
pub(super) fn branches(all: &[Stranger]) -> String {
    let mut out = String::new();
    for s in all {
        let age = s.age_s.map_or_else(String::new, |s| format!(", {}", age(s * 1000)));
        let owner = serde_json::to_value(s.owner).ok().and_then(|v| v.as_str().map(str::to_owned)).unwrap_or_default();
        out.push_str(&format!("{}  {} ({owner}{age})\n  {}\n", s.backend, one_line(&s.name), s.advice));
    }
    out
}
