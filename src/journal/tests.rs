//! The journal's promises: on a real folder, under faults, and after every power cut that the rules of disks allow.

use std::collections::BTreeSet;
use std::io::ErrorKind;
use std::time::Duration;

use super::core::{Core, Encoded, Settings};
use super::memory::{Fault, Image, Memory, Op, Sector, crash_image};
use super::*;
use crate::base::{Engine, Place};

fn cluster() -> ClusterName {
    ClusterName::new("shop").unwrap()
}

fn settings(segment_bytes: u64) -> Settings {
    Settings { cluster: cluster(), node: None, segment_bytes, keep: Duration::from_secs(60) }
}

fn decision(txn: TxnId) -> Decision {
    let branch = |place: u16| DecidedBranch {
        place: Place(place),
        backend: String::from("store"),
        database: String::from("stock"),
        role: String::from("app"),
        engine: Engine::Postgres,
        session: 100 + u64::from(place),
        wrote: true,
    };
    Decision { txn, decided_wall_ms: 1, branches: vec![branch(0), branch(1)] }
}

fn config(path: &std::path::Path) -> config::Journal {
    config::Journal { path: path.to_owned(), segment_bytes: 1 << 16, keep: Duration::from_secs(60) }
}

fn open_disk(path: &std::path::Path, node: Option<&str>) -> Result<(Journal, Replay), JournalError> {
    let node = node.map(|n| NodeName::new(n).unwrap());
    Journal::open(&config(path), cluster(), node, Failpoints::default())
}

fn open(memory: &Memory, segment_bytes: u64) -> (Journal, Replay) {
    Journal::open_on(Box::new(memory.clone()), settings(segment_bytes), Failpoints::default()).unwrap()
}

fn fresh() -> NodeName {
    NodeName::new("n-1").unwrap()
}

fn open_core(memory: &Memory, segment_bytes: u64) -> Result<(Core, Replay), JournalError> {
    Core::open(Box::new(memory.clone()), settings(segment_bytes), fresh(), 0, Failpoints::default())
}

fn txn(core: &Core, seq: u64) -> TxnId {
    TxnId { cluster: cluster(), node: core.node().clone(), epoch: core.epoch(), seq }
}

fn said(entry: Entry) -> Encoded {
    Encoded::new(entry).unwrap()
}

#[tokio::test]
async fn a_decision_survives_a_restart_and_names_never_repeat() {
    let dir = tempfile::tempdir().unwrap();
    let (journal, replay) = open_disk(dir.path(), None).unwrap();
    assert_eq!((replay.unsettled, replay.first_start), (0, true));
    let first_epoch = replay.epoch;
    let made = journal.next_txn();
    let proof = journal.decide(decision(made.clone())).await.unwrap();
    assert_eq!(proof.txn(), &made);
    assert!(!journal.lookup(&made).unwrap().settled);
    let node = journal.node().clone();
    drop(journal);

    let (journal, replay) = open_disk(dir.path(), None).unwrap();
    assert_eq!((replay.epoch, replay.unsettled, replay.first_start), (first_epoch + 1, 1, false));
    assert_eq!(journal.node(), &node, "the node's name is made once");
    let (found, proof) = journal.unsettled().remove(0);
    assert_eq!((found.as_ref(), proof.txn()), (&decision(made.clone()), &made));
    assert_ne!(journal.next_txn(), made);
    journal.forget(&made);
    assert!(journal.lookup(&made).is_none());
    journal.close().await;
    assert!(matches!(journal.decide(decision(journal.next_txn())).await, Err(DecideError::Refused { .. })));
    drop(journal);
    assert_eq!(open_disk(dir.path(), None).unwrap().1.unsettled, 0);
}

#[tokio::test]
async fn a_second_process_is_told_which_folder_is_in_use() {
    let dir = tempfile::tempdir().unwrap();
    let (journal, _) = open_disk(dir.path(), None).unwrap();
    let error = open_disk(dir.path(), None).unwrap_err().to_string();
    assert!(error.contains(&dir.path().display().to_string()) && error.contains("in use"), "{error}");
    drop(journal);
    open_disk(dir.path(), None).unwrap();
}

