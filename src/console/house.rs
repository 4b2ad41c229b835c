//! The operations model as rows, and commands on it.

use super::cell::{Cell, Kind};
use super::command::Command;
use super::query::{Columns, Row};
use crate::base::shown::{escaped, steers};
use crate::base::{Dialect, Fault, FaultKind};
use crate::ops::explain::Asked;
use crate::ops::model::{BranchState, Decided, HouseState, Outcome, Owner, Resolve, Transaction, TransactionState};
use crate::ops::{Filter, House};
use crate::session::Services;

/// Transactions that the tables show at most.
const TRANSACTIONS_MAX: usize = 10_000;

fn seconds(count: u64) -> Cell {
    Cell::span_ms(count.saturating_mul(1000))
}

fn moment(wall_ms: Option<u64>) -> Cell {
    wall_ms.map_or(Cell::Null, Cell::moment_ms)
}

fn state(state: TransactionState) -> &'static str {
    match state {
        TransactionState::InDoubt => "in_doubt",
        TransactionState::Unknown => "unknown",
        TransactionState::Ending => "ending",
        TransactionState::Committed => "committed",
        TransactionState::RolledBack => "rolled_back",
    }
}

fn all(house: &House) -> Vec<Transaction> {
    house.transactions(Filter::All, TRANSACTIONS_MAX).transactions
}

/// A table's rows.
pub(super) async fn rows(services: &Services, name: &str) -> Vec<Row> {
    let mut rows = found(services, name).await;
    rows.iter_mut().flatten().for_each(harmless);
    rows
}

/// Names of prepared transactions, texts of statements and errors are anybody's, and the mariadb client prints what it gets.
fn harmless(cell: &mut Cell) {
    let may = |c: char| matches!(c, '\n' | '\t');
    if let Cell::Text(text) = cell
        && text.contains(|c| steers(c) && !may(c))
    {
        *text = escaped(text, may);
    }
}

async fn found(services: &Services, name: &str) -> Vec<Row> {
    let house = &services.house;
    match name {
        "status" => vec![status(house)],
        "transactions" => all(house).iter().map(transaction).collect(),
        "branches" => all(house).iter().flat_map(branches).collect(),
        "timeline" => all(house).iter().flat_map(timeline).collect(),
        "backends" => backends(house),
        "pools" => pools(house),
        "clients" => clients(house),
        "tables" => tables(house),
        "misplaced" => misplaced(house).await,
        "strangers" => strangers(house),
        "statements" => statements(house),
        "journal" => vec![journal(house)],
        "config" => config(services),
        "metrics" => metrics(services),
        _ => Vec::new(),
    }
}

fn status(house: &House) -> Row {
    let status = house.status();
    let state = match status.state {
        HouseState::Starting => "starting",
        HouseState::Ready => "ready",
        HouseState::Draining => "draining",
    };
    vec![
        status.sentence.into(),
        state.into(),
        status.version.into(),
        status.node.into(),
        status.cluster.into(),
        status.epoch.into(),
        seconds(status.uptime_s),
        status.clients.postgres.into(),
        status.clients.mysql.into(),
        status.in_doubt.into(),
        seconds(status.oldest_in_doubt_s),
        status.committed_total.into(),
        status.rolled_back_total.into(),
        status.unknown_total.into(),
        status.two_phase_total.into(),
        status.p99_commit_ms.into(),
        status.backends_down.join(", ").into(),
    ]
}

fn transaction(t: &Transaction) -> Row {
    let decision = t.decision.map(|decided| match decided {
        Decided::Commit => "commit",
    });
    vec![
        t.name.as_str().into(),
        state(t.state).into(),
        decision.into(),
        Cell::span_ms(t.age_ms),
        Cell::moment_ms(t.begun_wall_ms),
        moment(t.decided_wall_ms),
        t.client.as_ref().map(|client| client.protocol.as_str()).into(),
        t.client.as_ref().map(|client| client.user.as_str()).into(),
        t.why.as_deref().into(),
        t.next.as_str().into(),
    ]
}

fn branches(t: &Transaction) -> impl Iterator<Item = Row> {
    t.branches.iter().map(|branch| {
        let state = match branch.state {
            BranchState::Open => "open",
            BranchState::Prepared => "prepared",
            BranchState::Committed => "committed",
            BranchState::RolledBack => "rolled_back",
            BranchState::Unreachable => "unreachable",
            BranchState::Heuristic => "heuristic",
        };
        vec![
            t.name.as_str().into(),
            branch.backend.as_str().into(),
            u64::from(branch.place).into(),
            branch.name.as_str().into(),
            state.into(),
            branch.problem.as_deref().into(),
            branch.attempts.into(),
            branch.by_hand.as_deref().into(),
            branch.session.into(),
        ]
    })
}

