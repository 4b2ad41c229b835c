//! What operators are told, over a journal in memory and no servers.

use std::time::Duration;

use super::model::{BranchState, Outcome, Resolve, TransactionState};
use super::*;
use crate::base::{Engine, Failpoints, FaultKind, Place, TxnId};
use crate::commit::ledger;
use crate::journal::core::Settings;
use crate::journal::memory::Memory;
use crate::journal::{Alarm, DecidedBranch, Decision};
use crate::sql::tests::corpus::config;
use crate::telemetry::statements::Statements;

const NAMES: [&str; 3] = ["store", "delivery", "ledger"];

/// A house over this disk, with three MySQL backends.
fn house(memory: &Memory) -> House {
    let backends = NAMES.map(|name| (name, Dialect::Mysql, name == "store"));
    let mut config = config(&backends, &[]);
    config.transactions.commit_wait = Duration::from_millis(1);
    let config = Arc::new(config);
    let keep = Duration::from_secs(60);
    let settings = Settings { cluster: config.node.cluster.clone(), node: None, segment_bytes: 4096, keep };
    let (journal, _) = Journal::open_on(Box::new(memory.clone()), settings, Failpoints::default()).unwrap();
    let registry = Arc::new(Registry::new(NAMES.len()));
    let commits = Commits::new(Arc::clone(&config), journal.clone(), Arc::clone(&registry), Failpoints::default());
    House::new(Parts {
        pools: Arc::new(Swap::new(Arc::new(Pools::new(Arc::clone(&config))))),
        config: Arc::new(Swap::new(config)),
        journal,
        registry,
        board: Arc::new(Board::new(NAMES.len())),
        commits: Arc::new(commits),
        clients: Arc::default(),
        statements: Arc::new(Statements::new(0)),
        found: 0,
        ready: watch::Sender::new(true).subscribe(),
        stopping: watch::Sender::new(false).subscribe(),
        reloads: reload::Reloads::new().0,
    })
}

async fn decided(house: &House) -> TxnId {
    let txn = house.parts.journal.next_txn();
    let branch = |(place, name): (u16, &&str)| DecidedBranch {
        place: Place(place),
        backend: (*name).to_owned(),
        database: format!("{name}_db"),
        role: String::from("app"),
        engine: Engine::Mariadb,
        session: 7,
        wrote: true,
    };
    let branches = (0..).zip(&NAMES).map(branch).collect();
    house.parts.journal.decide(Decision { txn: txn.clone(), decided_wall_ms: 1, branches }).await.unwrap();
    txn
}

/// Decided; committed on the store, ended otherwise on delivery, and the ledger does not answer.
async fn broken(house: &House) -> TxnId {
    let txn = decided(house).await;
    let Parts { registry, journal, .. } = &house.parts;
    registry.hand_over(&txn, 1, &[0, 1, 2].map(|place| (Place(place), BackendId(place))));
    registry.settled(&txn, Place(0));
    let problem = String::from("XA_RBROLLBACK");
    registry.ledger().met(&txn, Place(1), &problem, Some(ledger::BranchState::Heuristic));
    journal.alarm(Alarm { txn: txn.clone(), place: Place(1), problem }).await.unwrap();
    txn
}

fn asked(outcome: Outcome, force: bool) -> Resolve {
    Resolve { outcome, force, give_up: Vec::new(), who: String::from("ann") }
}

/// With what is given up, too.
fn giving_up(outcome: Outcome, force: bool, name: &str) -> Resolve {
    Resolve { give_up: vec![name.to_owned()], ..asked(outcome, force) }
}