#[tokio::test]
async fn the_journal_of_another_node_or_cluster_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    drop(open_disk(dir.path(), Some("hf-1")).unwrap());
    assert_eq!(std::fs::read_to_string(dir.path().join("node-id")).unwrap(), "hf-1\n");
    assert!(matches!(open_disk(dir.path(), Some("hf-2")), Err(JournalError::OtherNode { .. })));
    let other = Journal::open(&config(dir.path()), ClusterName::new("mall").unwrap(), None, Failpoints::default());
    assert!(matches!(other, Err(JournalError::OtherCluster { .. })));
    assert_eq!(open_disk(dir.path(), None).unwrap().0.node().as_str(), "hf-1");
}

#[test]
fn a_journal_whose_segments_were_removed_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    drop(open_disk(dir.path(), None).unwrap());
    for path in segment_paths(dir.path()).unwrap() {
        std::fs::remove_file(path).unwrap();
    }
    let error = open_disk(dir.path(), None).unwrap_err();
    assert!(matches!(error, JournalError::SegmentsMissing { .. }), "{error}");
}

#[tokio::test]
async fn p1_a_failed_write_or_sync_is_never_taken_for_durable_and_poisons_the_journal() {
    let full = Fault::Write { kind: ErrorKind::StorageFull, after_bytes: 0 };
    let short = Fault::Write { kind: ErrorKind::StorageFull, after_bytes: 40 };
    let broken = Fault::Write { kind: ErrorKind::Other, after_bytes: usize::MAX };
    for fault in [full, short, broken, Fault::Sync(ErrorKind::Other), Fault::Sync(ErrorKind::StorageFull)] {
        let memory = Memory::default();
        let (journal, _) = open(&memory, 1 << 16);
        let kept = journal.next_txn();
        journal.decide(decision(kept.clone())).await.unwrap();
        memory.fail_next(fault);
        let lost = journal.next_txn();
        let answer = journal.decide(decision(lost.clone())).await;
        assert!(matches!(answer, Err(DecideError::Unknown { .. })), "{fault:?}: {answer:?}");
        assert!(journal.lookup(&lost).is_none(), "no proof for it can be had (INV-1)");
        let why = tokio::time::timeout(Duration::from_secs(5), journal.failed()).await.unwrap();
        assert!(why.contains("journal"), "{why}");
        for _ in 0..3 {
            let later = journal.decide(decision(journal.next_txn())).await;
            assert!(matches!(later, Err(DecideError::Refused { .. })), "INV-10: {later:?}");
        }
        drop(journal);
        let (journal, replay) = open(&memory.after_power_cut(), 1 << 16);
        assert!(journal.lookup(&kept).is_some());
        assert_eq!(replay.unsettled, 1, "what was not synced is gone");
    }
}

#[tokio::test]
async fn p2_no_acknowledged_decision_is_lost_when_segments_change_under_load() {
    let memory = Memory::default();
    let (journal, _) = open(&memory, 4096);
    let mut tasks = tokio::task::JoinSet::new();
    for _ in 0..32 {
        let journal = journal.clone();
        tasks.spawn(async move {
            let mut open = vec![];
            for round in 0..20 {
                let txn = journal.next_txn();
                journal.decide(decision(txn.clone())).await.unwrap();
                if round % 2 == 0 { journal.forget(&txn) } else { open.push(txn) }
            }
            open
        });
    }
    let open_txns: BTreeSet<_> = tasks.join_all().await.into_iter().flatten().collect();
    assert!(journal.stats().segment > 5, "the test must cross segments: {:?}", journal.stats());
    assert_eq!(journal.stats().unsettled, 320);
    let cut = memory.after_power_cut();
    drop(journal);
    let segments = memory.image().keys().filter(|name| name.ends_with(".hfj")).count();
    assert_eq!(segments, 1, "old segments are removed");
    for memory in [memory, cut] {
        let (journal, _) = open(&memory, 4096);
        let found: BTreeSet<_> = journal.unsettled().into_iter().map(|(d, _)| d.txn.clone()).collect();
        assert!(found.is_superset(&open_txns));
    }
}