fn timeline(t: &Transaction) -> impl Iterator<Item = Row> {
    t.timeline.iter().map(|event| {
        let at = Cell::Float(event.at_ms / 1000.0).cast(Kind::Span).unwrap_or(Cell::Null);
        let (backend, detail) = (event.backend.as_deref(), event.detail.as_deref());
        vec![t.name.as_str().into(), at, event.what.word().into(), backend.into(), detail.into()]
    })
}

fn backends(house: &House) -> Vec<Row> {
    let row = |backend: crate::ops::model::Backend| {
        vec![
            backend.name.into(),
            backend.dialect.into(),
            backend.engine.into(),
            backend.version.into(),
            backend.address.into(),
            backend.database.into(),
            backend.up.into(),
            moment(Some(backend.since_wall_ms).filter(|since| *since > 0)),
            backend.paused.into(),
            backend.last_error.into(),
            backend.prepared_now.into(),
            backend.prepared_limit.into(),
            backend.in_doubt.into(),
            backend.strangers.into(),
        ]
    };
    house.backends().backends.into_iter().map(row).collect()
}

fn pools(house: &House) -> Vec<Row> {
    let row = |backend: crate::ops::model::Backend| {
        let pool = backend.pool;
        vec![
            backend.name.into(),
            pool.mode.into(),
            pool.size.into(),
            pool.idle.into(),
            pool.active.into(),
            pool.waiting.into(),
        ]
    };
    house.backends().backends.into_iter().map(row).collect()
}

fn clients(house: &House) -> Vec<Row> {
    let row = |client: crate::ops::model::ConnectedClient| {
        vec![
            client.id.into(),
            client.protocol.into(),
            client.user.into(),
            client.address.into(),
            seconds(client.connected_s),
            client.state.word().into(),
            seconds(client.state_s),
            client.transaction.into(),
            client.backends.join(", ").into(),
            client.statements.into(),
        ]
    };
    house.clients().clients.into_iter().map(row).collect()
}

fn tables(house: &House) -> Vec<Row> {
    let row = |rule: crate::ops::model::Rule| {
        vec![rule.pattern.into(), rule.backend.into(), rule.table.into(), rule.line.into()]
    };
    house.rules().into_iter().map(row).collect()
}

async fn misplaced(house: &House) -> Vec<Row> {
    let tables = house.tables().await;
    let row = |problem: &str, table: String, backends: String, clients: &[String], goes_to: Option<String>| {
        vec![table.into(), problem.into(), backends.into(), clients.join(", ").into(), goes_to.into()]
    };
    let doubly = tables.doubly.into_iter();
    let doubly = doubly.map(|d| row("doubly", d.table, d.backends.join(", "), &d.clients, d.goes_to));
    let unrouted = tables.unrouted.into_iter();
    doubly.chain(unrouted.map(|u| row("unrouted", u.table, u.backend, &u.clients, u.goes_to))).collect()
}

fn statements(house: &House) -> Vec<Row> {
    let row = |statement: crate::ops::model::RunStatement| {
        vec![
            statement.text.into(),
            statement.protocol.into(),
            statement.route.into(),
            statement.count.into(),
            statement.errors.into(),
            Cell::Float(statement.total_ms),
            Cell::Float(statement.mean_ms),
            Cell::Float(statement.max_ms),
        ]
    };
    house.statements().statements.into_iter().map(row).collect()
}

fn journal(house: &House) -> Row {
    let journal = house.journal();
    vec![
        journal.path.into(),
        journal.segments.into(),
        journal.bytes.into(),
        journal.records.unsettled.into(),
        journal.records.kept.into(),
        journal.sync.count.into(),
        journal.sync.mean_ms.into(),
        journal.sync.last_ms.into(),
        journal.recovery.found.into(),
        journal.recovery.committed.into(),
        journal.recovery.rolled_back.into(),
        journal.recovery.took_ms.into(),
    ]
}

fn config(services: &Services) -> Vec<Row> {
    let row = |setting: &crate::config::Setting| {
        vec![setting.key.as_str().into(), setting.value.as_str().into(), setting.origin.to_string().into()]
    };
    services.config.settings.iter().map(row).collect()
}

