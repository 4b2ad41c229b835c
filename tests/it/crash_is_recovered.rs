//! Handfast dies at every step between two durable or visible effects; after its restart nothing is half done, nothing that
//! was answered is lost, and nothing is left prepared.

use handfast::base::{Engine, Failpoint};
use handfast::testbed::{Direct, Order, SqlError};

use crate::bed::{SETTLE_MAX, Stand, on_every_engine};

on_every_engine! {
    every_failpoint_leaves_both_sides_equal;
    a_burst_of_clients_survives_a_kill_in_the_middle;
    the_fronts_open_only_after_recovery;
}

/// What the client does so that the failpoint is reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Story {
    /// An order and COMMIT.
    Commit,
    /// An order and ROLLBACK.
    Rollback,
    /// An order whose second half is refused at COMMIT or before, or else ROLLBACK.
    OnePhase,
    /// A crash after the decision first, then the failpoint in the recovery.
    Recovery,
    /// Many commits, until the journal is compacted.
    Compaction,
}

fn story_of(point: Failpoint) -> Story {
    match point {
        Failpoint::BeforePrepare
        | Failpoint::AfterFirstPrepareSent
        | Failpoint::AfterFirstPrepared
        | Failpoint::AfterPrepare
        | Failpoint::BeforeJournalSync
        | Failpoint::AfterJournalSync
        | Failpoint::AfterDecision
        | Failpoint::AfterFirstCommit
        | Failpoint::BeforeForget
        | Failpoint::BeforeReply => Story::Commit,
        Failpoint::BeforeAbort | Failpoint::AfterFirstAbort => Story::Rollback,
        Failpoint::AfterOnePhaseSent => Story::OnePhase,
        Failpoint::RecoveryAfterReplay
        | Failpoint::RecoveryAfterList
        | Failpoint::RecoveryAfterFirstSettled
        | Failpoint::RecoveryBeforeForget => Story::Recovery,
        Failpoint::CompactionBeforeUnlink => Story::Compaction,
    }
}

/// What must be there afterwards; `None`: all or nothing.
fn certain(point: Failpoint) -> Option<i64> {
    match point {
        Failpoint::BeforePrepare
        | Failpoint::AfterFirstPrepareSent
        | Failpoint::AfterFirstPrepared
        | Failpoint::AfterPrepare
        | Failpoint::BeforeAbort
        | Failpoint::AfterFirstAbort => Some(0),
        // The record is written and not synced: a process's death loses nothing of it, but nobody was promised that.
        Failpoint::BeforeJournalSync | Failpoint::AfterOnePhaseSent => None,
        Failpoint::AfterJournalSync
        | Failpoint::AfterDecision
        | Failpoint::AfterFirstCommit
        | Failpoint::BeforeForget
        | Failpoint::BeforeReply
        | Failpoint::RecoveryAfterReplay
        | Failpoint::RecoveryAfterList
        | Failpoint::RecoveryAfterFirstSettled
        | Failpoint::RecoveryBeforeForget => Some(1),
        Failpoint::CompactionBeforeUnlink => None,
    }
}

/// Connects, places an order, ends it.
async fn order(url: &str, id: u64, statements: &[String], end: &str) -> Result<(), SqlError> {
    let mut client = Direct::connect(url).await?;
    client.run("BEGIN").await?;
    client.run_all(statements).await?;
    client.run(end).await?;
    tracing::debug!(id, end, "answered");
    Ok(())
}