#[test]
fn a_segment_that_cannot_be_begun_refuses_the_decision_and_poisons_the_journal() {
    let kind = ErrorKind::StorageFull;
    let faults = [
        Fault::Create(kind),
        Fault::Write { kind, after_bytes: 9 },
        Fault::Sync(kind),
        Fault::Rename(kind),
        Fault::SyncDir(kind),
    ];
    for fault in faults {
        let memory = Memory::default();
        let (mut core, _) = open_core(&memory, 600).unwrap();
        let first = txn(&core, 1);
        core.write(vec![said(Entry::Decided(decision(first.clone())))], 0).unwrap();
        memory.fail_next(fault);
        let mut refused = None;
        for seq in 2..50 {
            if let Err(error) = core.write(vec![said(Entry::Decided(decision(txn(&core, seq))))], 0) {
                refused = Some((seq, error));
                break;
            }
        }
        let (seq, error) = refused.expect("the fault is met");
        let begun = matches!(fault, Fault::Create(_) | Fault::Rename(_) | Fault::SyncDir(_));
        assert_eq!(begun, matches!(error, core::WriteError::NotWritten { .. }), "{fault:?} {error:?}");
        assert!(core.write(vec![], 0).is_err(), "INV-10");
        let (core, _) = open_core(&memory.after_power_cut(), 600).unwrap();
        assert!(core.needed().lock().contains_key(&first));
        assert!(!core.needed().lock().keys().any(|t| t.seq >= seq));
    }
}

#[test]
fn a_removal_that_fails_does_no_harm() {
    let memory = Memory::default();
    drop(open_core(&memory, 4096).unwrap());
    memory.fail_next(Fault::Remove(ErrorKind::PermissionDenied));
    let (core, _) = open_core(&memory, 4096).unwrap();
    assert_eq!(core.epoch(), 2);
    assert_eq!(open_core(&memory, 4096).unwrap().0.epoch(), 3);
    assert_eq!(memory.image().len(), 2, "the segment and node-id: {:?}", memory.image().keys());
}

#[tokio::test]
async fn a_tombstone_is_found_until_its_time_is_over() {
    let memory = Memory::default();
    let (journal, _) = open(&memory, 1 << 16);
    let made = journal.next_txn();
    journal.decide(decision(made.clone())).await.unwrap();
    journal.keep(&made);
    assert!(journal.lookup(&made).unwrap().settled);
    assert!(journal.unsettled().is_empty());
    drop(journal);
    let (journal, replay) = open(&memory, 1 << 16);
    assert_eq!((replay.unsettled, replay.kept), (0, 1));
    assert!(journal.lookup(&made).unwrap().settled);
    let since = clock::wall_ms();
    assert_eq!((needed_at(&memory, since + 50_000), needed_at(&memory, since + 61_000)), (1, 0));
}

fn needed_at(memory: &Memory, wall_ms: u64) -> usize {
    let memory = Box::new(Memory::of(memory.image()));
    Core::open(memory, settings(1), fresh(), wall_ms, Failpoints::default()).unwrap().0.needed().lock().len()
}

