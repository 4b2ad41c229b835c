//! One checker for each invariant. They look at the servers' truth and at the journal's bytes, never at what the code says
//! of itself.

use std::collections::BTreeMap;

use handfast::base::{BranchName, TxnId};
use handfast::journal::memory::Memory;
use handfast::journal::{Decision, Entry, segment};
use handfast::txn::{Coordinator, Effect, Outcome, Part};

use crate::server::Branch;
use crate::world::{Txn, World};

/// Decisions that a start would find after a power cut now, read from the bytes.
fn durable(memory: &Memory) -> BTreeMap<TxnId, Decision> {
    let image = memory.after_power_cut().image();
    let newest = image.iter().rfind(|(name, _)| name.ends_with(".hfj"));
    let Some((_, bytes)) = newest else { return BTreeMap::new() };
    let scan = segment::scan(bytes).expect("what is synced is whole");
    let decided = |found: segment::Found| match found.entry {
        Entry::Decided(decision) => Some((decision.txn.clone(), decision)),
        Entry::Forgotten(_) | Entry::Kept(..) | Entry::Concluded(_) | Entry::Alarmed(_) => None,
    };
    scan.found.into_iter().filter_map(decided).collect()
}

fn branch(world: &World, id: &TxnId, txn: &Txn, index: usize) -> Option<Branch> {
    let member = &txn.members[index];
    let name = BranchName { txn: id.clone(), place: member.place, session: member.session as u64 };
    world.servers[member.server].branches.get(&name).copied()
}

/// Branches that wrote, as they are now.
fn writers<'a>(world: &'a World, id: &'a TxnId) -> impl Iterator<Item = Branch> + 'a {
    let txn = &world.txns[id];
    let wrote = (0..txn.members.len()).filter(|index| txn.members[*index].wrote);
    wrote.filter_map(|index| branch(world, id, txn, index))
}

/// INV-1: no branch is committed before its decision is durable. Called when a prepared branch has become committed.
pub fn inv_1(world: &World, name: &BranchName) -> Result<(), String> {
    if durable(&world.memory).contains_key(&name.txn) {
        return Ok(());
    }
    Err(format!("INV-1: {name} is committed and its decision is not durable"))
}

/// INV-3: a decision never changes. Called after each write and start.
pub fn remember_decisions(world: &mut World) -> Result<(), String> {
    for (txn, decision) in durable(&world.memory) {
        if let Some(first) = world.decided.get(&txn)
            && *first != decision
        {
            return Err(format!("INV-3: the decision of {txn} has changed"));
        }
        world.decided.insert(txn, decision);
    }
    Ok(())
}

/// INV-4: a client hears success only after the decision. Called when a client is told.
pub fn inv_4(world: &World, id: &TxnId) -> Result<(), String> {
    if !matches!(world.txns[id].told, Some(Outcome::Committed { .. })) {
        return Ok(());
    }
    let decided = world.decided.contains_key(id);
    for branch in writers(world, id) {
        match branch {
            Branch::Committed { .. } => {}
            Branch::Prepared { .. } if decided => {}
            other @ (Branch::Prepared { .. } | Branch::Open | Branch::RolledBack) => {
                return Err(format!("INV-4: {id} is told as committed; decided: {decided}, a branch: {other:?}"));
            }
        }
    }
    Ok(())
}

/// INV-7: a decision is forgotten (or kept as a mere tombstone) only when every participant has settled.
pub fn inv_7(world: &World, id: &TxnId) -> Result<(), String> {
    match writers(world, id).find(|branch| !matches!(branch, Branch::Committed { .. })) {
        Some(branch) => Err(format!("INV-7: {id} is forgotten, and a branch is {branch:?}")),
        None => Ok(()),
    }
}