#[tokio::test]
async fn what_is_only_not_reached_is_given_up_by_name_or_not_at_all() {
    let memory = Memory::default();
    let first = house(&memory);
    let name = broken(&first).await.to_string();
    for (asked, code, words) in [
        // The alarm on delivery is no word on the ledger.
        (
            asked(Outcome::Commit, true),
            FaultKind::WouldHalve,
            "still waits for ledger, and force does not give that up",
        ),
        (
            asked(Outcome::Rollback, true),
            FaultKind::WouldHalve,
            "still waits for ledger, and force does not give that up",
        ),
        (
            giving_up(Outcome::Commit, false, "ledger"),
            FaultKind::WouldHalve,
            "somebody else ended this transaction on delivery",
        ),
        (giving_up(Outcome::Commit, true, "store"), FaultKind::BadRequest, "does not wait for \"store\""),
        (giving_up(Outcome::Commit, true, "delivery"), FaultKind::BadRequest, "does not wait for \"delivery\""),
        (giving_up(Outcome::Commit, true, "ledgers"), FaultKind::BadRequest, "does not wait for \"ledgers\""),
    ] {
        let fault = first.resolve(&name, &asked).await.unwrap_err();
        assert_eq!(fault.kind, code, "{asked:?}: {fault:?}");
        assert!(fault.message.contains(words), "{asked:?}: {fault:?}");
        assert_eq!(first.status().in_doubt, 1, "{asked:?} changes nothing");
    }
    let told = first.resolve(&name, &giving_up(Outcome::Commit, true, "ledger")).await.unwrap();
    assert_eq!(first.status().in_doubt, 0);
    first.parts.journal.close().await;
    drop(first);
    let again = house(&memory).transaction(&name).unwrap();
    for told in [told, again] {
        assert_eq!(told.state, TransactionState::Committed, "its decision stands");
        let states: Vec<BranchState> = told.branches.iter().map(|b| b.state).collect();
        assert_eq!(states, [BranchState::Committed, BranchState::Committed, BranchState::Unreachable]);
        let sql = told.branches[2].by_hand.as_ref().unwrap();
        assert!(sql.starts_with("XA COMMIT") && sql.contains(&name), "{sql}");
        let next = &told.next;
        assert!(next.contains("NOT known to be whole") && next.contains("Should ledger come back"), "{next}");
    }
}

#[tokio::test]
async fn what_a_person_has_given_up_is_never_told_as_committed_everywhere() {
    let memory = Memory::default();
    let first = house(&memory);
    let txn = broken(&first).await;
    assert!(first.resolve(&txn.to_string(), &asked(Outcome::Commit, false)).await.is_err(), "only by force");
    first.parts.registry.settled(&txn, Place(2));
    let told = first.resolve(&txn.to_string(), &asked(Outcome::Rollback, true)).await.unwrap();
    assert_eq!(told.state, TransactionState::Committed, "its decision stands");
    assert!(told.next.contains("NOT whole") && told.next.contains("delivery"), "{}", told.next);
    assert!(told.why.as_ref().is_some_and(|why| why.contains("decided COMMIT")), "{:?}", told.why);
    let told: Vec<&str> = told.timeline.iter().filter_map(|e| e.detail.as_deref()).collect();
    assert_eq!(told.iter().filter(|detail| **detail == "concluded by ann: rollback").count(), 1, "{told:?}");
    assert_eq!(told.iter().filter(|detail| **detail == "committed by recovery").count(), 2, "the others': {told:?}");
    assert_eq!(first.status().in_doubt, 0);
    // The journal tells the same after a start.
    first.parts.journal.close().await;
    drop(first);
    let second = house(&memory);
    let told = second.transaction(&txn.to_string()).unwrap();
    assert_eq!(told.branches[1].state, BranchState::RolledBack);
    assert!(told.next.contains("NOT whole") && told.next.contains("delivery"), "{}", told.next);
    assert!(told.timeline.iter().any(|e| e.detail.as_deref() == Some("concluded by ann: rollback")));
}

#[tokio::test]
async fn a_list_is_as_long_as_asked_for_however_many_the_journal_keeps() {
    let house = house(&Memory::default());
    let mut names = Vec::new();
    for _ in 0..5 {
        let txn = decided(&house).await;
        house.parts.journal.keep(&txn);
        names.push(txn.to_string());
    }
    let shown = |limit| -> Vec<String> {
        house.transactions(Filter::All, limit).transactions.into_iter().map(|t| t.name).collect()
    };
    names.reverse();
    assert_eq!(shown(2), names[..2], "newest first");
    assert_eq!(shown(100), names);
}

#[tokio::test]
async fn the_rate_is_the_last_minutes_not_the_mean_of_all_days() {
    let house = house(&Memory::default());
    for _ in 0..30 {
        let (txn, client) = (
            house.parts.journal.next_txn(),
            ledger::Client { protocol: Dialect::Mysql, user: "app", trace: Default::default() },
        );
        house.parts.commits.commit(&txn, client, 0, Vec::new()).await;
    }
    house.sample();
    assert!(house.status().sentence.contains("1800 transactions/min"), "{}", house.status().sentence);
    for _ in 0..60 {
        house.sample();
    }
    assert!(house.status().sentence.contains(" 0 transactions/min"), "{}", house.status().sentence);
}