#[tokio::test]
async fn a_persons_word_is_durable_at_once_and_kept_with_its_tombstone() {
    let memory = Memory::default();
    let (journal, _) = open(&memory, 1 << 16);
    let txn = journal.next_txn();
    let (wall_ms, who) = (clock::wall_ms(), String::from("ann"));
    let word = Conclusion { txn: txn.clone(), wall_ms, who, committed: true, given_up: vec![Place(1)] };
    let error = journal.conclude(word.clone()).await.unwrap_err();
    assert!(matches!(error, DecideError::Refused { .. }), "what was never decided cannot be concluded: {error}");
    journal.decide(decision(txn.clone())).await.unwrap();
    journal.conclude(word.clone()).await.unwrap();
    for _ in 0..2 {
        // Each start writes everything anew.
        let (journal, replay) = open(&Memory::of(memory.image()), 1 << 16);
        assert_eq!((replay.unsettled, replay.kept), (0, 1));
        let known = journal.lookup(&txn).unwrap();
        assert_eq!((known.settled, known.concluded), (true, Some(word.clone())));
        journal.close().await;
    }
    // Its server may bring back what was given up: that must never look undecided.
    assert_eq!(needed_at(&memory, word.wall_ms + 100 * 365 * 86_400_000), 1);
}

#[tokio::test]
async fn an_alarm_is_durable_at_once_and_outlives_starts() {
    let memory = Memory::default();
    let (journal, _) = open(&memory, 1 << 16);
    let txn = journal.next_txn();
    let alarm = Alarm { txn: txn.clone(), place: Place(0), problem: String::from("XA_RBROLLBACK") };
    let error = journal.alarm(alarm.clone()).await.unwrap_err();
    assert!(matches!(error, DecideError::Refused { .. }), "{error}");
    journal.decide(decision(txn.clone())).await.unwrap();
    for _ in 0..2 {
        journal.alarm(alarm.clone()).await.unwrap();
    }
    let mut image = memory.image();
    for _ in 0..2 {
        let memory = Memory::of(image);
        let (journal, replay) = open(&memory, 1 << 16);
        assert_eq!((replay.unsettled, replay.kept), (1, 0));
        assert_eq!(journal.lookup(&txn).unwrap().alarmed, std::slice::from_ref(&alarm), "told once");
        journal.close().await;
        image = memory.image();
    }
}

#[test]
fn a_decision_seen_after_a_failed_sync_is_made_durable_before_it_is_believed() {
    let memory = Memory::default();
    let (mut core, _) = open_core(&memory, 4096).unwrap();
    let made = txn(&core, 1);
    memory.fail_next(Fault::Sync(ErrorKind::Other));
    assert!(core.write(vec![said(Entry::Decided(decision(made.clone())))], 0).is_err());
    drop(core);
    // The next start still reads it from the kernel's cache; the sync that failed will never bring it to the disk.
    let (core, replay) = open_core(&memory, 4096).unwrap();
    assert_eq!(replay.unsettled, 1);
    drop(core);
    assert!(open_core(&memory.after_power_cut(), 4096).unwrap().0.needed().lock().contains_key(&made));
}

#[test]
fn damage_of_what_was_synced_is_refused_with_file_and_offset() {
    let memory = Memory::default();
    let (mut core, _) = open_core(&memory, 4096).unwrap();
    for seq in 1..4 {
        core.write(vec![said(Entry::Decided(decision(txn(&core, seq))))], 0).unwrap();
    }
    let mut image = memory.image();
    image.get_mut("00000001.hfj").unwrap()[520] ^= 1;
    let error = open_core(&Memory::of(image.clone()), 4096).unwrap_err().to_string();
    assert!(error.contains("00000001.hfj at 512"), "{error}");
    image.get_mut("00000001.hfj").unwrap()[8] = 3;
    let error = open_core(&Memory::of(image), 4096).unwrap_err().to_string();
    assert!(error.contains("version 3 is newer"), "{error}");
}