/// Lines of Prometheus' text format: `name{labels} value`.
fn metrics(services: &Services) -> Vec<Row> {
    let text = services.metrics.as_ref().map(|handle| services.house.metrics(handle)).unwrap_or_default();
    let row = |line: &str| {
        let (series, value) = line.rsplit_once(' ').filter(|_| !line.starts_with('#'))?;
        let (name, labels) = series.split_once('{').unwrap_or((series, ""));
        let labels = Some(labels.trim_end_matches('}')).filter(|labels| !labels.is_empty());
        Some(vec![name.into(), labels.into(), value.parse::<f64>().ok()?.into()])
    };
    text.lines().filter_map(row).collect()
}

fn strangers(house: &House) -> Vec<Row> {
    let row = |stranger: crate::ops::model::Stranger| {
        let owner = match stranger.owner {
            Owner::ThisNode => "this node",
            Owner::LostJournal => "lost journal",
            Owner::OtherNode => "other node",
            Owner::OtherCluster => "other cluster",
            Owner::OtherSoftware => "other software",
        };
        let age = stranger.age_s.map_or(Cell::Null, seconds);
        vec![stranger.backend.into(), stranger.name.into(), owner.into(), age, stranger.advice.into()]
    };
    house.strangers().strangers.into_iter().map(row).collect()
}

/// The columns of a command's answer; none: it gives no rows.
pub(super) fn outputs(command: &Command) -> Columns {
    match command {
        Command::Explain { .. } => &[("plan", Kind::Text)],
        Command::Reload => &[("key", Kind::Text), ("from", Kind::Text), ("to", Kind::Text), ("applies", Kind::Text)],
        Command::Resolve { .. } => &[("name", Kind::Text), ("state", Kind::Text), ("next", Kind::Text)],
        Command::Pause(_) | Command::Resume(_) | Command::Drain | Command::Kill { .. } => &[],
    }
}

/// Does what a command says, for `who`. Gives rows and how its end is told.
pub(super) async fn act(
    services: &Services,
    dialect: Dialect,
    command: &Command,
    who: &str,
) -> Result<(Vec<Row>, String), Fault> {
    // What is only explained changes nothing, and may hold what is nobody's business in a log.
    if !matches!(command, Command::Explain { .. }) {
        tracing::info!(user = who, ?command, "the console is told");
    }
    let done = |tag: &str| Ok((Vec::new(), tag.to_owned()));
    match command {
        Command::Pause(name) => services.house.pause(name, true).and_then(|_| done("PAUSE")),
        Command::Resume(name) => services.house.pause(name, false).and_then(|_| done("RESUME")),
        Command::Kill { protocol, id } => {
            services.house.kill(*protocol, *id).await.map_err(|fault| fault.hint("SHOW CLIENTS lists them."))?;
            done("KILL")
        }
        Command::Explain { user, sql } => {
            let asked = Asked { client: Some(dialect), user: user.as_deref() };
            let plan = services.house.explain(asked, sql).await?.plan;
            Ok((plan.into_iter().map(|line| vec![line.into()]).collect(), String::from("EXPLAIN")))
        }
        Command::Drain => {
            services.house.drain();
            done("DRAIN")
        }
        Command::Resolve { name, commit } => {
            let outcome = if *commit { Outcome::Commit } else { Outcome::Rollback };
            let asked = Resolve { outcome, force: false, give_up: Vec::new(), who: who.to_owned() };
            let t = services.house.resolve(name, &asked).await?;
            Ok((vec![vec![t.name.into(), state(t.state).into(), t.next.into()]], String::from("RESOLVE")))
        }
        Command::Reload => match services.house.reload().await {
            Ok(changes) => Ok((changes.into_iter().map(changed).collect(), String::from("RELOAD"))),
            Err(faults) => Err(Fault::new(FaultKind::BadRequest, faults.to_string())
                .hint("What ran goes on; correct the file and say RELOAD again.")),
        },
    }
}

fn changed(change: crate::config::change::Change) -> Row {
    vec![change.key.into(), change.from.into(), change.to.into(), change.applies.text().to_owned().into()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_client_has_sent_cannot_steer_an_operators_terminal() {
        let shown = |text: &str| {
            let mut cell = Cell::from(text);
            harmless(&mut cell);
            cell
        };
        assert_eq!(shown("SELECT \"\u{1b}]0;x\u{7}\"\n\t-- käse"), "SELECT \"\\u{1b}]0;x\\u{7}\"\n\t-- käse".into());
        assert_eq!(shown("a\u{202e}b"), "a\\u{202e}b".into());
    }
}