async fn every_failpoint_leaves_both_sides_equal(engine: Engine) {
    let stand = Stand::cold(engine).await;
    let url = stand.handfast.url(stand.shop.dialect());
    let mut wrong = Vec::new();
    for (number, &point) in Failpoint::ALL.iter().enumerate() {
        let id = 100 + u64::try_from(number).unwrap();
        let order_statements = Order::numbered(id).statements();
        let mut answered = false;
        match story_of(point) {
            Story::Compaction => continue,
            Story::Commit => {
                stand.start_to_die(point.name());
                answered = order(&url, id, &order_statements, "COMMIT").await.is_ok();
            }
            Story::Rollback => {
                stand.start_to_die(point.name());
                // Whatever the client hears, it is rolled back.
                let _heard: Result<(), SqlError> = order(&url, id, &order_statements, "ROLLBACK").await;
            }
            Story::OnePhase => {
                stand.start_to_die(point.name());
                answered = order(&url, id, &order_statements[..2], "COMMIT").await.is_ok();
            }
            Story::Recovery => {
                stand.start_to_die(Failpoint::AfterDecision.name());
                answered = order(&url, id, &order_statements, "COMMIT").await.is_ok();
                assert!(stand.handfast.wait_exit(SETTLE_MAX).is_some(), "{point:?}: alive after the decision");
                stand.handfast.launch(Some(point.name())).unwrap();
            }
        }
        let died = stand.handfast.wait_exit(SETTLE_MAX).is_some();
        if !died {
            wrong.push(format!("{point:?} was never reached"));
        }
        stand.handfast.start().unwrap();
        stand.settled().await;
        let (store, delivery) = stand.sides(id).await;
        let whole = match story_of(point) {
            Story::OnePhase => delivery == 0,
            Story::Commit | Story::Rollback | Story::Recovery | Story::Compaction => store == delivery,
        };
        let as_promised = certain(point).is_none_or(|there| !died || store == there) && (!answered || store == 1);
        if !whole || !as_promised {
            wrong.push(format!("{point:?}: answered {answered}, store {store}, delivery {delivery}"));
        }
        // And Handfast works.
        order(&url, id + 1_000, &Order::numbered(id + 1_000).statements(), "COMMIT").await.unwrap();
        assert_eq!(stand.sides(id + 1_000).await, (1, 1), "after {point:?}");
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

async fn a_burst_of_clients_survives_a_kill_in_the_middle(engine: Engine) {
    let stand = Stand::cold(engine).await;
    for (round, point) in ["after-first-prepared:9", "after-journal-sync:3", "after-decision:9", "after-first-commit:9"]
        .iter()
        .enumerate()
    {
        stand.start_to_die(point);
        let mut clients = tokio::task::JoinSet::new();
        for client in 0..16_u64 {
            let url = stand.handfast.url(stand.shop.dialect());
            // One order after the other: however many clients share a sync of the journal, there are three syncs.
            let ids = (0..3).map(move |turn| 10_000 + u64::try_from(round).unwrap() * 100 + turn * 16 + client);
            clients.spawn(async move {
                let mut answers = Vec::new();
                for id in ids {
                    let statements = Order { item: format!("i{client}"), agent: format!("a{client}"), id }.statements();
                    answers.push((id, order(&url, id, &statements, "COMMIT").await.is_ok()));
                }
                answers
            });
        }
        let answers: Vec<_> = clients.join_all().await.into_iter().flatten().collect();
        assert!(stand.handfast.wait_exit(SETTLE_MAX).is_some(), "{point} was never reached");
        stand.handfast.start().unwrap();
        stand.settled().await;
        for (id, answered) in answers {
            let (store, delivery) = stand.sides(id).await;
            assert_eq!(store, delivery, "{point}: order {id} is half done");
            assert!(!answered || store == 1, "{point}: order {id} was answered and is lost");
        }
    }
}

async fn the_fronts_open_only_after_recovery(engine: Engine) {
    let stand = Stand::cold(engine).await;
    let url = stand.handfast.url(stand.shop.dialect());
    for id in 1..4 {
        stand.start_to_die("after-decision");
        assert!(order(&url, id, &Order::numbered(id).statements(), "COMMIT").await.is_err());
        stand.handfast.start().unwrap();
        assert_eq!(
            stand.shop.branches().await.unwrap(),
            Vec::<String>::new(),
            "clients are let in and branches are left"
        );
        assert_eq!(stand.sides(id).await, (1, 1));
    }
}

#[test]
fn compaction_forgets_no_decision() {
    crate::bed::on(Engine::Postgres, "compaction_forgets_no_decision", |engine| async move {
        let stand = Stand::cold(engine).await;
        let text = stand.shop.config().replace("[journal]\n", "[journal]\nsegment_size = \"64KiB\"\n");
        let handfast = handfast::testbed::Handfast::with_config(crate::bed::binary(), &stand.shop, &text).unwrap();
        // The first time is at the start; the second when the first segment is full.
        handfast.start().unwrap();
        let second = format!("{}:2", Failpoint::CompactionBeforeUnlink.name());
        handfast.launch(Some(&second)).unwrap();
        handfast.wait_ready(SETTLE_MAX).unwrap();
        let mut answered = Vec::new();
        let mut client = stand.client().await;
        for id in 1..6_000 {
            let order = Order { id, item: "lamp".into(), agent: "Ann".into() };
            let placed = async {
                client.run("BEGIN").await?;
                client.run(&order.store_statements()[1]).await?;
                client.run(&order.delivery_statements()[1]).await?;
                client.run("COMMIT").await
            };
            if placed.await.is_err() {
                break;
            }
            answered.push(id);
        }
        assert!(handfast.wait_exit(SETTLE_MAX).is_some(), "the journal was never compacted");
        handfast.start().unwrap();
        stand.settled().await;
        let count = i64::try_from(answered.len()).unwrap();
        let there = stand.store("SELECT COUNT(*) FROM orders").await;
        assert_eq!(there, stand.delivery("SELECT COUNT(*) FROM assignments").await);
        assert!(there == count || there == count + 1, "{there} orders, {count} answered");
    });
}