#[test]
fn a_dump_says_what_is_there_and_changes_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let disk = storage::Disk::open(dir.path()).unwrap();
    let (mut core, _) = Core::open(Box::new(disk), settings(4096), fresh(), 0, Failpoints::default()).unwrap();
    let made = txn(&core, 1);
    let entries = [Entry::Decided(decision(made.clone())), Entry::Kept(made.clone(), 5), Entry::Forgotten(made)];
    core.write(entries.map(said).to_vec(), 0).unwrap();
    let summary = dump::verify(dir.path()).unwrap();
    assert_eq!((summary.segments, summary.records, summary.torn, summary.epoch), (1, 3, false, 1));
    let segment = dump::dump(dir.path()).unwrap().remove(0);
    let scan = segment.scan.unwrap();
    let line = dump::Line { segment: "00000001.hfj", found: &scan.found[0] }.to_string();
    assert_eq!(
        line,
        "00000001.hfj:512 #0 decided hf1.shop.n-1.1.1 at 1: 0=store/stock(app, PostgreSQL session 100) \
         1=store/stock(app, PostgreSQL session 101)"
    );
}

#[tokio::test]
async fn what_waits_for_the_journal_may_move_between_threads() {
    fn send<T: Send>(future: T) -> T {
        future
    }
    let (journal, _) = open(&Memory::default(), 1 << 16);
    send(journal.decide(decision(journal.next_txn()))).await.unwrap();
    drop(send(journal.failed()));
    send(journal.close()).await;
}

/// A life of the journal, and after how many operations each decision was acknowledged (or forgotten).
struct Life {
    start: Image,
    ops: Vec<Op>,
    acknowledged: Vec<(usize, TxnId)>,
    asked: BTreeSet<TxnId>,
    forgotten: BTreeSet<TxnId>,
}

/// Two starts, many writes of one to four decisions, segments that change, decisions that are forgotten.
fn live(segment_bytes: u64) -> Life {
    let memory = Memory::default();
    let mut life = Life {
        start: memory.start(),
        ops: vec![],
        acknowledged: vec![],
        asked: BTreeSet::new(),
        forgotten: BTreeSet::new(),
    };
    for _ in 0..2 {
        let (mut core, _) = open_core(&memory, segment_bytes).unwrap();
        let mut seq = 0;
        for count in [1, 3, 2, 4, 1, 4, 3] {
            let mut batch = vec![];
            for _ in 0..count {
                seq += 1;
                let made = txn(&core, seq);
                life.asked.insert(made.clone());
                batch.push(said(Entry::Decided(decision(made))));
            }
            if seq > 4 {
                let old = txn(&core, seq - 4);
                core.needed().lock().remove(&old);
                batch.push(said(Entry::Forgotten(old.clone())));
                life.forgotten.insert(old);
            }
            let proofs = core.write(batch, 0).unwrap().proofs;
            let now = memory.ops().len();
            life.acknowledged.extend(proofs.into_iter().map(|proof| (now, proof.txn().clone())));
        }
    }
    life.ops = memory.ops();
    life
}

/// Looks at every power cut of a life; says what is wrong with the first bad one, and how many were looked at.
fn check_cuts(life: &Life, segment_bytes: u64) -> Result<usize, String> {
    let mut images = 0;
    for cut in 0..=life.ops.len() {
        for (names_kept, variant) in [false, true].into_iter().flat_map(|kept| (0..24u64).map(move |v| (kept, v))) {
            let fate = |op: usize, sector: u64| match variant {
                0 => Sector::Lost,
                1 => Sector::Kept,
                2 => Sector::Garbage,
                // Every other sector, in both turns; then at random.
                3 | 4 if sector % 2 == variant % 2 => Sector::Kept,
                3 | 4 => Sector::Lost,
                _ => {
                    let mix = (variant * 31 + sector * 17 + op as u64 + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15);
                    [Sector::Lost, Sector::Kept, Sector::Garbage][(mix >> 33) as usize % 3]
                }
            };
            let image = crash_image(&life.start, &life.ops[..cut], names_kept, fate);
            let at = |what| format!("cut {cut}, names kept {names_kept}, fate {variant}: {what}");
            check_image(life, cut, image, segment_bytes).map_err(at)?;
            images += 1;
        }
    }
    Ok(images)
}