/// INV-8: the machine is pure: the same events at the same times give the same effects and the same state.
/// INV-9: one participant ⇒ no prepare, no journal write.
pub fn inv_8_and_9(world: &World, id: &TxnId) -> Result<(), String> {
    let txn = &world.txns[id];
    let two_phase = |effect: &Effect| matches!(effect, Effect::Prepare(_) | Effect::Decide(_));
    if txn.members.len() == 1 && (txn.effects.iter().any(two_phase) || world.decided.contains_key(id)) {
        return Err(format!("INV-9: {id} has one participant and went through two phases"));
    }
    let Some(machine) = &txn.machine else { return Ok(()) };
    let parts = txn.members.iter().map(|m| Part { place: m.place, wrote: m.known }).collect();
    let mut again = Coordinator::new(id.clone(), parts, txn.policy, txn.began);
    let mut effects: Vec<_> = std::iter::from_fn(|| again.poll_effect()).collect();
    for (event, now) in &txn.heard {
        again.handle(event.clone(), *now);
        effects.extend(std::iter::from_fn(|| again.poll_effect()));
    }
    if again == *machine && effects == txn.effects {
        return Ok(());
    }
    Err(format!("INV-8: {id} played again is {again:?}, was {machine:?}"))
}

/// INV-10: a failed sync stops deciding. Called when a decision was accepted.
pub fn inv_10(poisoned: bool) -> Result<(), String> {
    if poisoned { Err(String::from("INV-10: a decision was accepted after a failed sync")) } else { Ok(()) }
}

/// INV-2: no decision ⇒ abort. At the end nothing undecided is left prepared, and none of it was committed from prepared.
fn inv_2(world: &World, id: &TxnId) -> Result<(), String> {
    let txn = &world.txns[id];
    for index in 0..txn.members.len() {
        match branch(world, id, txn, index) {
            Some(state @ (Branch::Prepared { .. } | Branch::Open | Branch::Committed { in_one_phase: false })) => {
                return Err(format!("INV-2: {id} was never decided, and a branch is {state:?}"));
            }
            Some(Branch::Committed { in_one_phase: true } | Branch::RolledBack) | None => {}
        }
    }
    Ok(())
}

/// INV-3, at the end: what was once decided is committed everywhere.
fn inv_3(world: &World, id: &TxnId) -> Result<(), String> {
    match writers(world, id).find(|branch| !matches!(branch, Branch::Committed { .. })) {
        Some(branch) => Err(format!("INV-3: {id} was decided, and a branch is {branch:?}")),
        None => Ok(()),
    }
}

/// INV-5: an unknown outcome is told as unknown. At the end, what was told has come true.
fn inv_5(world: &World, id: &TxnId) -> Result<(), String> {
    let told = &world.txns[id].told;
    let wrong = |branch: &Branch| match told {
        Some(Outcome::Committed { .. }) => !matches!(branch, Branch::Committed { .. }),
        Some(Outcome::RolledBack(_)) => matches!(branch, Branch::Committed { .. }),
        Some(Outcome::Unknown) | None => false,
    };
    match writers(world, id).find(wrong) {
        Some(branch) => Err(format!("INV-5: {id} was told as {told:?}, and a branch is {branch:?}")),
        None => Ok(()),
    }
}

/// INV-6: recovery touches only our own branches.
fn inv_6(world: &World) -> Result<(), String> {
    for (server, name) in &world.strangers {
        match world.servers[*server].branches.get(name) {
            Some(Branch::Prepared { .. }) => {}
            other => return Err(format!("INV-6: the stranger {name} is {other:?}")),
        }
    }
    Ok(())
}

/// All that must be true when everything has come to rest.
pub fn at_the_end(world: &World) -> Result<(), String> {
    inv_6(world)?;
    for id in world.txns.keys() {
        inv_8_and_9(world, id)?;
        if world.decided.contains_key(id) {
            inv_3(world, id)?
        } else {
            inv_2(world, id)?
        }
        inv_5(world, id)?;
        let writers: Vec<_> = writers(world, id).collect();
        let committed = writers.iter().filter(|b| matches!(b, Branch::Committed { .. })).count();
        if committed != 0 && committed != writers.len() {
            return Err(format!("{id} is half-done: {writers:?}"));
        }
    }
    Ok(())
}