fn check_image(life: &Life, cut: usize, image: Image, segment_bytes: u64) -> Result<(), String> {
    let memory = Memory::of(image);
    let (core, _) = open_core(&memory, segment_bytes).map_err(|error| error.to_string())?;
    let found: BTreeSet<_> = core.needed().lock().keys().cloned().collect();
    for (when, txn) in life.acknowledged.iter().filter(|(when, _)| *when <= cut) {
        if !life.forgotten.contains(txn) && !found.contains(txn) {
            return Err(format!("{txn} was acknowledged at {when} and is lost"));
        }
        if core.epoch() <= txn.epoch {
            return Err(format!("epoch {} again", core.epoch()));
        }
    }
    if let Some(txn) = found.iter().find(|txn| !life.asked.contains(txn)) {
        return Err(format!("{txn} was never asked for"));
    }
    if found.iter().any(|txn| *core.needed().lock()[txn].decision != decision(txn.clone())) {
        return Err(String::from("a decision has changed (INV-3)"));
    }
    drop(core);
    // And the next power cut, right after this start, loses nothing of it either.
    let (again, _) = open_core(&memory.after_power_cut(), segment_bytes).map_err(|error| error.to_string())?;
    let still: BTreeSet<_> = again.needed().lock().keys().cloned().collect();
    if still == found { Ok(()) } else { Err(format!("the second start finds {still:?} instead of {found:?}")) }
}

#[test]
fn after_any_power_cut_every_acknowledged_decision_is_there_and_nothing_that_was_never_asked() {
    for segment_bytes in [700, 4096] {
        let images = check_cuts(&live(segment_bytes), segment_bytes).unwrap();
        assert!(images > 1000, "{images}");
    }
}

#[test]
fn the_power_cuts_have_teeth_a_journal_without_its_syncs_is_caught() {
    let without = |unwanted: fn(&Op) -> bool| {
        let mut life = live(4096);
        // Keeps the count of operations, which the acknowledgements name.
        for op in life.ops.iter_mut().filter(|op| unwanted(op)) {
            *op = Op::Write(String::from("idle"), 0, vec![]);
        }
        life.ops.insert(0, Op::Create(String::from("idle"), 0));
        life.acknowledged.iter_mut().for_each(|(when, _)| *when += 1);
        check_cuts(&life, 4096)
    };
    assert!(without(|_| false).is_ok());
    assert!(without(|op| matches!(op, Op::Sync(_))).is_err());
    assert!(without(|op| matches!(op, Op::SyncDir)).is_err());
}

#[tokio::test]
async fn a_journal_knows_which_names_it_has_given() {
    let memory = Memory::default();
    let (first, _) = open(&memory, 4096);
    let old = first.next_txn();
    assert!(first.has_named(&old));
    let not_yet = TxnId { seq: old.seq + 1, ..old.clone() };
    assert!(!first.has_named(&not_yet), "a lost journal with the same epoch gave it");
    first.close().await;
    let (second, _) = open(&memory, 4096);
    assert!(second.has_named(&old) && second.has_named(&not_yet), "an earlier start's");
    assert!(!second.has_named(&TxnId { epoch: second.epoch() + 1, ..old.clone() }), "a lost journal's");
    assert!(!second.has_named(&TxnId { epoch: old.epoch - 1, ..old }), "one's that was lost before this one was made");
}

#[test]
fn a_journal_made_anew_takes_nothing_for_its_own_that_a_lost_one_gave() {
    let open_at = |memory: &Memory, wall_ms| {
        Core::open(Box::new(memory.clone()), settings(4096), fresh(), wall_ms, Failpoints::default()).unwrap().0
    };
    let lost = Memory::default();
    let last = (0..5).map(|_| open_at(&lost, 1_000_000).epoch()).max().unwrap();
    let anew = Memory::default();
    let (first, second) = (open_at(&anew, 1_060_000), open_at(&anew, 1_060_000));
    assert!(last < first.birth() && first.birth() == second.birth() && first.epoch() < second.epoch());
}
